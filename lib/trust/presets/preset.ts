import type { SubjectTokenAlgorithm } from '../../protocol/algorithms.ts'
import type { ClaimPath } from '../../tokens/claim-path.ts'
import type { ReplayMode, SubjectTemplate } from '../../tokens/trusted-issuer.ts'

/** What we know of a kind of issuer, so that an operator need not: from its documentation, see docs/configuration.md. */
export interface Preset {
  /** Absent: broker.yaml must say. */
  issuer?: string
  /** The shapes an issuer URL of this kind has. Absent: any. */
  issuers?: readonly RegExp[]
  /**
   * Anybody can have tokens of `issuer`, or of every issuer of this kind where that is absent: one of these, by value, pins
   * a tenant. Absent: each issuer is one tenant's own.
   */
  tenantClaims?: TenantClaims
  /** What `aud` is where the issuer lets nobody choose it; `registered`: an application's own id, which broker.yaml must say. Absent: our own issuer. */
  audiences?: readonly string[] | 'registered'
  algorithms: readonly SubjectTokenAlgorithm[]
  subject: SubjectTemplate
  replay: ReplayMode
  /** Seconds. */
  max_token_lifetime: number
  forbidden?: ForbiddenEvents
  /**
   * Below these whoever has or asks for the token writes what they like, or all tokens say the same, so that a rule about
   * them alone means everybody. A pattern is of a claim's name.
   */
  callerChosen?: readonly (ClaimPath | RegExp)[]
  /** Claims that the person types, and the one that is true once somebody has verified it: they mean nothing without. */
  verifiedBy?: Readonly<Record<string, string>>
  /**
   * Claims that are neither text nor lists of text. All others are, also those that look like numbers and booleans.
   * Absent: its administrators add claims of any type.
   */
  otherTypes?: readonly string[]
  /** The claims that its tokens have beside the registered ones, as far as we know; `*` at the end stands for any. Absent: its administrators add others. */
  claims?: readonly string[]
  /** Short names for `match` and `require`. */
  aliases: Readonly<Record<string, ClaimPath>>
  /** Names, which people change and hand on, each with what has the id that stays. Both as `match` has them. */
  ids: Readonly<Record<string, string>>
}

export type TenantClaims = readonly [string, ...string[]]

/** Values of a claim that are refused unless a rule names them literally: who causes such an event need not be trusted. */
export interface ForbiddenEvents {
  claim: string
  values: readonly (string | boolean)[]
}

/** Claims that people type, and the one that says whether somebody has verified it (OpenID Connect Core section 5.1). */
export const verifiedBy = { email: 'email_verified', phone_number: 'phone_number_verified' }
