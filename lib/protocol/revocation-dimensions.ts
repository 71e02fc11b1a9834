/** By what everything issued can be revoked. */
export const revocationDimensions = ['jti', 'subject', 'issuer', 'rule', 'client', 'kid', 'target', 'all'] as const

export type RevocationDimension = (typeof revocationDimensions)[number]

/** What a revocation is of: `<value>` of that dimension; the value of `all` is `all`. */
export interface RevocationKey {
  dimension: RevocationDimension
  value: string
}

export function isRevocationDimension(text: string): text is RevocationDimension {
  return revocationDimensions.some((dimension) => dimension === text)
}
