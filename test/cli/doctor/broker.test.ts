import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { afterEach, describe, test } from 'node:test'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'
import { checkBroker, type Deployed } from '../../../cli/doctor/broker.ts'
import type { Check } from '../../../cli/doctor/check.ts'
import { readySource } from '../../../client/subject-token.ts'
import { compile } from '../../../lib/config/compile.ts'
import { vacantUrl } from '../../client/broker-server.ts'
import { serve } from '../../http/test-server.ts'
import { tamperedBroker, type Seen } from './tampered-broker.ts'

const box = tamperedBroker()
afterEach(() => {
  box.tamper = () => {}
  box.seen.length = 0
})

const noToken = 'no token was found to trade'

async function examine(changes: Partial<Deployed> = {}): Promise<Check[]> {
  const deployed = { broker: box.url, source: noToken, target: 'deploy-api', configuration: undefined, ...changes }
  return (await checkBroker(deployed)).checks
}

const outcomes = (checks: readonly Check[]) => checks.map(({ check, outcome }) => `${check} ${outcome}`)
const withToken = async (token?: string) => ({
  source: readySource('a file', async () => token ?? (await box.jobToken())),
})
const refusals = ['stranger', 'unsigned', 'introspection', 'revocation'].map((check) => `${check} ok`)
const documents = ['discovery', 'metadata', 'keys', 'caching'].map((check) => `${check} ok`)
const allWell = ['healthz ok', 'headers ok', 'clock ok', 'certificate not_tried', ...documents]

test('a broker with which all is well, without a token to trade', async () => {
  const checks = await examine()
  assert.deepEqual(outcomes(checks), [...allWell, ...refusals, 'exchange not_tried'])
  assert.equal(checks.at(-1)?.seen, noToken)
  assert.match(
    checks.find(({ check }) => check === 'keys')?.seen ?? '',
    /^2 keys: ES256 "[\w-]{43}", RS256 "[\w-]{43}"$/,
  )
})

test('a token is traded, what is issued is verified, and handed back', async () => {
  const token = await box.jobToken()
  const checks = await examine(await withToken(token))
  assert.deepEqual(outcomes(checks), [...allWell, ...refusals, 'exchange ok', 'token ok', 'hand-back ok'])
  const issued = box.seen.find(({ path, status }) => path === '/token' && status === 200)?.body as {
    access_token: string
  }
  for (const secret of [token, issued.access_token])
    for (const part of secret.split('.')) assert.ok(!JSON.stringify(checks).includes(part))
  const revoked = box.seen.find(({ path, form }) => path === '/revoke' && form.get('token') === issued.access_token)
  assert.equal(revoked?.status, 200)
  assert.match(checks.at(-2)?.seen ?? '', /^signed by [\w-]{43} for https:\/\/deploy\.acme\.dev$/)
})

test('the unsigned token has the claims of the one that would be accepted, and leaves that unspent', async () => {
  const token = await box.jobToken()
  await examine(await withToken(token))
  const unsigned = box.seen.map(({ form }) => form.get('subject_token') ?? '').find((text) => text.endsWith('.'))
  assert.equal(unsigned?.split('.')[1], token.split('.')[1])
})

test('AWS credentials are thrown away', async () => {
  const checks = await examine({ ...(await withToken()), target: 'web-deployer' })
  assert.deepEqual(outcomes(checks), [...allWell, ...refusals, 'exchange ok'])
  const issued = box.seen.find(({ path, status }) => path === '/token' && status === 200)?.body as {
    access_token: string
  }
  const { SecretAccessKey, SessionToken } = JSON.parse(issued.access_token) as Record<string, string>
  for (const secret of [SecretAccessKey, SessionToken]) assert.ok(secret && !JSON.stringify(checks).includes(secret))
})

type Spoil = (answer: Seen) => void
type Members = Record<string, unknown>
const at =
  (path: string, spoil: Spoil): Spoil =>
  (answer) => {
    if (answer.path === path) spoil(answer)
  }
const openid = '/.well-known/openid-configuration'
const metadata = '/.well-known/oauth-authorization-server'
const set =
  (members: Members): Spoil =>
  (answer) =>
    (answer.body = { ...(answer.body as Members), ...members })
const header =
  (name: string, value: string | undefined): Spoil =>
  ({ headers }) => {
    delete headers[name]
    if (value !== undefined) headers[name] = value
  }
const instead =
  (status: number, body: unknown = ''): Spoil =>
  (answer) =>
    Object.assign(answer, { status, body })
const keysOf = ({ body }: Seen) => (body as { keys: JWK[] }).keys
/** Both documents, so that they do not also differ. */
const inBoth =
  (members: () => Members): Spoil =>
  (answer) => {
    if (answer.path === openid || answer.path === metadata) set(members())(answer)
  }
const shifted =
  (seconds: number): Spoil =>
  (answer) =>
    (answer.headers.date = new Date(Date.now() + seconds * 1000).toUTCString())

describe('one thing is not as it should be', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  for (const [what, spoil, found, seen] of [
    [
      'healthz fails',
      at('/healthz', instead(503, { message: 'Service Unavailable' })),
      ['healthz failed'],
      /^answered 503 \(Service Unavailable\)$/,
    ],
    ['healthz is a page of somebody else', at('/healthz', instead(200, '<p>')), ['healthz failed'], /^answered 200$/],
    ['healthz is elsewhere', at('/healthz', instead(302)), ['healthz failed'], /^answered 302$/],
    [
      'a header was taken away',
      at('/healthz', header('strict-transport-security', undefined)),
      ['headers warning'],
      /: strict-transport-security$/,
    ],
    [
      'a header was weakened',
      at('/healthz', header('x-content-type-options', 'sniff')),
      ['headers warning'],
      /: x-content-type-options$/,
    ],
    ['the clock is ten minutes ahead', at('/healthz', shifted(600)), ['clock warning'], /^(?:599|60[01]) s ahead of/],
    ['the clock is ten minutes behind', at('/healthz', shifted(-600)), ['clock warning'], /^(?:599|60[01]) s behind/],
    [
      'another issuer',
      inBoth(() => ({ issuer: 'https://other.test' })),
      ['discovery failed', 'metadata not_tried', 'keys not_tried'],
      /issuer "https:\/\/other\.test"$/,
    ],
    [
      'an issuer with a slash',
      inBoth(() => ({ issuer: `${box.url}/` })),
      ['discovery failed', 'metadata not_tried', 'keys not_tried'],
      /issuer "http:\/\/127\.0\.0\.1:\d+\/"$/,
    ],
    [
      'an endpoint elsewhere',
      inBoth(() => ({ token_endpoint: 'https://other.test/token' })),
      ['discovery failed', 'metadata not_tried', 'keys not_tried'],
      /own origin: token_endpoint$/,
    ],
    [
      'an endpoint that is missing',
      inBoth(() => ({ revocation_endpoint: undefined })),
      ['discovery failed', 'metadata not_tried', 'keys not_tried'],
      /: revocation_endpoint$/,
    ],
    [
      'discovery that is HTML',
      at(openid, instead(200, '<p>')),
      ['discovery failed', 'metadata not_tried', 'keys not_tried'],
      /^not valid JSON$/,
    ],
    [
      'discovery that fails',
      at(openid, instead(500)),
      ['discovery failed', 'metadata not_tried', 'keys not_tried'],
      /^answered 500$/,
    ],
    [
      'documents that disagree',
      at(metadata, set({ introspection_endpoint: 'https://other.test/introspect' })),
      ['metadata failed'],
      /: "introspection_endpoint"$/,
    ],
    [
      'documents that disagree on the issuer',
      at(metadata, set({ issuer: 'https://other.test' })),
      ['metadata failed'],
      /: "issuer"$/,
    ],
    ['metadata without an issuer', at(metadata, set({ issuer: undefined })), ['metadata failed'], /: "issuer"$/],
    [
      'no metadata',
      at(metadata, instead(404, { message: 'Not Found' })),
      ['metadata failed'],
      /^answered 404 \(Not Found\)$/,
    ],
    ['no keys', at('/jwks', set({ keys: [] })), ['keys failed'], /^the key set is empty$/],
    ['keys that are HTML', at('/jwks', instead(200, '<p>')), ['keys failed'], /^not valid JSON$/],
    ['keys that fail', at('/jwks', instead(502)), ['keys failed'], /^answered 502$/],
    [
      'a key too small',
      at('/jwks', (answer) => set({ keys: [...keysOf(answer), { ...small, alg: 'RS256', kid: 'x' }] })(answer)),
      ['keys failed'],
      /^1 of its keys cannot be used$/,
    ],
    [
      'a kid that is no thumbprint',
      at('/jwks', (answer) => (keysOf(answer)[0]!.kid = 'signing-1')),
      ['keys failed'],
      /thumbprint \(RFC 7638\): "signing-1"$/,
    ],
    [
      'a key without kid',
      at('/jwks', (answer) => delete keysOf(answer)[0]!.kid),
      ['keys failed'],
      /a key without kid$/,
    ],
    [
      'an algorithm without a key',
      at('/jwks', (answer) => keysOf(answer).pop()),
      ['keys failed'],
      /algorithms: "RS256"$/,
    ],
    [
      'a key whose algorithm is not advertised',
      at(openid, set({ id_token_signing_alg_values_supported: ['ES256'] })),
      ['keys failed'],
      /algorithms: "RS256"$/,
    ],
    [
      'keys that nobody may cache',
      at('/jwks', header('cache-control', 'no-store')),
      ['caching warning'],
      /Cache-Control "no-store"$/,
    ],
    [
      'keys without Cache-Control',
      at('/jwks', header('cache-control', undefined)),
      ['caching warning'],
      /Cache-Control absent$/,
    ],
    ['keys for no time', at('/jwks', header('cache-control', 'public, max-age=0')), ['caching warning'], /max-age=0"$/],
  ] as [string, Spoil, string[], RegExp][])
    test(what, async () => {
      box.tamper = spoil
      const checks = await examine()
      const wrong = checks.filter(
        ({ check, outcome }) => outcome !== 'ok' && !['certificate', 'exchange'].includes(check),
      )
      assert.deepEqual(outcomes(wrong), found)
      assert.match(wrong[0]?.seen ?? '', seen)
      assert.ok(wrong.every(({ outcome, remedy }) => (remedy === undefined) === (outcome === 'not_tried')))
    })

  const issued = { access_token: 'x.y.z', issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' }
  const strangers = (spoil: Spoil): Spoil =>
    at('/token', (answer) => {
      if (!answer.form.get('subject_token')?.endsWith('.')) spoil(answer)
    })
  const unsigned = (spoil: Spoil): Spoil =>
    at('/token', (answer) => {
      if (answer.form.get('subject_token')?.endsWith('.')) spoil(answer)
    })
  for (const [what, spoil, found, seen] of [
    [
      'a stranger is let in',
      strangers(instead(200, issued)),
      ['stranger failed'],
      /issuer that nobody trusts WAS ACCEPTED$/,
    ],
    [
      'an unsigned token is let in',
      unsigned(instead(200, issued)),
      ['unsigned failed'],
      /nobody signed \(alg: none\) WAS ACCEPTED$/,
    ],
    [
      'a stranger breaks it',
      strangers(instead(500, { message: 'Internal Server Error' })),
      ['stranger failed'],
      /answered 500 \(Internal Server Error\), not 400/,
    ],
    [
      'a stranger is called something else',
      strangers(set({ error: 'invalid_grant' })),
      ['stranger failed'],
      /answered 400 \(invalid_grant: .*\), not 400 invalid_request$/,
    ],
    [
      'a stranger is throttled',
      strangers(instead(429, { message: 'Too Many Requests' })),
      ['stranger failed'],
      /answered 429/,
    ],
    [
      'a refusal without an id',
      strangers(header('x-decision-id', undefined)),
      ['stranger failed'],
      /without a decision id$/,
    ],
    [
      'a refusal that may be cached',
      unsigned(header('cache-control', 'max-age=60')),
      ['unsigned failed'],
      /may be cached$/,
    ],
    [
      'an introspection for everybody',
      at('/introspect', instead(200, { active: false })),
      ['introspection failed'],
      /^to a client that is none \/introspect answered 200, not 401/,
    ],
    ['an introspection that fails', at('/introspect', instead(503)), ['introspection failed'], /answered 503/],
    [
      'a revocation for any client',
      at('/revoke', instead(200)),
      ['revocation failed'],
      /\/revoke answered 200, not 401/,
    ],
  ] as [string, Spoil, string[], RegExp][])
    test(what, async () => {
      box.tamper = spoil
      const wrong = (await examine()).filter(({ outcome }) => outcome === 'failed')
      assert.deepEqual(outcomes(wrong), found)
      assert.match(wrong[0]?.seen ?? '', seen)
      assert.ok(wrong[0]?.remedy)
    })
})

describe('the exchange', () => {
  for (const [what, changes, target, seen] of [
    [
      'of a token that has ended',
      { iat: 1_700_000_000, nbf: 1_700_000_000, exp: 1_700_000_300 },
      'deploy-api',
      /answered 400 \(invalid_request: .*\) to a token with iss "http:\/\/127\.0\.0\.1:\d+", .*exp "?2023-11-14/,
    ],
    ['for a target that it is not granted', {}, 'billing-api', /answered 400 \(invalid_target: /],
    ['without a target, where it is granted two', {}, undefined, /answered 400 \(invalid_/],
  ] as [string, Record<string, unknown>, string | undefined, RegExp][])
    test(what, async () => {
      const checks = await examine({ ...(await withToken(await box.jobToken(changes))), target })
      const wrong = checks.filter(({ outcome }) => outcome === 'failed')
      assert.deepEqual(outcomes(wrong), ['exchange failed'])
      assert.match(wrong[0]?.seen ?? '', seen)
      assert.match(wrong[0]?.remedy ?? '', /explain.*traded before.*the broker's log says why, under [\w-]{22}$/)
    })

  test('of what is no token', async () => {
    const checks = await examine({ source: readySource('the file x', () => 'secret-secret-secret') })
    assert.deepEqual(outcomes(checks.slice(-1)), ['exchange failed'])
    assert.match(checks.at(-1)?.seen ?? '', /^the file x holds no JWT/)
    assert.doesNotMatch(JSON.stringify(checks), /secret-/)
  })

  test('that answers no token', async () => {
    const token = await box.jobToken()
    box.tamper = whenIssued(token, instead(200, { access_token: 'x' }))
    assert.equal((await examine(await withToken(token))).at(-1)?.seen, 'it answered 200, and no token')
  })

  const whenIssued =
    (token: string, spoil: Spoil): Spoil =>
    (answer) => {
      if (answer.form.get('subject_token') === token) spoil(answer)
    }

  /** What the broker might issue if its keys, or its claims, were not what they should be. */
  async function forged(changes: Members, header: Members = {}): Promise<Spoil> {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const kid = await calculateJwkThumbprint(await exportJWK(publicKey))
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: box.url,
      sub: 's',
      client_id: 's',
      aud: 'https://deploy.acme.dev',
      iat: now,
      exp: now + 900,
      jti: 'j',
    }
    const access_token = await new SignJWT({ ...claims, ...changes })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header })
      .sign(privateKey)
    const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }
    return (answer) => {
      if (answer.path === '/jwks') set({ keys: [...keysOf(answer), jwk] })(answer)
      if (answer.status === 200 && answer.path === '/token') set({ access_token })(answer)
    }
  }

  for (const [what, changes, header, seen] of [
    ['of another issuer', { iss: 'https://other.test' }, {}, /CLAIM_VALIDATION_FAILED: iss\)$/],
    ['for another audience', { aud: 'https://other.test' }, {}, /CLAIM_VALIDATION_FAILED: aud\)$/],
    ['without an end', { exp: undefined }, {}, /CLAIM_VALIDATION_FAILED: exp\)$/],
    ['that has ended', { exp: 1_700_000_000 }, {}, /ERR_JWT_EXPIRED\)$/],
    ['without a client', { client_id: undefined }, {}, /CLAIM_VALIDATION_FAILED: client_id\)$/],
    ['of another type', {}, { typ: 'JWT' }, /CLAIM_VALIDATION_FAILED: typ\)$/],
    ['of a key that nobody has', {}, { kid: 'x' }, /ERR_JWKS_NO_MATCHING_KEY\)$/],
  ] as [string, Members, Members, RegExp][])
    test(`a token ${what}`, async () => {
      box.tamper = await forged(changes, header)
      const { configuration } = compile(box.config, 'broker.yaml', { local: true, now: 0 })
      const checks = await examine({ ...(await withToken()), configuration })
      const token = checks.find(({ check }) => check === 'token')
      assert.equal(token?.outcome, 'failed')
      assert.match(token?.seen ?? '', seen)
    })

  test('a token that is as it should be, by the same forgery', async () => {
    box.tamper = await forged({})
    assert.equal((await examine(await withToken())).find(({ check }) => check === 'token')?.outcome, 'ok')
  })

  test('a token is verified by the broker’s clock, where this machine’s is wrong', async () => {
    box.tamper = shifted(3_600)
    const checks = await examine(await withToken())
    // An hour from now it has ended.
    assert.match(checks.find(({ check }) => check === 'token')?.seen ?? '', /ERR_JWT_EXPIRED/)
  })

  test('a token that cannot be handed back is a warning, and says how long it is good', async () => {
    const known = new Set<string>()
    box.tamper = (answer) => {
      if (answer.path === '/token' && answer.status === 200)
        known.add((answer.body as { access_token: string }).access_token)
      if (answer.path === '/revoke' && known.has(answer.form.get('token') ?? '')) instead(503)(answer)
    }
    const checks = await examine(await withToken())
    assert.deepEqual(outcomes(checks.slice(-1)), ['hand-back warning'])
    assert.match(checks.at(-1)?.remedy ?? '', /good for (?:900|89\d) s more/)
  })
})

describe('whether a broker.yaml is what is deployed', () => {
  for (const [what, change, outcome, seen] of [
    ['it is', (text: string) => text, 'ok', /as in broker\.yaml$/],
    [
      'issuer: auto says nothing of the URL',
      (text: string) => text.replace(/^issuer: .*$/m, 'issuer: auto'),
      'ok',
      /./,
    ],
    [
      'another issuer',
      (text: string) => text.replace(/^issuer: .*$/m, 'issuer: https://broker.acme.dev'),
      'failed',
      /its issuer is https:\/\/broker\.acme\.dev$/,
    ],
    [
      'other algorithms',
      (text: string) => text.replace('[ES256, RS256]', '[RS256, ES256]'),
      'failed',
      /it signs with RS256, ES256$/,
    ],
    [
      'a generation more',
      (text: string) =>
        text.replace('[ES256, RS256]', '[ES256, RS256]\n  keys: { ES256: { active: "1", published: ["2"] } }'),
      'failed',
      /it asks for 3 signing keys$/,
    ],
  ] as [string, (text: string) => string, string, RegExp][])
    test(what, async () => {
      const { configuration } = compile(change(box.config), 'broker.yaml', { local: true, now: 0 })
      const found = (await examine({ configuration })).find(({ check }) => check === 'deployment')
      assert.equal(found?.outcome, outcome)
      assert.match(found?.seen ?? '', seen)
    })
})

test('nobody answers: one failure, and no more waiting', async () => {
  const checks = await examine({ broker: await vacantUrl() })
  assert.deepEqual(outcomes(checks), ['healthz failed', 'the rest not_tried'])
  assert.match(checks[0]?.seen ?? '', /^\/healthz could not be reached \(ECONNREFUSED\)/)
})

test('somebody else answers, with HTML', async (t) => {
  const port = await serve(t, (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'))
  const checks = await examine({ broker: `http://127.0.0.1:${port}`, ...(await withToken()) })
  assert.ok(checks.filter(({ outcome }) => outcome === 'failed').length >= 7)
  assert.doesNotMatch(JSON.stringify(checks), /ACCEPTED/)
  assert.ok(
    checks.every(({ check, outcome }) => outcome !== 'ok' || check === 'clock'),
    JSON.stringify(outcomes(checks)),
  )
})
