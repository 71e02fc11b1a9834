import { createServer, type RequestListener } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { compile } from '../../lib/config/compile.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { listen } from '../../local/loopback.ts'
import { broker, now } from './faulty-world.ts'

export interface IssuerKey {
  jwk: JWK
  privateKey: CryptoKey
}

export interface FaultyIssuer {
  url: string
  /** Of a broker that trusts it, by the name `farm`. */
  configuration: Configuration
  /** Paths, in the order they were asked for. */
  requests: string[]
  /** In its key set. */
  keys: JWK[]
  /** Answers in its place: all requests, or those for one path. */
  answers: { '*'?: RequestListener; discovery?: RequestListener; keys?: RequestListener }
  sign(key: IssuerKey): Promise<string>
  stop(): void
  /** Again, where it was. */
  start(): Promise<string>
}

export async function issuerKey(kid: string): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  return { jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }, privateKey }
}

/** An OIDC issuer whose every answer and key a test may change, and a broker.yaml that trusts it. */
export async function startFaultyIssuer(): Promise<FaultyIssuer> {
  let port = 0
  let serial = 0
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    issuer.requests.push(path)
    const { answers } = issuer
    const instead = answers['*'] ?? (path === '/keys' ? answers.keys : answers.discovery)
    if (instead) return instead(request, response)
    const document = path === '/keys' ? { keys: issuer.keys } : { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` }
    return response.end(JSON.stringify(document))
  })
  const start = async () => {
    const url = await listen(server, port)
    port = Number(new URL(url).port)
    return url
  }
  const url = await start()
  const issuer: FaultyIssuer = {
    url,
    configuration: compile(brokerFile(url), 'broker.yaml', { local: true, issuer: broker, now: now() }).configuration,
    requests: [],
    keys: [],
    answers: {},
    sign({ jwk, privateKey }) {
      return new SignJWT({ iss: url, sub: 'job', aud: broker, jti: `j${serial++}`, iat: now(), exp: now() + 300 })
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: jwk.kid! })
        .sign(privateKey)
    },
    stop() {
      server.close()
      server.closeAllConnections()
    },
    start,
  }
  return issuer
}

const brokerFile = (issuer: string) => `
version: 1
issuer: ${broker}
signing: { algorithms: [ES256, RS256] }
issuers: { farm: { issuer: "${issuer}", algorithms: [ES256] } }
targets: { deploy-api: { audience: https://deploy.acme.dev, scopes: [deploy:write], lifetime: 15m } }
rules: { builds: { issuer: farm, match: { sub: job }, grant: [{ target: deploy-api, scopes: [deploy:write] }] } }
`
