import assert from 'node:assert/strict'
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { isIP, Socket } from 'node:net'
import { after, before, beforeEach, mock, test } from 'node:test'
import { CompactSign } from 'jose'
import { compile } from '../../lib/config/compile.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import { issuerKey, startFaultyIssuer, type FaultyIssuer, type IssuerKey } from './faulty-issuer.ts'
import { broker, captureLog, exchange, now, openFaultyWorld, type FaultyWorld } from './faulty-world.ts'

/** What this process asks of any name server, and every address that it connects to. Nothing of the broker is replaced. */
const asked: string[] = []
const connected: string[] = []
mock.method(dns.promises, 'lookup', (hostname: string) => {
  asked.push(hostname)
  return Promise.resolve([])
})
const { lookup } = dns
mock.method(dns, 'lookup', (hostname: string, ...how: unknown[]) => {
  if (isIP(hostname) === 0) asked.push(hostname)
  return Reflect.apply(lookup, dns, [hostname, ...how]) as unknown
})
syncBuiltinESMExports()
const connect = Reflect.get(Socket.prototype, 'connect') as (this: Socket, ...to: unknown[]) => Socket
mock.method(Socket.prototype, 'connect', function (this: Socket, ...to: unknown[]) {
  const { host, port } = [to[0]].flat()[0] as { host: string; port: number }
  connected.push(`${host}:${port}`)
  return Reflect.apply(connect, this, to)
})

/** Trusted: one on the internet, one that answers. */
const remote = 'https://login.acme.example/realms/ci'
let farm: FaultyIssuer
let key: IssuerKey
let world: FaultyWorld
let token: LambdaFunction
let logged: string[]

before(async () => {
  logged = captureLog()
  ;[farm, key] = await Promise.all([startFaultyIssuer(), issuerKey('a')])
  farm.keys = [key.jwk]
  const file = `version: 1
issuer: ${broker}
issuers:
  farm: { issuer: "${farm.url}", algorithms: [ES256] }
  remote: { issuer: ${remote}, algorithms: [ES256] }
targets: { deploy-api: { audience: https://deploy.acme.dev } }
rules: { builds: { issuer: [farm, remote], match: { sub: job }, grant: [{ target: deploy-api }] } }
`
  const { configuration } = compile(file, 'broker.yaml', { local: true, now: now() })
  world = await openFaultyWorld(configuration)
  token = await loadFunction('token', configuration)
})
beforeEach(() => {
  world.mend()
  for (const list of [asked, connected, logged, farm.requests]) list.length = 0
})
after(async () => {
  farm.stop()
  await world.close()
})

let serial = 0
/** A token with nothing wrong but perhaps its `iss`, given as JSON: signed by the very key that `farm` publishes. */
async function present(iss: string | undefined) {
  const claims = { sub: 'job', aud: broker, jti: `j${serial++}`, iat: now(), exp: now() + 300 }
  const text = JSON.stringify(claims).replace('{', iss === undefined ? '{' : `{"iss":${iss},`)
  const header = { alg: 'ES256', typ: 'JWT', kid: 'a' }
  const signed = await new CompactSign(Buffer.from(text)).setProtectedHeader(header).sign(key.privateKey)
  return exchange(token, signed)
}

test('the counters count: a trusted issuer is resolved, and one that has an address is connected to', async () => {
  const unreachable = await present(JSON.stringify(remote))
  assert.deepEqual([unreachable.status, asked], [503, ['login.acme.example']])
  const granted = await present(JSON.stringify(farm.url))
  assert.equal(granted.status, 200)
  assert.ok(connected.includes(new URL(farm.url).host))
  assert.deepEqual(farm.requests, ['/.well-known/openid-configuration', '/keys'])
})

/** By what is wrong with it; each a text unless it is a function of the port that `farm` has, or JSON in a list of one. */
const nearMisses: Record<string, string | ((port: string) => string) | readonly [string]> = {
  'another issuer': 'https://evil.test/realms/ci',
  'no text at all': '',
  'upper case': remote.toUpperCase(),
  'a scheme in upper case': remote.replace('https', 'HTTPS'),
  'a host in upper case': remote.replace('login', 'Login'),
  'a path in upper case': remote.replace('ci', 'CI'),
  'a trailing slash': `${remote}/`,
  'two slashes in the path': remote.replace('/realms', '//realms'),
  'no path': 'https://login.acme.example',
  'a longer path': `${remote}x`,
  'a shorter path': remote.slice(0, -1),
  'the default port': remote.replace('.example', '.example:443'),
  'an empty port': remote.replace('.example', '.example:'),
  'another port': remote.replace('.example', '.example:8443'),
  'a dot after the host': remote.replace('.example', '.example.'),
  'a user': remote.replace('login', 'user@login'),
  'a user and a password': remote.replace('login', 'user:pass@login'),
  'an empty user': remote.replace('login', '@login'),
  'the host as a user': 'https://login.acme.example@evil.test/realms/ci',
  'an encoded letter in the path': remote.replace('realms', '%72ealms'),
  'an encoded slash in the path': remote.replace('/ci', '%2Fci'),
  'an encoded dot in the host': remote.replace('login.', 'login%2E'),
  'an encoded NUL': `${remote}%00`,
  'a Cyrillic letter': remote.replace('o', 'о'),
  'that letter in punycode': remote.replace('login', 'xn--lgin-x6d'),
  'a full-width letter': remote.replace('l', 'ｌ'),
  'an ideographic dot': remote.replace('login.', 'login。'),
  'a letter with a combining mark': remote.replace('realms', 'realm\u0301s'),
  'a soft hyphen': remote.replace('login', 'log\u00adin'),
  'a zero-width space': remote.replace('login', 'log\u200bin'),
  http: remote.replace('https', 'http'),
  'another scheme': remote.replace('https', 'wss'),
  'no scheme': remote.replace('https://', ''),
  'no scheme but slashes': remote.replace('https:', ''),
  'one slash': remote.replace('//', '/'),
  backslashes: remote.replaceAll('/', '\\'),
  'a subdomain': remote.replace('login', 'evil.login'),
  'the host as a subdomain': remote.replace('.example', '.example.evil.test'),
  'a host with more before it': remote.replace('login', 'evil-login'),
  'the URL in a path': `https://evil.test/${remote}`,
  'the URL in a fragment': `https://evil.test#${remote}`,
  'dot segments that cancel out': remote.replace('/ci', '/evil/../ci'),
  'a dot segment': remote.replace('/ci', '/./ci'),
  'dot segments at the end': `${remote}/x/..`,
  'a parameter of the path': `${remote};x=y`,
  'a space before': ` ${remote}`,
  'a space after': `${remote} `,
  'a tab inside': remote.replace('login', 'lo\tgin'),
  'a line break after': `${remote}\n`,
  'a byte order mark before': `\ufeff${remote}`,
  'a non-breaking space after': `${remote}\u00a0`,
  'a NUL after': `${remote}\0`,
  'a NUL and more after': `${remote}\0.evil.test`,
  'an empty query': `${remote}?`,
  'a query': `${remote}?x=y`,
  'an empty fragment': `${remote}#`,
  'a fragment': `${remote}#x`,
  'its discovery document': `${remote}/.well-known/openid-configuration`,
  'a star': 'https://*.acme.example/realms/ci',
  'both trusted ones in one text': (port) => `${remote} http://127.0.0.1:${port}`,
  'the other’s path': (port) => `http://127.0.0.1:${port}/realms/ci`,
  'a slash after an origin': (port) => `http://127.0.0.1:${port}/`,
  'https for http': (port) => `https://127.0.0.1:${port}`,
  'the address by name': (port) => `http://localhost:${port}`,
  'a short address': (port) => `http://127.1:${port}`,
  'a hexadecimal address': (port) => `http://0x7f.0.0.1:${port}`,
  'an address as one number': (port) => `http://2130706433:${port}`,
  'the same address mapped into IPv6': (port) => `http://[::ffff:127.0.0.1]:${port}`,
  'another address of loopback': (port) => `http://[::1]:${port}`,
  'another port of loopback': (port) => `http://127.0.0.1:${Number(port) - 1}`,
  'its key set': (port) => `http://127.0.0.1:${port}/keys`,
  ourselves: broker,
  'a list of it': [JSON.stringify([remote])],
  'a list of it and another': [JSON.stringify([remote, 'https://evil.test'])],
  'an object of it': [JSON.stringify({ [remote]: remote })],
  'it twice': [`"${remote}","iss":"${remote}"`],
  null: ['null'],
  true: ['true'],
  'a number': ['0'],
  'a name that every object has': 'constructor',
  'the issuer’s name in broker.yaml': 'remote',
  'a text of 10,000 characters': `https://${'x'.repeat(10_000)}`,
}

for (const [what, spelt] of Object.entries(nearMisses))
  test(`${what}: no name is resolved, nothing is connected to, and the answer is as for any other token`, async () => {
    const port = new URL(farm.url).port
    const iss = typeof spelt === 'object' ? spelt[0] : JSON.stringify(typeof spelt === 'string' ? spelt : spelt(port))
    assert.ok(iss !== JSON.stringify(remote) && iss !== JSON.stringify(farm.url))
    const { status, body } = await present(iss)
    assert.deepEqual([asked, connected, world.operations()], [[], [], []])
    assert.deepEqual([status, body.error], [400, 'invalid_request'])
    assert.match(body.error_description!, /^the subject token was not accepted \(decision [\w-]{22}\)$/)
    assert.match(logged.join(), /^refused: (?:issuer_unknown|not a string|payload: duplicate member name)$/)
  })

test('no iss at all is no different', async () => {
  const { status, body } = await present(undefined)
  assert.deepEqual([asked, connected], [[], []])
  assert.deepEqual([status, body.error], [400, 'invalid_request'])
})
