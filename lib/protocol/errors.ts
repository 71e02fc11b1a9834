import type { Refusal } from './refusals.ts'

/** The caller's fault: thrown by a gate (`parse…`, `verify…`), answered by the `wire` table. Never holds token text. */
export class RefusedError extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.reason)
    this.name = 'RefusedError'
    this.refusal = refusal
  }
}

export type Dependency =
  'kms' | 'dynamodb' | 'sts' | 'issuer_keys' | 'upstream' | 'secrets' | 'sqs' | 'client' | 'deadline'

/** Nobody's fault here: something we stand on did not answer, or not in time. Always 503, never `invalid_*`. */
export class UnavailableError extends Error {
  readonly dependency: Dependency

  constructor(dependency: Dependency, detail: string, options?: { cause: unknown }) {
    super(`${dependency}: ${detail}`, options)
    this.name = 'UnavailableError'
    this.dependency = dependency
  }
}
