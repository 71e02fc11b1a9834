import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JWK } from 'jose'
import { close, listen } from './loopback.ts'

/** Claims to set, or with undefined to leave out, beside those of `githubClaims`. */
export type ClaimChanges = Record<string, unknown>

export interface ExampleIssuer {
  url: string
  /** A token as GitHub Actions signs one: RS256, five minutes, a fresh jti. `header` changes the JOSE header. */
  sign(changes?: ClaimChanges, header?: Record<string, unknown>): Promise<string>
  /** A token as a Kubernetes cluster projects one into a pod: an hour, and no jti. Its issuer is `<url>/cluster`. */
  signForPod(changes?: ClaimChanges): Promise<string>
  close(): Promise<void>
}

/** The claims of a job in acme/web, pushed to main, deploying to production: every one that GitHub documents, with its type. */
function githubClaims(issuer: string, now: number): Record<string, unknown> {
  return {
    jti: randomUUID(),
    sub: 'repo:acme/web:environment:production',
    aud: 'http://127.0.0.1:8787',
    ref: 'refs/heads/main',
    sha: '6f1c2f1d0c7e4a0f9b5d3e2a1c4b5d6e7f809a1b',
    repository: 'acme/web',
    repository_owner: 'acme',
    repository_owner_id: '1234567',
    run_id: '17250987654',
    run_number: '42',
    run_attempt: '1',
    repository_visibility: 'private',
    repository_id: '987654',
    actor_id: '583231',
    actor: 'octocat',
    workflow: 'deploy',
    head_ref: '',
    base_ref: '',
    event_name: 'push',
    ref_protected: 'true',
    ref_type: 'branch',
    workflow_ref: 'acme/web/.github/workflows/deploy.yml@refs/heads/main',
    workflow_sha: '6f1c2f1d0c7e4a0f9b5d3e2a1c4b5d6e7f809a1b',
    job_workflow_ref: 'acme/web/.github/workflows/deploy.yml@refs/heads/main',
    job_workflow_sha: '6f1c2f1d0c7e4a0f9b5d3e2a1c4b5d6e7f809a1b',
    runner_environment: 'github-hosted',
    environment: 'production',
    check_run_id: '48210987654',
    iss: issuer,
    nbf: now - 300,
    exp: now + 300,
    iat: now,
  }
}

/** The claims of a pod of the service account nightly in the namespace reports: those of a projected token, with their types. */
function podClaims(issuer: string, now: number): Record<string, unknown> {
  return {
    aud: ['http://127.0.0.1:8787'],
    exp: now + 3_600,
    iat: now,
    iss: issuer,
    'kubernetes.io': {
      namespace: 'reports',
      node: { name: 'ip-10-0-12-34', uid: '5d3c1c2e-5f0e-4a43-9f0e-0e3c4f7a9b21' },
      pod: { name: 'nightly-28934820-xk2lp', uid: 'b8d1e0a4-2c5f-4b7e-8a1d-6f3e9c0b7d52' },
      serviceaccount: { name: 'nightly', uid: '3f0c8a52-6f0c-4c5b-9b1e-2d7f3c1a9e55' },
    },
    nbf: now,
    sub: 'system:serviceaccount:reports:nightly',
  }
}

/** The other shape of `sub`, with the ids in it, that GitHub gives to repositories created since 2026-07-15. */
export const immutableSub = 'repo:acme@1234567/web@987654:environment:production'

/**
 * Two OIDC issuers on loopback, in the place of GitHub Actions and, below `/cluster`, of a Kubernetes cluster: discovery, a
 * key set, and at `/token?audience=<url>` a signed token as text, with any other query parameter setting the claim of its
 * name, to text or to a JSON object. With a `dataDirectory` their key outlives the process.
 */
export async function startExampleIssuer({
  port = 0,
  dataDirectory,
}: { port?: number; dataDirectory?: string } = {}): Promise<ExampleIssuer> {
  const privateJwk = await findOrCreateKey(dataDirectory)
  const privateKey = (await importJWK(privateJwk, 'RS256')) as CryptoKey
  const jwk: JWK = { kty: 'RSA', n: privateJwk.n!, e: privateJwk.e! }
  const kid = await calculateJwkThumbprint(jwk)
  const keySet = JSON.stringify({ keys: [{ ...jwk, kid, alg: 'RS256', use: 'sig' }] })
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', url)
    const send = (contentType: string, body: string) =>
      response.writeHead(200, { 'content-type': contentType }).end(body)
    const cluster = pathname.startsWith('/cluster/')
    const path = cluster ? pathname.slice('/cluster'.length) : pathname
    if (path === '/.well-known/openid-configuration')
      send('application/json', JSON.stringify(discovery(cluster ? clusterOf(url) : url, url)))
    else if (path === '/jwks') send('application/json', keySet)
    else if (path === '/token') {
      const { audience, ...claims } = Object.fromEntries([...searchParams].map(([name, text]) => [name, valueOf(text)]))
      const changes = { ...(audience === undefined ? {} : { aud: audience }), ...claims }
      void (cluster ? signForPod(changes) : sign(changes)).then((token) => send('text/plain', token))
    } else response.writeHead(404).end()
  })
  const url = await listen(server, port)
  const signWith = (claims: Record<string, unknown>, header: Record<string, unknown> = {}) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid, ...header }).sign(privateKey)
  const now = () => Math.floor(Date.now() / 1000)
  const sign: ExampleIssuer['sign'] = (changes = {}, header = {}) =>
    signWith({ ...githubClaims(url, now()), ...changes }, { typ: 'JWT', ...header })
  const signForPod: ExampleIssuer['signForPod'] = (changes = {}) =>
    signWith({ ...podClaims(clusterOf(url), now()), ...changes })
  return { url, sign, signForPod, close: () => close(server) }
}

/** Throws nothing: what is no JSON object is text. */
function valueOf(text: string): unknown {
  try {
    return text.startsWith('{') ? (JSON.parse(text) as unknown) : text
  } catch {
    return text
  }
}

const clusterOf = (url: string) => `${url}/cluster`

async function findOrCreateKey(dataDirectory: string | undefined): Promise<JWK> {
  const file = dataDirectory === undefined ? undefined : join(dataDirectory, 'example-issuer.json')
  if (file !== undefined) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as JWK
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  const key = await exportJWK((await generateKeyPair('RS256', { extractable: true })).privateKey)
  if (file !== undefined) {
    mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 })
    writeFileSync(file, JSON.stringify(key), { mode: 0o600 })
  }
  return key
}

function discovery(issuer: string, url: string): Record<string, unknown> {
  return {
    issuer,
    jwks_uri: `${url}/jwks`,
    subject_types_supported: ['public', 'pairwise'],
    response_types_supported: ['id_token'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
  }
}
