import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/** An issuer that exists only in a broker.yaml, by its uploaded key, and only for as long as this process. */
export interface ThrowawayIssuer {
  /** A broker.yaml that trusts it. */
  config: string
  target: string
  /** `verify:` and this is our sub of its tokens. */
  subject: string
  /** One for `audience`, with a fresh jti unless `changes` has one. */
  sign(audience: string, changes?: Record<string, unknown>): Promise<string>
}

const url = 'https://verify.invalid'
const subject = 'run'
const target = 'https://target.verify.invalid'

export async function throwawayIssuer(): Promise<ThrowawayIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'throwaway', alg: 'ES256', use: 'sig' }
  const config = {
    version: 1,
    issuer: 'auto',
    signing: { algorithms: ['ES256', 'RS256'] },
    issuers: { verify: { issuer: url, algorithms: ['ES256'], jwks: { keys: [jwk] } } },
    targets: {
      granted: { audience: target, scopes: ['verify'], lifetime: '5m' },
      refused: { audience: `${target}/refused`, scopes: ['verify'], lifetime: '5m' },
    },
    rules: {
      verify: { issuer: 'verify', match: { sub: subject }, grant: [{ target: 'granted', scopes: ['verify'] }] },
    },
  }
  return {
    // JSON is YAML.
    config: JSON.stringify(config, null, 2),
    target,
    subject,
    sign: (audience, changes = {}) =>
      new SignJWT({ jti: randomUUID(), ...changes })
        .setProtectedHeader({ alg: 'ES256', kid: jwk.kid })
        .setIssuer(url)
        .setSubject(subject)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey),
  }
}
