import type { Witness } from './side.ts'

/** Something that the new file gives and the old one did not, or that cannot be told apart from it. */
export interface NewAccess {
  /** Of the new file, which give it. None where it is not about rules. */
  rules: readonly string[]
  issuer?: string
  client?: string
  target?: string
  /** What is new, in words. */
  what: string
  /** False: it may be new access, and `what` says why that is not known. */
  certain: boolean
  /** Somebody who gets it. */
  witness?: Witness
}
