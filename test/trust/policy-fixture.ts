import type { VerifiedSubject } from '../../lib/tokens/verify-subject-token.ts'
import type { Condition, Configuration, Issuer, Rule, RuleGrant, Scalar } from '../../lib/trust/configuration.ts'

export const farm: Issuer = {
  name: 'farm',
  issuer: 'https://ci.test',
  jwks: { discovery: true },
  algorithms: ['RS256'],
  subject: [{ claim: ['sub'] }],
  replay: 'once',
  clock_tolerance: 60,
  max_token_lifetime: 3600,
  require: [],
}

export function equals(key: string, ...values: Scalar[]): Condition {
  return { key, path: [key], operator: { equals: values } }
}

export function rule(name: string, changes: Partial<Rule> = {}): Rule {
  return { name, issuers: ['farm'], match: [equals('ref', 'main')], mode: 'enforce', grant: [grant('api')], ...changes }
}

export function grant(target: string, changes: Partial<RuleGrant> = {}): RuleGrant {
  return {
    target,
    scopes: target === 'api' ? ['read', 'write'] : [],
    claims: {},
    expires_with_subject: false,
    ...changes,
  }
}

export function configuration(rules: readonly Rule[], changes: Partial<Configuration> = {}): Configuration {
  return {
    version: 1,
    issuer: 'https://broker.test',
    local: false,
    hash: 'h',
    signing: { algorithms: ['ES256', 'RS256'], keys: {} },
    issuers: { farm },
    targets: {
      api: { audience: 'https://api.test', scopes: ['read', 'write', 'admin'], lifetime: 900 },
      plain: { audience: 'https://plain.test', scopes: [], lifetime: 900 },
    },
    rules,
    clients: { app: { type: 'public', grants: [], introspect: [] } },
    receipts: { retention: 86_400 },
    login: {
      session: { idle: 28_800, absolute: 86_400 },
      refresh_tokens: { idle: 14 * 86_400, absolute: 90 * 86_400, reuse_window: 10 },
      branding: {},
    },
    ...changes,
  }
}

export function subject(claims: Record<string, unknown>, issuer: Issuer = farm): VerifiedSubject {
  const made = { issuer, subject: 's', sub: `${issuer.name}:s`, claims, jti: 'j', exp: 1_000, hash: 'hash' }
  return made as unknown as VerifiedSubject
}
