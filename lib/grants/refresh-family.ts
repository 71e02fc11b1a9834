import type { Log, LoginGrant, RefreshFamilies, RefreshFamily, RevocationRegister } from '../ports.ts'
import { successorOf, toRefreshToken, type RefreshToken } from '../tokens/refresh-token.ts'
import type { Configuration, LoginSettings } from '../trust/configuration.ts'
import type { GrantContext } from './index.ts'
import { tokenRevocation } from './token-revocation.ts'

/** Names a family among the `parents` of its access tokens, and to whoever revokes it by `jti`: no token's own has a colon. */
export function familyJti(id: string): string {
  return `family:${id}`
}

/** The first refresh token of a login, on record. Throws UnavailableError. */
export async function beginFamily(
  grant: LoginGrant,
  { policy, ports, decision_id, signal }: GrantContext,
): Promise<RefreshToken> {
  const { idle, absolute } = policy.configuration.login.refresh_tokens
  const token = toRefreshToken(decision_id, ports.random(16), ports.random(32))
  const at = ports.now()
  const lifetime = { at, ends_at: at + absolute, expires_at: at + Math.min(idle, absolute) }
  await ports.families.record(
    { ...grant, id: decision_id, holder: token.holder, current: token.hash, ...lifetime },
    signal,
  )
  return token
}

/** What a token is to its family: the one that counts, the one before while its successor may not have arrived, or used. */
export function standingOf(
  { hash }: RefreshToken,
  { current, rotation }: RefreshFamily,
  { reuse_window }: LoginSettings['refresh_tokens'],
  now: number,
): 'current' | 'before' | 'used' {
  if (hash === current) return 'current'
  return hash === rotation?.previous && now < rotation.at + reuse_window ? 'before' : 'used'
}

/** When it ends, by broker.yaml as it is now too. */
export function endOf(
  { at, ends_at, expires_at, rotation }: RefreshFamily,
  { idle, absolute }: LoginSettings['refresh_tokens'],
): number {
  return Math.min(expires_at, ends_at, at + absolute, (rotation?.at ?? at) + idle)
}

export function nextOf(token: RefreshToken, ports: { random(bytes: number): string }): RefreshToken {
  return successorOf(token, ports.random(32))
}

/**
 * All that came of one login's code, for good: access tokens first, which the register has until no family of today is left,
 * then the family. Both may be repeated. Throws UnavailableError.
 */
export async function revokeFamily(
  id: string,
  { reason, by }: { reason: string; by: string },
  {
    policy,
    ports,
    decision_id,
    signal,
  }: {
    policy: { configuration: Pick<Configuration, 'login'> }
    ports: { now(): number; log: Log; register: RevocationRegister; families: Pick<RefreshFamilies, 'revoke'> }
    decision_id: string
    signal: AbortSignal
  },
): Promise<void> {
  const now = ports.now()
  const { absolute } = policy.configuration.login.refresh_tokens
  const jti = familyJti(id)
  await ports.register.revoke(tokenRevocation(jti, reason, by, now, absolute), signal)
  await ports.families.revoke(id, now, signal)
  ports.log.warn('revoked', { decision_id, jti, by })
}
