import { generateKeyPairSync, randomUUID, sign as signBytes } from 'node:crypto'
import { invalid, members } from './query-protocol.ts'

export interface WebIdentityIssuer {
  /** What GetWebIdentityToken answers to this form. Throws AwsError. */
  issue(form: URLSearchParams, issuer: string): { token: string; expires_at: number }
  /** What is published at this path of the issuer; undefined for any other. */
  document(path: string, issuer: string): object | undefined
}

const kid = 'local'

/** An account's own OIDC issuer, as STS has one where outbound identity federation is switched on. */
export function webIdentityIssuer(account: string): WebIdentityIssuer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }

  return {
    issue(form, issuer) {
      const audiences = members(form, 'Audience')
      const seconds = Number(form.get('DurationSeconds') ?? 300)
      if (audiences.length < 1 || audiences.length > 10) throw invalid('Audience must have 1 to 10 members.')
      if (!(seconds >= 60 && seconds <= 3_600)) throw invalid('DurationSeconds must be between 60 and 3600.')
      if (form.get('SigningAlgorithm') !== 'RS256') throw invalid('SigningAlgorithm must be RS256 here.')
      const now = Math.floor(Date.now() / 1000)
      const claims = {
        iss: issuer,
        sub: `arn:aws:iam::${account}:role/local`,
        aud: audiences.length === 1 ? audiences[0] : audiences,
        iat: now,
        exp: now + seconds,
        jti: randomUUID(),
        'https://sts.amazonaws.com/': { aws_account: account },
      }
      const input = [{ alg: 'RS256', typ: 'JWT', kid }, claims]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.')
      const signature = signBytes('sha256', Buffer.from(input), privateKey).toString('base64url')
      return { token: `${input}.${signature}`, expires_at: claims.exp }
    },
    document: (path, issuer) =>
      new Map<string, object>([
        ['/.well-known/openid-configuration', { issuer, jwks_uri: `${issuer}/.well-known/jwks.json` }],
        ['/.well-known/jwks.json', { keys: [jwk] }],
      ]).get(path),
  }
}
