import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { audience, playedBroker } from '../verify/played-broker.ts'

/** A project that has the packed package installed. */
export interface InstalledProject {
  folder: string
  /** Runs TypeScript's compiler on `app.mts` with this text. */
  compile: (text: string) => { status: number | null; output: string }
}

/** What `token-broker/verify` is to who installed it. Of one process with the other tests of the tarball, which is packed once. */
export function verifyEntryTests({ folder, compile }: InstalledProject): void {
  /** Verifies its token, shows what came of that, and must then end by itself. */
  const program = `import { accessTokenVerifier, InvalidTokenError, verifyAccessToken } from 'token-broker/verify'
const [issuer, audience, token] = process.argv.slice(2)
const { sub } = await verifyAccessToken(token, { issuer, audience, scope: 'deploy:write' })
const introspection = { clientId: 'api', clientSecret: 'secret' }
const again = await accessTokenVerifier({ issuer, audience, introspection })(token)
const refused = await verifyAccessToken(token, { issuer, audience: 'https://other.test' }).catch((error) => error)
const version = process.version.split('.')[0]
process.stdout.write(JSON.stringify({
  version, sub, again: again.sub, refused: refused instanceof InvalidTokenError,
  timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout'),
}))`

  for (const [name, node] of [
    ['the Node of these tests', process.execPath],
    ['Node 20', findNode20()],
  ] as const) {
    const skip = node === undefined && 'no Node 20 is in PATH'
    test(`token-broker/verify verifies on ${name}, and keeps no process from its end`, { skip }, async (t) => {
      const broker = await playedBroker(t)
      t.mock.timers.reset()
      const now = Math.floor(Date.now() / 1000)
      const token = broker.sign({ iat: now, exp: now + 300 })
      writeFileSync(join(folder, 'verify.mjs'), program)
      const { stdout } = await promisify(execFile)(node ?? '', ['verify.mjs', broker.url, audience, token], {
        cwd: folder,
        timeout: 30_000,
      })
      const { version, ...result } = JSON.parse(stdout) as Record<string, unknown>
      if (name === 'Node 20') assert.equal(version, 'v20')
      const { sub } = broker.claims
      assert.deepEqual(result, { sub, again: sub, refused: true, timers: [] })
    })
  }

  const app = (options: string) => `
import middy from '@middy/core'
import { accessTokenVerifier, InsufficientScopeError, lambdaAuthorizer, requireAccessToken, verifyAccessToken } from 'token-broker/verify'
import type { AccessTokenClaims, AccessTokenVerifierOptions } from 'token-broker/verify'
const options: AccessTokenVerifierOptions = ${options}
const verify = accessTokenVerifier(options)
export const sub: Promise<string> = verify('x', { scope: ['deploy:write'] }).then(({ sub }) => sub)
export const claims: Promise<AccessTokenClaims> = verifyAccessToken('x', { issuer: 'https://broker.acme.dev', audience: 'a' })
export const needed = (error: unknown): string => error instanceof InsufficientScopeError ? error.scope : ''
export const authorizer = lambdaAuthorizer(options)
export const handler = middy().use(requireAccessToken(options)).handler(async ({ accessToken }) => {
  const { client_id, exp }: { client_id: string; exp: number } = accessToken
  return { statusCode: 200, body: client_id + exp }
})
`
  const both = "issuer: 'https://broker.acme.dev', audience: 'https://deploy.acme.dev'"

  test('token-broker/verify has types, which take its options', () => {
    for (const options of [
      `{ ${both} }`,
      `{ ${both}, scope: 'deploy:write', clockTolerance: 0 }`,
      `{ ${both}, scope: ['deploy:write'] as const }`,
      `{ ${both}, introspection: { clientId: 'a', clientSecret: 'b', cacheSeconds: 5, whenUnreachable: 'offline' } }`,
      `{ ${both}, introspection: { clientId: 'a', assertion: async () => 'b' } }`,
    ])
      assert.deepEqual(compile(app(options)), { status: 0, output: '' }, options)
  })

  for (const options of [
    '{}',
    "{ issuer: 'https://broker.acme.dev' }",
    `{ ${both}, scopes: 'deploy:write' }`,
    `{ ${both}, scope: 7 }`,
    `{ ${both}, audience: ['a'] }`,
    `{ ${both}, introspection: {} }`,
    `{ ${both}, introspection: { clientId: 'a' } }`,
    `{ ${both}, introspection: { clientId: 'a', clientSecret: 'b', assertion: () => 'c' } }`,
    `{ ${both}, introspection: { clientId: 'a', assertion: 'c' } }`,
    `{ ${both}, introspection: { clientId: 'a', clientSecret: 'b', whenUnreachable: 'allow' } }`,
  ])
    test(`token-broker/verify has types, which refuse ${options}`, () => {
      const { status, output } = compile(app(options))
      assert.notEqual(status, 0)
      assert.match(output, /^app\.mts\(5,\d+\): error /, output)
    })
}

/** Not the one that npm put in front of it. */
function findNode20(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'))
  return folders
    .map((folder) => join(folder, 'node'))
    .find((node) => spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.startsWith('v20.'))
}
