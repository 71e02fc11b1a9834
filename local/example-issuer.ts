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

/** The other shape of `sub`, with the ids in it, that GitHub gives to repositories created since 2026-07-15. */
export const immutableSub = 'repo:acme@1234567/web@987654:environment:production'

/**
 * An OIDC issuer on loopback in the place of GitHub Actions: discovery, a key set, and at
 * `/token?audience=<url>` a signed token as text, with any query parameter setting the claim of its name. With a
 * `dataDirectory` its key outlives the process.
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
    if (pathname === '/.well-known/openid-configuration') send('application/json', JSON.stringify(discovery(url)))
    else if (pathname === '/jwks') send('application/json', keySet)
    else if (pathname === '/token') {
      const { audience, ...claims } = Object.fromEntries(searchParams)
      const changes = { ...(audience === undefined ? {} : { aud: audience }), ...claims }
      void sign(url, privateKey, kid, changes).then((token) => send('text/plain', token))
    } else response.writeHead(404).end()
  })
  const url = await listen(server, port)
  return { url, sign: (changes, header) => sign(url, privateKey, kid, changes, header), close: () => close(server) }
}

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

function discovery(issuer: string): Record<string, unknown> {
  return {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    subject_types_supported: ['public', 'pairwise'],
    response_types_supported: ['id_token'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
  }
}

function sign(
  issuer: string,
  key: CryptoKey,
  kid: string,
  changes: ClaimChanges = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ ...githubClaims(issuer, now), ...changes })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid, ...header })
    .sign(key)
}
