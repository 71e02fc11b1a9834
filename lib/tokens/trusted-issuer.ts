import type { KeySource } from '../ports.ts'
import type { SubjectTokenAlgorithm } from '../protocol/algorithms.ts'
import type { ClaimPath } from './claim-path.ts'

/** `once`: a token is traded once. `once_per_target`: once for each target. `off`: until it expires. */
export type ReplayMode = 'once' | 'once_per_target' | 'off'

export const strictness: Readonly<Record<ReplayMode, number>> = { off: 0, once_per_target: 1, once: 2 }

/** Text and claims in turn: `['repo:', {claim: ['repository_owner_id']}, '/', {claim: ['repository_id']}]`. A list of claims means the first that is present. */
export type SubjectTemplate = readonly (string | { claim: ClaimPath; otherwise?: ClaimPath })[]

/** In seconds: no issuer's `clock_tolerance` is more. */
export const MAX_CLOCK_TOLERANCE = 300

/** What verification needs to know of an issuer. Durations in seconds. */
export interface TrustedIssuer extends KeySource {
  /** Absent: our own issuer. */
  audiences?: readonly string[]
  algorithms: readonly SubjectTokenAlgorithm[]
  subject: SubjectTemplate
  replay: ReplayMode
  clock_tolerance: number
  max_token_lifetime: number
}
