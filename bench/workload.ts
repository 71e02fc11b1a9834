import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'
import { compile } from '../lib/config/compile.ts'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../lib/protocol/urns.ts'
import { hashOfSecret } from '../lib/tokens/client-secret.ts'
import type { Configuration } from '../lib/trust/configuration.ts'

/** The same job for every server: trade one RS256 token of a known issuer for an ES256 access token. */
export interface Workload {
  issuer: string
  audience: string
  /** The issuer's public key. */
  jwk: JWK
  /** So many request bodies, each with a token that was never seen. */
  bodies(count: number, target?: 'target' | 'role'): Promise<string[]>
  /** A broker.yaml that grants it, among so many rules and issuers. */
  brokerFile(size: Size): object
  configuration(size?: Size): Configuration
}

interface Size {
  rules: number
  issuers: number
}

/** What every server says it is, and what tokens must name as audience. */
export const ourIssuer = 'https://broker.bench.invalid'

/** Of the client `api`, a resource server, at every server. */
export const clientSecret = 'bench-bench-bench-bench-bench-bench'
export const asResourceServer = {
  path: '/introspect',
  headers: { authorization: `Basic ${Buffer.from(`api:${clientSecret}`).toString('base64')}` },
}

export async function workload(): Promise<Workload> {
  const issuer = 'https://issuer.bench.invalid'
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' }

  const sign = () =>
    new SignJWT({ jti: randomUUID(), repository_id: '987654', repository_owner_id: '1234567', ref: 'refs/heads/main' })
      .setProtectedHeader({ alg: 'RS256', kid: jwk.kid })
      .setIssuer(issuer)
      .setSubject('job')
      .setAudience(ourIssuer)
      .setIssuedAt()
      .setExpirationTime('50m')
      .sign(privateKey)

  function brokerFile({ rules, issuers }: Size): object {
    const others = (count: number, one: (index: number) => [string, unknown]) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => one(index)))
    return {
      version: 1,
      issuer: ourIssuer,
      signing: { algorithms: ['ES256', 'RS256'] },
      issuers: {
        bench: { issuer, jwks: { keys: [jwk] } },
        ...others(issuers - 1, (index) => [
          `other-${index}`,
          { issuer: `https://issuer-${index}.bench.invalid`, jwks: { keys: [jwk] } },
        ]),
      },
      targets: {
        target: { audience: 'https://target.bench.invalid', scopes: ['write'], lifetime: '15m' },
        role: { role: 'arn:aws:iam::123456789012:role/bench' },
      },
      rules: {
        granted: {
          issuer: 'bench',
          match: { sub: 'job', repository_id: '987654', ref: 'refs/heads/main' },
          grant: [
            { target: 'target', scopes: ['write'] },
            { target: 'role', session_tags: { repository: 'claims.repository_id' } },
          ],
        },
        ...others(rules - 1, (index) => [
          `other-${index}`,
          {
            // Ten rules an issuer, as an organisation with many has them.
            issuer: issuers > 1 ? `other-${index % (issuers - 1)}` : 'bench',
            match: { sub: 'job', repository_id: `${index}`, ref: 'refs/heads/main' },
            grant: [{ target: 'target', scopes: ['write'] }],
          },
        ]),
      },
      clients: {
        bench: { type: 'public' },
        api: { auth: { client_secret: { sha256: [hashOfSecret(clientSecret)] } }, introspect: ['target'] },
      },
    }
  }

  return {
    issuer,
    audience: 'https://target.bench.invalid',
    jwk,
    async bodies(count, target = 'target') {
      const bodies: string[] = []
      while (bodies.length < count) {
        bodies.push(
          new URLSearchParams({
            grant_type: TOKEN_EXCHANGE_GRANT,
            subject_token_type: JWT_TYPE,
            subject_token: await sign(),
            audience: target,
            client_id: 'bench',
          }).toString(),
        )
      }
      return bodies
    },
    brokerFile,
    configuration(size = { rules: 10, issuers: 1 }) {
      const text = JSON.stringify(brokerFile(size))
      return compile(text, 'bench.yaml', { now: Math.floor(Date.now() / 1000) }).configuration
    },
  }
}
