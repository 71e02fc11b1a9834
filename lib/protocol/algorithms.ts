/** What our own tokens may be signed with (RFC 7518 section 3.1). */
export type SigningAlgorithm = 'ES256' | 'RS256'

/** What a foreign token may be signed with: asymmetric only. Ed25519 and EdDSA name the same signature (RFC 8037, RFC 9864). */
export const subjectTokenAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

export type SubjectTokenAlgorithm = (typeof subjectTokenAlgorithms)[number]
