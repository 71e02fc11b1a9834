import type { Authentication } from '../ports.ts'
import { RefusedError } from '../protocol/errors.ts'
import { subjectOf, toSub } from './subject.ts'
import type { TrustedIssuer } from './trusted-issuer.ts'
import type { VerifiedSubject } from './verify-subject-token.ts'

/**
 * The subject of an ID token that was verified when its person logged in, as long as the issuer would still call it so.
 * Nothing that is issued on it need end before the session does. Undefined otherwise: they must log in again.
 */
export function recalledSubject(
  { issuer_name, subject, sub, claims, jti, hash, expires_at }: Authentication,
  issuer: TrustedIssuer,
): VerifiedSubject | undefined {
  if (issuer.name !== issuer_name || claims.iss !== issuer.issuer) return undefined
  try {
    if (subjectOf(claims, issuer.subject) !== subject || toSub(issuer.name, subject) !== sub) return undefined
  } catch (error) {
    if (error instanceof RefusedError) return undefined
    throw error
  }
  return { issuer, subject, sub, claims, jti, exp: expires_at, hash } as unknown as VerifiedSubject
}
