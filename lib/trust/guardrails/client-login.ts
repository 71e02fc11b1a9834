import { AUTHORIZATION_CODE_GRANT, REFRESH_TOKEN_GRANT } from '../../protocol/urns.ts'
import { named, type Client, type ClientLogin, type Configuration } from '../configuration.ts'
import { finding, type GuardrailFinding } from './finding.ts'
import { ofLogoutUris } from './logout-uris.ts'
import { unsafeRedirect } from './redirect-uri.ts'
import { instancesOf } from './rule.ts'
import { isHttps, isLoopback } from './url.ts'

/** Of a client to which people log in. */
export function ofClientLogin(
  { type, grants, login, allowed_origins = [] }: Client,
  configuration: Configuration,
  path: readonly string[],
): GuardrailFinding[] {
  const { local } = configuration
  const origins = allowed_origins.flatMap((origin, index) =>
    isOrigin(origin, local)
      ? []
      : [
          finding(
            'allowed-origin',
            [...path, 'allowed_origins', String(index)],
            `write an https origin as browsers send it, such as https://app.example: without a path, a slash at its end or a *${isLoopback(origin) ? '; http on loopback is for local runs' : ''}`,
          ),
        ],
  )
  const wrong = (message: string, ...at: string[]) => finding('client-login', [...path, ...at], message)
  const mayUseCodes = grants.includes(AUTHORIZATION_CODE_GRANT)
  const unrefreshable =
    grants.includes(REFRESH_TOKEN_GRANT) && !mayUseCodes
      ? [wrong('refresh_token needs authorization_code: tokens are refreshed of people who log in', 'grants')]
      : []
  if (login === undefined)
    return [
      ...origins,
      ...unrefreshable,
      ...(mayUseCodes ? [wrong('authorization_code needs redirect_uris and login', 'grants')] : []),
    ]
  const { redirect_uris, issuers, require_pkce } = login
  return [
    ...origins,
    ...unrefreshable,
    ...(mayUseCodes
      ? []
      : [wrong('people log in by grants: [authorization_code]: add it, or remove what is about logins', 'grants')]),
    ...(redirect_uris.length > 0
      ? []
      : [wrong('give it redirect_uris: where people come back to once they have logged in')]),
    ...(issuers.length > 0 ? [] : [wrong('give it login: the names of issuers at which its people log in')]),
    ...redirect_uris.flatMap((uri, index) => {
      const message = unsafeRedirect(uri, { isPublic: type === 'public', local })
      return message === undefined ? [] : [finding('redirect-uri', [...path, 'redirect_uris', String(index)], message)]
    }),
    ...ofLogoutUris(login, { isPublic: type === 'public', local }, path),
    ...ofIssuers(issuers, configuration, [...path, 'login']),
    ...(type === 'public' && !require_pkce
      ? [
          wrong(
            'a public client has nothing but PKCE to show that a code is its own: remove require_pkce (RFC 9700 section 2.1.1)',
            'require_pkce',
          ),
        ]
      : []),
    ...ofAlgorithms(login, configuration, path),
  ]
}

/** Of the issuers at which people log in to one client. */
export function ofIssuers(
  names: readonly string[],
  configuration: Configuration,
  path: readonly string[],
): GuardrailFinding[] {
  const { issuers } = configuration
  const owners = new Map<string, string>()
  return names.flatMap((name) => {
    const issuer = named(issuers, name)
    if (issuer === undefined)
      return [finding('unknown-reference', path, `there is no issuer named ${name}${instancesOf(name, configuration)}`)]
    if (issuer.login === undefined)
      return [finding('client-login', path, `people do not log in at ${name}: give the issuer login: { client_id: … }`)]
    return issuer.login.domains.flatMap((domain) => {
      const owner = owners.get(domain)
      owners.set(domain, name)
      if (owner === undefined || owner === name) return []
      const message = `people of ${domain} would log in at ${owner} or at ${name}: list the domain at one of the two`
      return [finding('ambiguous-name', path, message)]
    })
  })
}

function ofAlgorithms(
  login: ClientLogin,
  { signing }: Pick<Configuration, 'signing'>,
  path: readonly string[],
): GuardrailFinding[] {
  return (['id_token_signed_response_alg', 'userinfo_signed_response_alg'] as const).flatMap((key) => {
    const alg = login[key]
    if (alg === undefined || signing.algorithms.includes(alg)) return []
    return [finding('client-login', [...path, key], `there is no key for ${alg}: add it to signing.algorithms`)]
  })
}

/** RFC 6454 section 6.2, as the Origin header has it. */
function isOrigin(text: string, local: boolean): boolean {
  return URL.canParse(text) && new URL(text).origin === text && (isHttps(text) || (local && isLoopback(text)))
}
