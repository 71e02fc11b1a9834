import { isRefreshable, type Configuration, type Issuer, type Registration } from '../configuration.ts'
import { withAnyRegistered } from '../registered-client.ts'
import type { Comparison } from './compare-offer.ts'
import type { NewAccess } from './finding.ts'
import { sameIssuer, type Side } from './side.ts'
import { duration } from './terms.ts'

/** Who may register clients by the new file, which ones, and what those may do, that could not. */
export function compareRegistration({ before, after }: Comparison): NewAccess[] {
  const { registration, issuers } = after.policy.configuration
  if (registration === undefined) return []
  const old = before.policy.configuration.registration
  const found = (what: string, issuer?: string): NewAccess => ({
    rules: [],
    ...(issuer === undefined ? {} : { issuer }),
    what,
    certain: true,
  })
  if (old === undefined) return [found('clients may register themselves, which they could not')]
  const gained = registration.issuers.filter(
    (name) => !old.issuers.includes(name) || sameIssuer(before, issuers[name] as Issuer)?.login === undefined,
  )
  return [
    ...gained.map((name) =>
      found('its people may log in to clients that register themselves, which they could not', name),
    ),
    ...gains(old, registration, before.policy.configuration, after.policy.configuration).map((what) => found(what)),
  ]
}

/** Some client that has registered itself, for what is asked of any. */
const some = `reg.${'A'.repeat(22)}`

/** What broker.yaml does not name. */
export function withOneRegistered(side: Side): Side {
  return { ...side, policy: withAnyRegistered(some, side.policy) }
}

function gains(before: Registration, after: Registration, old: Configuration, new_: Configuration): string[] {
  const added = (key: 'redirect_hosts' | 'grants' | 'auth' | 'scopes') =>
    (after[key] as readonly string[]).filter((each) => !(before[key] as readonly string[]).includes(each)).join(', ')
  const of = (key: Parameters<typeof added>[0], what: (names: string) => string) =>
    added(key) === '' ? [] : [what(added(key))]
  const tokens = after.initial_access_tokens.sha256.filter(
    (hash) => !before.initial_access_tokens.sha256.includes(hash),
  )
  const longer = (of: 'session' | 'refresh_tokens') =>
    (['idle', 'absolute'] as const)
      .filter((key) => new_.login[of][key] > old.login[of][key])
      .map((key) => `for ${duration(new_.login[of][key])} (${key}) instead of ${duration(old.login[of][key])}`)
  const refreshed = [before, after].every(isRefreshable) ? longer('refresh_tokens') : []
  return [
    ...(tokens.length > 0 ? ['another initial access token registers clients'] : []),
    ...of(
      'redirect_hosts',
      (hosts) => `codes of clients that register themselves may go to ${hosts}, which they could not`,
    ),
    ...of('grants', (grants) => `clients that register themselves may use ${grants}, which they could not`),
    ...of('auth', (methods) => `clients that register themselves may authenticate by ${methods}, which they could not`),
    ...of('scopes', (scopes) => `clients that register themselves may have scope ${scopes}, which they could not`),
    ...(after.token_endpoint_audience && !before.token_endpoint_audience
      ? ['their assertions may also be for the token endpoint']
      : []),
    ...(before.require_pkce && !after.require_pkce
      ? ['codes of clients that register themselves need no PKCE any more']
      : []),
    ...(after.lifetime > before.lifetime
      ? [
          `clients that register themselves live for ${duration(after.lifetime)} instead of ${duration(before.lifetime)}`,
        ]
      : []),
    ...(after.limit > before.limit
      ? [`an initial access token may have ${after.limit} clients instead of ${before.limit}`]
      : []),
    ...longer('session').map((what) => `people stay logged in at clients that register themselves ${what}`),
    ...refreshed.map((what) => `clients that register themselves refresh tokens ${what}`),
  ]
}
