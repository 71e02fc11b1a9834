import type { Client, ClientLogin, Configuration, Issuer, UpstreamLogin } from '../../lib/trust/configuration.ts'
import { identityClaims } from '../../lib/protocol/identity.ts'
import { configuration, grant, rule } from '../trust/policy-fixture.ts'

export const partnerLogin: UpstreamLogin = {
  client_id: 'token-broker',
  auth: 'private_key_jwt',
  scopes: ['openid', 'profile', 'email'],
  display_name: 'Partner Inc.',
  domains: ['partner.example'],
  claims: Object.fromEntries(identityClaims.map((claim) => [claim, { path: [claim] }])),
  acr: { 'urn:acme:mfa': ['mfa'] },
}

export function loginIssuer(name: string, changes: Partial<Issuer> = {}, login: Partial<UpstreamLogin> = {}): Issuer {
  return {
    name,
    issuer: `https://${name}.test`,
    jwks: { discovery: true },
    algorithms: ['RS256'],
    subject: [{ claim: ['sub'] }],
    replay: 'once',
    clock_tolerance: 60,
    max_token_lifetime: 3_600,
    require: [],
    login: { ...partnerLogin, ...login },
    ...changes,
  }
}

export const webApp: ClientLogin = {
  redirect_uris: ['https://app.test/cb', 'http://127.0.0.1/cb'],
  issuers: ['partner'],
  scopes: ['openid', 'profile', 'email'],
  consent: 'never',
  require_pkce: true,
  id_token_signed_response_alg: 'RS256',
}

export function loginClient(changes: Partial<ClientLogin> = {}, client: Partial<Client> = {}): Client {
  return { type: 'public', grants: ['authorization_code'], introspect: [], login: { ...webApp, ...changes }, ...client }
}

/** Two issuers of people, and clients of each kind. `api` is granted to whoever is in `buyers`. */
export function loginConfiguration(changes: Partial<Configuration> = {}): Configuration {
  return configuration(
    [
      rule('buyers', {
        issuers: ['partner'],
        clients: ['web-app'],
        match: [{ key: 'groups', path: ['groups'], operator: { contains: 'buyers' } }],
        grant: [grant('api', { scopes: ['read'] })],
      }),
    ],
    {
      issuers: {
        partner: loginIssuer('partner'),
        other: loginIssuer('other', {}, { domains: ['other.example'], display_name: 'Other Ltd.' }),
      },
      clients: {
        'web-app': loginClient(),
        'third-party': loginClient({ consent: 'first_time', client_name: 'Third Party' }),
        'two-realms': loginClient({ issuers: ['partner', 'other'] }),
        'old-app': loginClient({ require_pkce: false }),
        job: { type: 'public', grants: ['token-exchange'], introspect: [] },
      },
      ...changes,
    },
  )
}
