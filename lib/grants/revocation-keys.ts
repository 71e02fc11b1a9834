import type { RevocationKey } from '../ports.ts'
import type { OwnClaims } from '../tokens/verify-own-token.ts'

/** What a token, or a session of a role, was issued on. */
export interface Grounds {
  /** Our `sub`: of a workload `<issuer name>:<subject>`, of a client its client_id. */
  sub: string
  /** As the token says it: a workload that names no client is its own. */
  client_id: string
  /** Of a federated client: our `sub` for the workload that authenticated as it. */
  client_sub?: string | undefined
  target: string
  rules: readonly string[]
  /** Only where a key of ours signs. */
  kid?: string | undefined
}

/** Every revocation that what is issued on these grounds falls under, when it is issued and ever after. */
export function revocationKeysOf({ sub, client_id, client_sub, target, rules, kid }: Grounds): RevocationKey[] {
  const subjects = client_sub === undefined ? [sub] : [sub, client_sub]
  return [
    { dimension: 'all', value: 'all' },
    ...subjects.flatMap(subjectKeys),
    { dimension: 'target', value: target },
    ...(kid === undefined ? [] : [{ dimension: 'kid' as const, value: kid }]),
    ...rules.map((value) => ({ dimension: 'rule' as const, value })),
    ...(client_id.includes(':') ? [] : [{ dimension: 'client' as const, value: client_id }]),
  ]
}

/** A token by itself, and what it came of. */
export function tokenKeys({ jti, parents = [] }: Pick<OwnClaims, 'jti' | 'parents'>): RevocationKey[] {
  return [jti, ...parents].map((value) => ({ dimension: 'jti', value }))
}

/** Of a client that authenticated: what stops it from being believed. */
export function clientRevocationKeys(client_id: string, client_sub: string | undefined): RevocationKey[] {
  return [{ dimension: 'client', value: client_id }, ...(client_sub === undefined ? [] : subjectKeys(client_sub))]
}

/** A subject, and its issuer if it has one: no client_id holds a colon. */
export function subjectKeys(sub: string): RevocationKey[] {
  const colon = sub.indexOf(':')
  const issuer: RevocationKey[] = colon === -1 ? [] : [{ dimension: 'issuer', value: sub.slice(0, colon) }]
  return [...issuer, { dimension: 'subject', value: sub }]
}
