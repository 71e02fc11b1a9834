import { isRegisteredId } from '../../protocol/registered-client.ts'
import { AUTHORIZATION_CODE_GRANT, REFRESH_TOKEN_GRANT } from '../../protocol/urns.ts'
import { secretHash } from '../../tokens/client-secret.ts'
import type { Configuration } from '../configuration.ts'
import { unsafeHost } from '../redirect-host.ts'
import { ofIssuers } from './client-login.ts'
import { bounds, DAY, finding, HOUR, type GuardrailFinding } from './finding.ts'

const MOST_CLIENTS = 1_000

/** Of clients that register themselves, and of those that could be taken for one. */
export function ofRegistration(configuration: Configuration): GuardrailFinding[] {
  const { clients, registration } = configuration
  const path = ['registration']
  const wrong = (message: string, ...at: string[]) => finding('registration', [...path, ...at], message)
  const reserved = Object.keys(clients)
    .filter(isRegisteredId)
    .map((id) =>
      finding(
        'ambiguous-name',
        ['clients', id],
        'ids of this form are those of clients that register themselves: call it otherwise',
      ),
    )
  if (registration === undefined) return reserved
  const { initial_access_tokens, redirect_hosts, grants, auth, issuers, scopes, lifetime, limit } = registration
  const { sha256 } = initial_access_tokens
  return [
    ...reserved,
    ...(sha256.length > 0 && sha256.every((hash) => secretHash.test(hash))
      ? []
      : [wrong('it has no hash of a token: make one with `token-broker clients secret`', 'initial_access_tokens')]),
    ...(redirect_hosts.length > 0 ? [] : [wrong('name the hosts of the clients', 'redirect_hosts')]),
    ...redirect_hosts.flatMap((host, index) => {
      const message = unsafeHost(host)
      return message === undefined ? [] : [wrong(message, 'redirect_hosts', String(index))]
    }),
    ...(grants.every((grant) => grant === AUTHORIZATION_CODE_GRANT || grant === REFRESH_TOKEN_GRANT)
      ? []
      : [wrong('they may use authorization_code and refresh_token alone', 'grants')]),
    ...(grants.includes(AUTHORIZATION_CODE_GRANT)
      ? []
      : [wrong('add authorization_code: all that they can do begins with a login', 'grants')]),
    ...(auth.length > 0 ? [] : [wrong('say how they may authenticate', 'auth')]),
    ...(issuers.length > 0 ? [] : [wrong('give it login: the names of issuers at which their people log in', 'login')]),
    ...ofIssuers(issuers, configuration, [...path, 'login']),
    ...(scopes.includes('openid') ? [] : [wrong('add openid: without it they could ask for nothing', 'scopes')]),
    ...(scopes.includes('offline_access') && !grants.includes(REFRESH_TOKEN_GRANT)
      ? [wrong('nothing comes of offline_access here: add refresh_token to grants', 'scopes')]
      : []),
    ...bounds([...path, 'lifetime'], lifetime, [HOUR, '1h'], [365 * DAY, '365d']),
    ...(Number.isSafeInteger(limit) && limit >= 1 && limit <= MOST_CLIENTS
      ? []
      : [wrong(`limit must be from 1 to ${MOST_CLIENTS}`, 'limit')]),
  ]
}
