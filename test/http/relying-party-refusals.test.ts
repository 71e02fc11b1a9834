import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { RefusedError, UnavailableError } from '../../lib/protocol/errors.ts'
import { testCertificate } from './test-certificate.ts'
import { serve } from './test-server.ts'
import {
  handMadeUpstream,
  idToken,
  relyingParty,
  signal,
  type HandMadeUpstream,
  type TestRelyingParty,
} from './upstream-fixture.ts'

/** Stands in everything that an upstream says wrongly, and may stand in nothing that we say. */
const secret = 'do-not-tell'

async function refused(promise: Promise<unknown>, refusal: RefusedError['refusal']): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof RefusedError, String(error))
    assert.deepEqual(error.refusal, refusal)
    return true
  })
}

const answerRefused = (promise: Promise<unknown>, detail: string) =>
  refused(promise, { reason: 'upstream_answer_refused', issuer: 'acme', detail })

async function unavailable(promise: Promise<unknown>, message: string): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof UnavailableError, String(error))
    assert.equal(error.message, message)
    assert.equal(error.cause, undefined)
    return true
  })
}

interface Asked {
  issuer: HandMadeUpstream
  redeem: (query?: string) => Promise<unknown>
  party: TestRelyingParty
}

async function asked(t: TestContext): Promise<Asked> {
  const issuer = await handMadeUpstream(t)
  const party = relyingParty()
  return {
    issuer,
    party,
    redeem: (query = issuer.query()) => party.redeem(issuer.upstream, issuer.binding, query, signal),
  }
}

const tokenRequests = ({ requests }: HandMadeUpstream) => requests.filter(({ path }) => path === '/token').length

describe('the callback', () => {
  for (const [what, spoil, detail] of [
    ['another state', { state: secret }, 'unexpected "state" response parameter value'],
    ['no state', { state: undefined }, 'response parameter "state" missing'],
    ['no code', { code: undefined }, 'no authorization code in "callbackParameters"'],
    ['an empty code', { code: '' }, 'no authorization code in "callbackParameters"'],
    ['another iss', { iss: 'https://do-not-tell.example' }, 'unexpected "iss" (issuer) response parameter value'],
    [
      'no iss, though the issuer says that it sends it',
      { iss: undefined },
      'response parameter "iss" (issuer) missing',
    ],
    ['an empty iss', { iss: '' }, 'response parameter "iss" (issuer) missing'],
    ['an error and a code', { error: 'access_denied' }, 'an error and a code'],
    [
      'an error of another state',
      { code: undefined, error: 'access_denied', state: secret },
      'unexpected "state" response parameter value',
    ],
    [
      'an error of another iss',
      { code: undefined, error: 'access_denied', iss: secret },
      'unexpected "iss" (issuer) response parameter value',
    ],
    [
      'an error without iss',
      { code: undefined, error: 'access_denied', iss: undefined },
      'response parameter "iss" (issuer) missing',
    ],
    ['an ID token beside the code', { id_token: secret }, 'implicit and hybrid flows are not supported'],
    [
      'a signed response',
      { response: secret },
      '"parameters" contains a JARM response, use validateJwtAuthResponse() instead of validateAuthResponse()',
    ],
  ] as [string, Record<string, string | undefined>, string][]) {
    test(`with ${what} is refused, and no code is traded`, async (t) => {
      const { issuer, redeem } = await asked(t)
      await answerRefused(redeem(issuer.query(spoil)), detail)
      assert.equal(tokenRequests(issuer), 0)
    })
  }

  for (const [what, append, detail] of [
    ['its state twice', (query: string) => `${query}&${query.match(/state=[^&]+/)?.[0]}`, 'parameter_repeated'],
    ['another code after the first', (query: string) => `${query}&code=${secret}`, 'parameter_repeated'],
    ['a parameter of nobody twice', (query: string) => `${query}&x=${secret}&x=`, 'parameter_repeated'],
    ['a resource twice', (query: string) => `${query}&resource=${secret}&resource=x`, 'parameter_repeated'],
    ['broken percent-encoding', (query: string) => `${query}&x=%f`, 'form_malformed'],
  ] as [string, (query: string) => string, string][]) {
    test(`with ${what} is refused, and no code is traded`, async (t) => {
      const { issuer, redeem } = await asked(t)
      await answerRefused(redeem(append(issuer.query())), detail)
      assert.equal(tokenRequests(issuer), 0)
    })
  }

  test('of an issuer that does not speak of iss needs none, and one that is there is compared all the same', async (t) => {
    const { issuer, redeem } = await asked(t)
    delete issuer.document.authorization_response_iss_parameter_supported
    await redeem(issuer.query({ iss: undefined }))
    await answerRefused(
      redeem(issuer.query({ iss: 'https://elsewhere.example' })),
      'unexpected "iss" (issuer) response parameter value',
    )
    assert.equal(tokenRequests(issuer), 1)
  })

  for (const [error, told] of [
    ['access_denied', 'access_denied'],
    ['login_required', 'login_required'],
    ['temporarily_unavailable', 'temporarily_unavailable'],
    [secret, 'other'],
    ['Access_denied', 'other'],
  ] as const) {
    test(`with the error ${error} is told as ${told}`, async (t) => {
      const { issuer, redeem } = await asked(t)
      await refused(redeem(issuer.query({ code: undefined, error, error_description: secret })), {
        reason: 'upstream_refused',
        issuer: 'acme',
        error: told,
      })
      assert.equal(tokenRequests(issuer), 0)
    })
  }
})

const json =
  (value: unknown, status = 200) =>
  (response: ServerResponse) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
const html = (status: number) => (response: ServerResponse) =>
  response.writeHead(status, { 'content-type': 'text/html' }).end(`<!doctype html><p>${secret}`)

describe('an ID token', () => {
  for (const [what, claims, detail] of [
    ['another nonce', { nonce: secret }, 'unexpected ID Token "nonce" claim value'],
    ['no nonce', { nonce: undefined }, 'JWT "nonce" (nonce) claim missing'],
    ['a nonce in an array', { nonce: [secret] }, 'unexpected ID Token "nonce" claim value'],
    ['another issuer', { iss: 'https://do-not-tell.example' }, 'unexpected JWT "iss" (issuer) claim value'],
    ['another audience', { aud: secret }, 'unexpected JWT "aud" (audience) claim value'],
    ['no subject', { sub: undefined }, 'JWT "sub" (subject) claim missing'],
  ] as [string, Record<string, unknown>, string][]) {
    test(`with ${what} is refused`, async (t) => {
      const { issuer, redeem } = await asked(t)
      Object.assign(issuer.claims, claims)
      await answerRefused(redeem(), detail)
    })
  }

  for (const [what, id_token, detail] of [
    ['none', undefined, '"response" body "id_token" property must be a string'],
    ['a number', 7, '"response" body "id_token" property must be a string'],
    ['no JWT', secret, 'Invalid JWT'],
    ['an encrypted one', `${secret}.a.b.c.d`, 'JWE decryption is not configured'],
    ['one that is not signed', idToken({}, { alg: 'none' }), 'unexpected JWT "alg" header parameter'],
  ] as [string, unknown, string][]) {
    test(`that is ${what} is refused`, async (t) => {
      const { issuer, redeem } = await asked(t)
      Object.assign(issuer.tokens, { id_token })
      await answerRefused(redeem(), detail)
    })
  }

  test('is not measured by a clock here, nor is its signature looked at: whoever verifies it does both', async (t) => {
    const { issuer, redeem } = await asked(t)
    Object.assign(issuer.claims, { exp: 2, iat: 9e9, nbf: 9e9 })
    assert.deepEqual(await redeem(), { id_token: idToken(issuer.claims), access_token: 'access' })
  })
})

describe("the token endpoint's answer", () => {
  for (const [what, answer, detail] of [
    ['HTML', html(200), 'token endpoint: not valid JSON'],
    ['an array', json([secret]), 'token endpoint: not a JSON object'],
    [
      'its id_token twice',
      (response) => response.end(`{"id_token":"${secret}","id_token":"${secret}"}`),
      'token endpoint: duplicate member name',
    ],
    ['a redirect', (response) => response.writeHead(302, { location: '/token' }).end(), 'token endpoint: answered 302'],
    ['204', (response) => response.writeHead(204).end(), 'token endpoint: answered 204'],
    ['201', json({}, 201), 'token endpoint: answered 201'],
    ['no access_token', json({ id_token: secret }), '"response" body "access_token" property must be a string'],
    [
      'invalid_grant',
      json({ error: 'invalid_grant', error_description: secret }, 400),
      'token endpoint: invalid_grant',
    ],
    ['an error of its own', json({ error: secret }, 400), 'token endpoint: other'],
    ['an HTML page of an error', html(404), 'token endpoint: answered 404'],
  ] as [string, (response: ServerResponse) => unknown, string][]) {
    test(`of ${what} is refused`, async (t) => {
      const { issuer, redeem } = await asked(t)
      issuer.answers.token = answer
      await answerRefused(redeem(), detail)
      assert.equal(tokenRequests(issuer), 1)
    })
  }

  test('whatever it is, is traded, refused or unavailable, and never a mistake of ours', async (t) => {
    const { issuer, redeem } = await asked(t)
    const claims = fc.record(
      {
        iss: fc.constantFrom(issuer.upstream.issuer, 7),
        nonce: fc.jsonValue(),
        aud: fc.jsonValue(),
        exp: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    const token = fc.oneof(
      claims.map((changes) => idToken({ ...issuer.claims, ...changes })),
      fc.tuple(fc.string(), fc.string(), fc.string()).map((segments) => segments.join('.')),
      fc.jsonValue(),
    )
    const tokens = fc.record(
      { id_token: token, access_token: fc.jsonValue(), token_type: fc.jsonValue(), error: fc.jsonValue() },
      { requiredKeys: [] },
    )
    const answer = fc.oneof(
      tokens.map((changes) => ({ ...issuer.tokens, ...changes })),
      fc.jsonValue(),
    )
    const status = fc.oneof(fc.constant(200), fc.integer({ min: 200, max: 999 }))
    await fc.assert(
      fc.asyncProperty(answer, status, async (answer, status) => {
        issuer.answers.token = json(answer, status)
        await redeem().catch((error: unknown) => {
          assert.ok(error instanceof RefusedError || error instanceof UnavailableError, String(error))
        })
      }),
    )
  })

  const challenge = { 'www-authenticate': `Basic realm="${secret}"` }
  const clientRefused = 'our client authentication is refused'
  for (const [what, answer, why] of [
    ['500', html(500), 'answered 500'],
    ['503 in JSON', json({ error: 'invalid_grant' }, 503), 'answered 503'],
    ['429', html(429), 'answered 429'],
    ['invalid_client', json({ error: 'invalid_client', error_description: secret }, 400), clientRefused],
    ['401 with a challenge', (response) => response.writeHead(401, challenge).end(), clientRefused],
    ['401 in HTML', html(401), clientRefused],
    ['401 in JSON', json({ error: secret }, 401), clientRefused],
    ['unauthorized_client', json({ error: 'unauthorized_client' }, 400), 'unauthorized_client'],
    [
      'compressed JSON',
      (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{}')),
      'the answer is encoded, which was not asked for',
    ],
    ['300 KiB', json({ secret: secret.repeat(30_000) }), 'the answer is longer than 262144 bytes'],
    ['nothing', (response) => response.socket?.destroy(), 'ECONNRESET'],
  ] as [string, (response: ServerResponse) => unknown, string][]) {
    test(`of ${what} makes the issuer unavailable: the person has done nothing wrong`, async (t) => {
      const { issuer, redeem } = await asked(t)
      issuer.answers.token = answer
      await unavailable(redeem(), `upstream: acme: token endpoint: ${why}`)
      assert.equal(tokenRequests(issuer), 1)
    })
  }

  test('that does not come is waited for 3 s, all together', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { issuer, redeem } = await asked(t)
    const arrived = Promise.withResolvers<ServerResponse>()
    issuer.answers.token = arrived.resolve
    let over = false
    const redeeming = unavailable(redeem(), 'upstream: acme: token endpoint: no answer in time').then(
      () => (over = true),
    )
    const response = await arrived.promise
    t.mock.timers.tick(2_999)
    await new Promise(setImmediate)
    assert.deepEqual([over, response.destroyed], [false, false])
    t.mock.timers.tick(1)
    await redeeming
  })

  test("that does not come is given up at the request's own deadline", async (t) => {
    const { issuer, party } = await asked(t)
    const deadline = new AbortController()
    issuer.answers.token = () => deadline.abort()
    await unavailable(
      party.redeem(issuer.upstream, issuer.binding, issuer.query(), deadline.signal),
      'upstream: acme: token endpoint: no answer in time',
    )
  })
})

describe('the metadata', () => {
  for (const [what, change, why] of [
    ['another issuer', { issuer: 'https://do-not-tell.example' }, 'the document names another issuer'],
    ['no authorization endpoint', { authorization_endpoint: undefined }, 'the document has no authorization_endpoint'],
    ['no token endpoint', { token_endpoint: undefined }, 'the document has no token_endpoint'],
    ['a token endpoint over http', { token_endpoint: 'http://do-not-tell.example/token' }, 'not an https URL'],
    ['a script for an endpoint', { authorization_endpoint: `javascript:${secret}` }, 'not an https URL'],
    ['credentials in an endpoint', { token_endpoint: 'https://do:not@tell.example/' }, 'credentials in the URL'],
    ['an endpoint in an array', { token_endpoint: [secret] }, "the document's token_endpoint is malformed"],
    [
      'a word for a truth value',
      { authorization_response_iss_parameter_supported: 'true' },
      "the document's authorization_response_iss_parameter_supported is malformed",
    ],
    [
      'methods that are no list',
      { token_endpoint_auth_methods_supported: 'client_secret_basic' },
      "the document's token_endpoint_auth_methods_supported is malformed",
    ],
  ] as [string, Record<string, unknown>, string][]) {
    test(`with ${what} makes the issuer unavailable`, async (t) => {
      const { issuer, party, redeem } = await asked(t)
      Object.assign(issuer.document, change)
      const message = `upstream: acme: discovery: ${why}`
      await unavailable(party.authorizationUrl(issuer.upstream, issuer.binding, {}, signal), message)
      await unavailable(redeem(), message)
      assert.equal(tokenRequests(issuer), 0)
    })
  }

  for (const [what, answer, why] of [
    ['an error', html(500), 'answered 500'],
    ['HTML', html(200), 'not valid JSON'],
    ['a redirect', (response) => response.writeHead(302, { location: '/' }).end(), 'answered 302'],
    ['nothing', (response) => response.socket?.destroy(), 'ECONNRESET'],
  ] as [string, (response: ServerResponse) => unknown, string][]) {
    test(`that is ${what} makes the issuer unavailable`, async (t) => {
      const { issuer, party } = await asked(t)
      issuer.answers.discovery = answer
      await unavailable(
        party.authorizationUrl(issuer.upstream, issuer.binding, {}, signal),
        `upstream: acme: discovery: ${why}`,
      )
    })
  }

  test("that does not come is given up at the request's own deadline", async (t) => {
    const { issuer, party } = await asked(t)
    const deadline = new AbortController()
    issuer.answers.discovery = () => deadline.abort()
    await unavailable(
      party.authorizationUrl(issuer.upstream, issuer.binding, {}, deadline.signal),
      'upstream: acme: discovery: no answer in time',
    )
  })

  test('names an endpoint inside: nothing is connected to', async (t) => {
    const tls = testCertificate('issuer.example')
    const port = await serve(t, (_, response) => response.end(JSON.stringify(document)), tls)
    const url = `https://issuer.example:${port}`
    const document = {
      issuer: url,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: 'https://10.0.0.1/token',
      userinfo_endpoint: 'https://169.254.169.254/latest/meta-data',
    }
    const party = relyingParty({
      local: false,
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      permits: (address) => address === '127.0.0.1',
      ca: tls.cert,
    })
    const { upstream, binding, query } = await handMadeUpstream(t)
    const inside = 'the host has an address that may not be connected to'
    await unavailable(
      party.redeem({ ...upstream, issuer: url }, binding, query({ iss: url }), signal),
      `upstream: acme: token endpoint: ${inside}`,
    )
    const of = { access_token: 'access', sub: 'ada' }
    assert.equal(await party.userinfo({ ...upstream, issuer: url }, of, signal), undefined)
    assert.deepEqual(party.logged.at(-1)?.fields.detail, `upstream: acme: userinfo: ${inside}`)
  })
})

describe('/userinfo', () => {
  const of = { access_token: 'the-access-token', sub: 'ada' }

  for (const [what, answer, detail] of [
    ['another sub', json({ sub: secret }), 'unexpected "response" body "sub" property value'],
    ['no sub', json({ email: secret }), '"response" body "sub" property must be a string'],
    ['HTML', html(200), 'upstream: acme: userinfo: the answer is not JSON'],
    [
      'a signed answer',
      (response) =>
        response.setHeader('content-type', 'application/jwt').end(idToken({ sub: 'ada', aud: 'our client' })),
      'upstream: acme: userinfo: the answer is not JSON',
    ],
    [
      'its sub twice',
      (response) => response.setHeader('content-type', 'application/json').end('{"sub":"eve","sub":"ada"}'),
      'userinfo: duplicate member name',
    ],
    [
      'a refusal',
      (response) => response.writeHead(401, { 'www-authenticate': `Bearer error="${secret}"` }).end(),
      'upstream: acme: userinfo: answered 401',
    ],
    [
      'a redirect',
      (response) => response.writeHead(302, { location: '/userinfo' }).end(),
      'upstream: acme: userinfo: answered 302',
    ],
    ['an error', html(500), 'upstream: acme: userinfo: answered 500'],
    [
      'too much',
      json({ sub: 'ada', x: 'x'.repeat(300 * 1024) }),
      'upstream: acme: userinfo: the answer is longer than 262144 bytes',
    ],
    ['nothing', (response) => response.socket?.destroy(), 'upstream: acme: userinfo: ECONNRESET'],
  ] as [string, (response: ServerResponse) => unknown, string][]) {
    test(`of ${what} is none, and the operator is told`, async (t) => {
      const { issuer, party } = await asked(t)
      issuer.answers.userinfo = answer
      assert.equal(await party.userinfo(issuer.upstream, of, signal), undefined)
      assert.deepEqual(party.logged, [{ message: 'userinfo_not_had', fields: { issuer: 'acme', detail } }])
    })
  }

  test('that does not answer is waited for 1.5 s', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { issuer, party } = await asked(t)
    const arrived = Promise.withResolvers<ServerResponse>()
    issuer.answers.userinfo = arrived.resolve
    let over = false
    const asking = party.userinfo(issuer.upstream, of, signal).finally(() => (over = true))
    await arrived.promise
    t.mock.timers.tick(1_499)
    await new Promise(setImmediate)
    assert.equal(over, false)
    t.mock.timers.tick(1)
    assert.equal(await asking, undefined)
  })

  test('of an issuer that has none, or cannot be reached, or with a token that fits no header, is none', async (t) => {
    const { issuer, party } = await asked(t)
    delete issuer.document.userinfo_endpoint
    assert.equal(await party.userinfo(issuer.upstream, of, signal), undefined)
    assert.deepEqual(party.logged, [])
    const another = await asked(t)
    assert.equal(
      await another.party.userinfo(another.issuer.upstream, { ...of, access_token: 'a\r\nb: c' }, signal),
      undefined,
    )
    another.issuer.upstream.issuer = 'http://127.0.0.1:1'
    assert.equal(await relyingParty().userinfo(another.issuer.upstream, of, signal), undefined)
  })
})
