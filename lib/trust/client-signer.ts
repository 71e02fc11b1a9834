import type { SubjectTokenAlgorithm } from '../protocol/algorithms.ts'
import type { TrustedIssuer } from '../tokens/trusted-issuer.ts'

/** A client that signs with a key of its own, as an issuer of assertions about itself (RFC 7523 section 3). */
export function clientSigner(
  client_id: string,
  algorithms: readonly SubjectTokenAlgorithm[],
  jwks: TrustedIssuer['jwks'],
): TrustedIssuer {
  return {
    name: `client:${client_id}`,
    issuer: client_id,
    algorithms,
    jwks,
    subject: [{ claim: ['sub'] }],
    replay: 'once',
    clock_tolerance: 60,
    max_token_lifetime: 3_600,
  }
}
