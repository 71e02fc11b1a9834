import { isIdentityScope } from '../../protocol/identity.ts'
import { hasLogins, type Configuration } from '../configuration.ts'
import { bounds, DAY, finding, HOUR, MINUTE, type GuardrailFinding } from './finding.ts'

/** Of everybody who logs in, and what tokens for them could be taken for. */
export function ofLogins(configuration: Configuration): GuardrailFinding[] {
  const { issuer, login, targets } = configuration
  const { session, refresh_tokens } = login
  const settings = [
    ...ofLifetimes(['login', 'session'], session, {
      idle: [5 * MINUTE, '5m', 30 * DAY, '30d'],
      absolute: [5 * MINUTE, '5m', 90 * DAY, '90d'],
      ends: 'every session',
    }),
    ...ofLifetimes(['login', 'refresh_tokens'], refresh_tokens, {
      idle: [HOUR, '1h', 90 * DAY, '90d'],
      absolute: [HOUR, '1h', 365 * DAY, '365d'],
      ends: 'all refreshing',
    }),
    ...bounds(['login', 'refresh_tokens', 'reuse_window'], refresh_tokens.reuse_window, [0, '0s'], [MINUTE, '60s']),
  ]
  if (!hasLogins(configuration)) return settings
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
  return [...settings, ...ofTargets]
}

type Bounds = readonly [least: number, written: string, most: number, writtenMost: string]

function ofLifetimes(
  path: readonly string[],
  { idle, absolute }: { idle: number; absolute: number },
  within: { idle: Bounds; absolute: Bounds; ends: string },
): GuardrailFinding[] {
  const ofOne = (key: 'idle' | 'absolute', seconds: number) => {
    const [least, written, most, writtenMost] = within[key]
    return bounds([...path, key], seconds, [least, written], [most, writtenMost])
  }
  return [
    ...ofOne('idle', idle),
    ...ofOne('absolute', absolute),
    ...(idle > absolute
      ? [
          finding(
            'lifetime-out-of-bounds',
            [...path, 'idle'],
            `idle is longer than absolute, which ends ${within.ends}`,
          ),
        ]
      : []),
  ]
}
