import { createHash } from 'node:crypto'
import { grantToken } from '../../lib/grants/index.ts'
import type { AuthorizationCode, Ports } from '../../lib/ports.ts'
import type { TokenResponse } from '../../lib/protocol/token-response.ts'
import { AUTHORIZATION_CODE_GRANT, REFRESH_TOKEN_GRANT } from '../../lib/protocol/urns.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import type { Policy } from '../../lib/trust/policy.ts'
import { loginClient, loginConfiguration } from '../login/login-policy.ts'
import { now } from '../tokens/issuer-fixture.ts'

export const code = 'c'.repeat(43)
const code_verifier = 'v'.repeat(43)
export const grants = ['authorization_code', 'refresh_token']
export const scopes = ['openid', 'email', 'offline_access'] as const

/** Of the login tests', with clients that may refresh. */
export function refreshConfiguration(changes: Partial<Configuration> = {}): Configuration {
  const plain = loginConfiguration()
  return {
    ...plain,
    clients: {
      ...plain.clients,
      'web-app': loginClient({ scopes }, { grants }),
      'second-app': loginClient({ scopes }, { grants }),
      'third-party': loginClient({ scopes, consent: 'first_time' }, { grants }),
    },
    ...changes,
  }
}

export function storedCode(changes: Partial<AuthorizationCode> = {}): AuthorizationCode {
  return {
    key: hashOfSecret(code),
    client_id: 'web-app',
    redirect_uri: 'https://app.test/cb',
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    nonce: 'no',
    scopes,
    claims: { id_token: [], userinfo: [] },
    acr_values: [],
    authentication: {
      sid: 'sid',
      issuer_name: 'partner',
      subject: 'ada',
      sub: 'partner:ada',
      claims: { iss: 'https://partner.test', sub: 'ada', groups: ['buyers'] },
      hash: 'hash-of-the-id-token',
      identity: { email: 'ada@partner.example', name: 'Ada' },
      auth_time: now - 20,
      acr: ['urn:acme:mfa'],
      amr: ['mfa'],
      expires_at: now + 3_600,
    },
    at: now,
    expires_at: now + 60,
    ...changes,
  }
}

export type Fields = Record<string, string | undefined>

/** Requests of web-app, unless `fields` say otherwise. Each is a decision of its own. */
export function refreshing(world: () => { policy: Policy; ports: Ports }, prefix = 'decision-') {
  let serial = 0
  const ask = (fields: Fields): Promise<TokenResponse> => {
    const given = Object.entries({ client_id: 'web-app', ...fields }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, [value]] as const],
    )
    const context = { ...world(), decision_id: `${prefix}${serial++}`, signal: new AbortController().signal }
    return grantToken(new Map(given), undefined, context)
  }
  return {
    redeem: (fields: Fields = {}) =>
      ask({
        grant_type: AUTHORIZATION_CODE_GRANT,
        redirect_uri: 'https://app.test/cb',
        code,
        code_verifier,
        ...fields,
      }),
    refresh: (refresh_token: string | undefined, fields: Fields = {}) =>
      ask({ grant_type: REFRESH_TOKEN_GRANT, refresh_token, ...fields }),
  }
}
