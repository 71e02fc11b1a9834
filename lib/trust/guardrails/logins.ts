import { isIdentityScope } from '../../protocol/identity.ts'
import type { Configuration } from '../configuration.ts'
import { bounds, DAY, finding, MINUTE, type GuardrailFinding } from './finding.ts'

/** Of everybody who logs in, and what tokens for them could be taken for. */
export function ofLogins({ issuer, login, clients, targets }: Configuration): GuardrailFinding[] {
  const { idle, absolute } = login.session
  const path = ['login', 'session']
  const sessions = [
    ...bounds([...path, 'idle'], idle, [5 * MINUTE, '5m'], [30 * DAY, '30d']),
    ...bounds([...path, 'absolute'], absolute, [5 * MINUTE, '5m'], [90 * DAY, '90d']),
    ...(idle > absolute
      ? [finding('lifetime-out-of-bounds', [...path, 'idle'], 'idle is longer than absolute, which ends every session')]
      : []),
  ]
  if (!Object.values(clients).some((client) => client.login !== undefined)) return sessions
  const ofTargets = Object.entries(targets).flatMap(([name, target]) => {
    if ('role' in target) return []
    const scopes = target.scopes.filter(isIdentityScope)
    return [
      ...(scopes.length > 0
        ? [
            finding(
              'ambiguous-name',
              ['targets', name, 'scopes'],
              `${scopes.join(', ')} is a scope of OpenID Connect, by which clients learn who somebody is: call yours otherwise, such as ${name}:${scopes[0]}`,
            ),
          ]
        : []),
      ...(target.audience === `${issuer}/userinfo`
        ? [
            finding(
              'ambiguous-name',
              ['targets', name, 'audience'],
              'this is our own /userinfo: a token for a target must not open it',
            ),
          ]
        : []),
    ]
  })
  return [...sessions, ...ofTargets]
}
