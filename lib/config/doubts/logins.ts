import { isRefreshable, type Client, type Configuration, type Issuer } from '../../trust/configuration.ts'
import { verifiedBy } from '../../trust/presets/preset.ts'
import { doubt, type Doubt } from './finding.ts'

/** Of where people log in, and what they log in to. */
export function ofLogins({ issuers, clients, registration }: Configuration): Doubt[] {
  const ofClients = Object.values(clients).flatMap(({ login }) => login?.issuers ?? [])
  const named = new Set([...ofClients, ...(registration?.issuers ?? [])])
  return [
    ...Object.values(issuers).flatMap((issuer) => ofIssuer(issuer, named.has(issuer.name))),
    ...Object.entries(clients).flatMap(([id, client]) => ofRefreshing(id, client)),
    ...Object.entries(clients).flatMap(([id, { type, login }]) => {
      // RFC 8252 section 8.6: another app on the device can say that it is this one, and listen there too.
      const own = login?.redirect_uris.find((uri) => !uri.startsWith('https:'))
      if (type !== 'public' || login?.consent !== 'never' || own === undefined) return []
      const message = `any app on somebody's device can take codes at ${own}, and would have them unasked: write consent: first_time, or always`
      return [doubt('unproven-client', ['clients', id, 'consent'], message)]
    }),
  ]
}

/** OpenID Connect Core section 11: one comes of the other. */
function ofRefreshing(id: string, { grants, login }: Client): Doubt[] {
  if (login === undefined) return []
  const asks = login.scopes.includes('offline_access')
  if (asks === isRefreshable({ grants })) return []
  return asks
    ? [
        doubt(
          'no-refreshing',
          ['clients', id, 'scopes'],
          'nothing comes of offline_access here: add refresh_token to grants',
        ),
      ]
    : [
        doubt(
          'no-refreshing',
          ['clients', id, 'grants'],
          'it never gets a refresh token to use: add offline_access to scopes',
        ),
      ]
}

function ofIssuer({ name, login }: Issuer, isNamed: boolean): Doubt[] {
  if (login === undefined) return []
  const path = ['issuers', name, 'login']
  return [
    ...(isNamed ? [] : [doubt('unused-login', path, `no client names it: add login: [${name}] to one`)]),
    ...Object.entries(verifiedBy).flatMap(([claim, verifier]) => {
      if (!Object.hasOwn(login.claims, claim) || Object.hasOwn(login.claims, verifier)) return []
      const message = `clients learn ${claim}, and not whether anybody has verified it: map ${verifier} too`
      return [doubt('unverified-identity', [...path, 'claims', claim], message)]
    }),
  ]
}
