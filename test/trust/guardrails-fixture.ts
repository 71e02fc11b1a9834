import { AUTHORIZATION_CODE_GRANT } from '../../lib/protocol/urns.ts'
import type {
  Client,
  ClientLogin,
  Configuration,
  Issuer,
  Operator,
  PresetName,
  Registration,
  Rule,
  UpstreamLogin,
} from '../../lib/trust/configuration.ts'
import { findUnsafe } from '../../lib/trust/guardrails.ts'
import type { GuardrailFinding } from '../../lib/trust/guardrails/finding.ts'
import { presets } from '../../lib/trust/presets.ts'
import { configuration, equals, farm, rule } from './policy-fixture.ts'

/** A configuration without a finding, for rows that spoil it. */
export const safe = configuration([rule('r')])

export const target = { audience: 'https://api.test', scopes: ['read', 'write', 'admin'], lifetime: 900 }

export const github = 'https://token.actions.githubusercontent.com'

export function withIssuer(changes: Partial<Issuer>): Configuration {
  return { ...safe, issuers: { farm: { ...farm, ...changes } } }
}

export function withRule(changes: Partial<Rule>): Configuration {
  return { ...safe, rules: [rule('r', changes)] }
}

/** `key` is a claim at the top, or the JSON Pointer of one below. */
export function matching(key: string, operator: Operator, issuer: Partial<Issuer> = {}): Configuration {
  const path = key.startsWith('/') ? key.slice(1).split('/') : [key]
  return { ...withIssuer(issuer), rules: [rule('r', { match: [equals('ref', 'main'), { key, path, operator }] })] }
}

export function ofPreset(preset: PresetName, issuer: string, require: Issuer['require'] = []): Partial<Issuer> {
  const { replay, subject, algorithms } = presets[preset]
  return { preset, issuer, require, replay, subject, algorithms }
}

export function rulesOf(configured: Configuration): GuardrailFinding['rule'][] {
  return [...new Set(findUnsafe(configured).map((finding) => finding.rule))]
}

const login: UpstreamLogin = {
  client_id: 'token-broker',
  auth: 'private_key_jwt',
  scopes: ['openid'],
  display_name: 'Partner',
  domains: ['partner.test'],
  claims: {},
  acr: {},
}

const partner: Issuer = { ...farm, name: 'partner', issuer: 'https://login.partner.test', login }

const web: Client & { login: ClientLogin } = {
  type: 'public',
  grants: [AUTHORIZATION_CODE_GRANT],
  introspect: [],
  login: {
    redirect_uris: ['https://app.test/cb'],
    issuers: ['partner'],
    scopes: ['openid'],
    consent: 'first_time',
    require_pkce: true,
    id_token_signed_response_alg: 'RS256',
  },
}

export const confidential: Client = {
  type: 'confidential',
  auth: { kind: 'client_secret', sha256: ['x'.repeat(43)], methods: ['basic'] },
  grants: [],
  introspect: [],
}

/** A configuration without a finding, in which people log in. */
export const withLogins: Configuration = { ...safe, issuers: { farm, partner }, clients: { app: web } }

/** The same, in which clients register themselves. */
export function withRegistration(changes: Partial<Registration> = {}): Configuration {
  return {
    ...withLogins,
    registration: {
      initial_access_tokens: { sha256: ['x'.repeat(43)] },
      redirect_hosts: ['app.test', '*.preview.app.test', '127.0.0.1', '[::1]'],
      grants: [AUTHORIZATION_CODE_GRANT],
      auth: ['none', 'private_key_jwt'],
      issuers: ['partner'],
      scopes: ['openid'],
      require_pkce: true,
      lifetime: 86_400,
      limit: 20,
      ...changes,
    },
  }
}

export function withUpstream(changes: Partial<UpstreamLogin>, issuer: Partial<Issuer> = {}): Configuration {
  return { ...withLogins, issuers: { farm, partner: { ...partner, ...issuer, login: { ...login, ...changes } } } }
}

export function withApp(changes: Partial<ClientLogin>, client: Partial<Client> = {}): Configuration {
  return { ...withLogins, clients: { app: { ...web, ...client, login: { ...web.login, ...changes } } } }
}

/** The app may log in at both, of which the other is `changes`. */
export function withSecondUpstream(changes: Partial<UpstreamLogin>): Configuration {
  const other = { ...partner, name: 'other', issuer: 'https://login.other.test', login: { ...login, ...changes } }
  return { ...withApp({ issuers: ['partner', 'other'] }), issuers: { farm, partner, other } }
}
