import { discoveryUrl } from '../../lib/http/discovery.ts'
import type { JsonObject } from '../../lib/protocol/strict-json.ts'
import type { UpstreamLogin } from '../../lib/trust/configuration.ts'
import { failed, ok, warning, type Check } from './check.ts'
import { notFetched, type FetchDocument } from './fetch-document.ts'

/** Whether people can log in at an issuer, as far as its metadata tells (OpenID Connect Discovery 1.0 section 3). */
export async function checkLogin(issuer: string, login: UpstreamLogin, fetch: FetchDocument): Promise<Check[]> {
  const url = discoveryUrl(issuer)
  let document: JsonObject
  try {
    document = (await fetch(url)).document
  } catch (error) {
    return [notFetched('login', url, error)]
  }
  if (document.issuer !== issuer) return [failed('login', `${url} names another issuer`, 'see the check discovery')]
  return [
    endpoints(document, url),
    authentication(document, login),
    ...(login.auth === 'private_key_jwt' ? [assertions(document)] : []),
    pkce(document),
    issuerIdentification(document),
    scopes(document, login),
  ]
}

function endpoints(document: JsonObject, url: string): Check {
  const absent = ['authorization_endpoint', 'token_endpoint'].filter((name) => typeof document[name] !== 'string')
  if (absent.length > 0)
    return failed('login', `${url} has no ${absent.join(', no ')}`, 'nobody can log in there: it is no OpenID Provider')
  const types = listed(document, 'response_types_supported')
  if (types?.includes('code') === false)
    return failed('login', 'it does not say that it has the code flow', 'ask whoever runs it: response_type=code')
  return ok('login', 'it has an authorization and a token endpoint, and the code flow')
}

/** RFC 8414 section 2: without a list it is client_secret_basic. */
function authentication(document: JsonObject, { auth }: UpstreamLogin): Check {
  const name = 'authentication'
  const methods = listed(document, 'token_endpoint_auth_methods_supported') ?? ['client_secret_basic']
  const ours = auth === 'private_key_jwt' ? ['private_key_jwt'] : ['client_secret_basic', 'client_secret_post']
  const both = ours.find((method) => methods.includes(method))
  if (both !== undefined) return ok(name, `it takes ${both}`)
  return failed(
    name,
    `it takes ${methods.join(', ')}`,
    auth === 'private_key_jwt'
      ? 'write login.auth: { client_secret: <ARN of a secret in Secrets Manager> }'
      : 'write login.auth: private_key_jwt, if it takes that',
  )
}

function assertions(document: JsonObject): Check {
  const algorithms = listed(document, 'token_endpoint_auth_signing_alg_values_supported')
  if (algorithms === undefined || algorithms.some((alg) => alg === 'ES256' || alg === 'RS256'))
    return ok('proof', `signed by ${algorithms?.includes('ES256') ? 'ES256 or RS256' : 'RS256'}, which it takes`)
  return failed(
    'proof',
    `it takes assertions signed by ${algorithms.join(', ')}`,
    'write login.auth: { client_secret: … }',
  )
}

function pkce(document: JsonObject): Check {
  if (listed(document, 'code_challenge_methods_supported')?.includes('S256')) return ok('PKCE', 'it takes S256')
  return warning(
    'PKCE',
    'it does not say that it takes S256',
    'it is sent all the same; an issuer that ignores it protects codes by the client authentication alone',
  )
}

function issuerIdentification(document: JsonObject): Check {
  if (document.authorization_response_iss_parameter_supported === true)
    return ok('iss', 'its answers say whose they are (RFC 9207)')
  return warning(
    'iss',
    'its answers do not say whose they are (RFC 9207)',
    'with several partners one of them could pass its answers off as this one’s; state, nonce and PKCE stand in the way',
  )
}

function scopes(document: JsonObject, login: UpstreamLogin): Check {
  const unknown = login.scopes.filter((scope) => listed(document, 'scopes_supported')?.includes(scope) === false)
  if (unknown.length === 0) return ok('scopes', `it has ${login.scopes.join(', ')}, or does not say`)
  return warning('scopes', `it does not list ${unknown.join(', ')}`, 'remove them from login.scopes if logins fail')
}

function listed(document: JsonObject, name: string): string[] | undefined {
  const value = document[name]
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : undefined
}
