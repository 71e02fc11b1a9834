import { createHash } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'

/** Of the clients `legacy` and `poster`: every kind of character that form-encoding changes. */
export const secret = 'p+/=&% é:k4uYm3xJ0Zb1f7Qe9Tn2sWv5Rc8Ld6Hg'

/** Of the client `signer`. */
const { privateKey, publicKey } = await generateKeyPair('ES256')
const jwk = JSON.stringify({ ...(await exportJWK(publicKey)), kid: 's1', alg: 'ES256', use: 'sig' })
const sha256 = createHash('sha256').update(secret).digest('base64url')

/** The quickstart's broker.yaml with a client of each kind, which may all do everything. */
export function withClients(text: string): string {
  const all = 'grants: [token-exchange, client_credentials], introspect: [deploy-api]'
  return text.replace(
    '\nclients:\n',
    `
  watch-legacy: { client: legacy, grant: [{ target: deploy-api, scopes: ["deploy:read"] }] }
  watch-poster: { client: poster, grant: [{ target: deploy-api, scopes: ["deploy:read"] }] }
  watch-signer: { client: signer, grant: [{ target: deploy-api, scopes: ["deploy:read"] }] }
  watch-pod: { client: pod, grant: [{ target: deploy-api, scopes: ["deploy:read"] }] }
  watch-job: { client: job, grant: [{ target: deploy-api, scopes: ["deploy:read"] }] }

clients:
  legacy: { auth: { client_secret: { sha256: [${sha256}] } }, ${all} }
  poster: { auth: { client_secret: { sha256: [${sha256}], methods: [post] } }, ${all} }
  signer: { auth: { private_key_jwt: { jwks: { keys: [${jwk}] } } }, ${all} }
  pod: { auth: { federated: { issuer: cluster, match: { namespace: ops } } }, ${all} }
  job: { auth: { federated: { issuer: github, match: { repository_id: "987654", event_name: push } } }, ${all} }
  idle: { auth: { client_secret: { sha256: [${sha256}] } } }
`,
  )
}

/** What private_key_jwt asks for (RFC 7523 section 3), with changes. */
export function signerAssertion(
  audience: string,
  changes: JWTPayload = {},
  header: { alg?: string; typ?: string; kid?: string } = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: 'signer', sub: 'signer', aud: audience, iat: now, exp: now + 60, jti: crypto.randomUUID() }
  return new SignJWT({ ...claims, ...changes })
    .setProtectedHeader({ alg: 'ES256', kid: 's1', ...header })
    .sign(privateKey)
}

/** RFC 6749 section 2.3.1: id and secret each form-encoded, joined by a colon. */
export function basicAuthorization(client_id: string, client_secret = secret): string {
  const [id, encoded] = [client_id, client_secret].map((text) => new URLSearchParams({ x: text }).toString().slice(2))
  return `Basic ${Buffer.from(`${id}:${encoded}`).toString('base64')}`
}
