import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { RefusedByBroker, TemporaryError, TokenBrokerError } from '../../client/errors.ts'
import { exchange } from '../../client/exchange.ts'
import { request } from '../../client/request.ts'
import { readySource, type SubjectTokenSource } from '../../client/subject-token.ts'
import {
  accessToken,
  awsCredentials,
  brokerServer,
  decision,
  keys,
  refusal,
  timestamp,
  vacantUrl,
  type Scripted,
} from './broker-server.ts'
import { stoppedClock } from './stopped-clock.ts'
import { subjectJwt } from './subject-jwt.ts'

const token = subjectJwt()
const source = readySource('the variable JOB', () => token)
const throttled: Scripted = { status: 429, body: { message: 'Too Many Requests' } }

/** A source that gives another token each time, as GitHub does. */
function freshSource(): SubjectTokenSource {
  let made = 0
  return { ...readySource('GitHub Actions', () => subjectJwt({ jti: String(made++) })), fresh: true }
}

test('the request is the one of RFC 8693 section 2.1, and nothing is asked but /token', async (t) => {
  const broker = await brokerServer(t, [{ body: accessToken }])
  const clock = stoppedClock()
  const issued = await exchange({ broker: broker.url, target: 'deploy-api', scope: 'deploy:write' }, source, clock)
  assert.deepEqual(Object.fromEntries(broker.asked[0] ?? []), {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    audience: 'deploy-api',
    scope: 'deploy:write',
  })
  assert.deepEqual([broker.asked.length, broker.strays], [1, []])
  const { expires_in, ...said } = accessToken
  assert.deepEqual(issued, { ...said, expires_at: Math.floor(clock.now() / 1000) + expires_in })
})

test('without a scope none is sent', async (t) => {
  const broker = await brokerServer(t, [{ body: accessToken }])
  await exchange({ broker: broker.url, target: 'deploy-api' }, source, stoppedClock())
  assert.equal(broker.asked[0]?.has('scope'), false)
})

const start = Math.floor(Date.now() / 1000)
for (const [title, lasts, expires_in, ends] of [
  ['when STS says so', 900, 1800, 900],
  ['when their time is over, with a clock that is behind', 2100, 900, 900],
  ['when their time is over, whatever they say', 75 * 365 * 24 * 3600, 86_400, 86_400],
] as const) {
  test(`AWS credentials end ${title}`, async (t) => {
    const { body } = awsCredentials(900, { Expiration: timestamp((start + lasts) * 1000) })
    const broker = await brokerServer(t, [{ body: { ...(body as object), expires_in } }])
    const clock = stoppedClock(0.5, start * 1000 + 700)
    const issued = await exchange({ broker: broker.url, target: 'web-deployer' }, source, clock)
    assert.ok('credentials' in issued)
    const Expiration = timestamp((start + ends) * 1000)
    assert.deepEqual([issued.credentials, issued.expires_at], [{ Version: 1, ...keys, Expiration }, start + ends])
  })
}

for (const [title, failures, pauses] of [
  ["API Gateway's own 429", [throttled], [125]],
  ["API Gateway's own 503", [{ status: 503, body: { message: 'Service Unavailable' } }], [125]],
  ["API Gateway's own 500", [{ status: 500, body: { message: 'Internal Server Error' } }], [125]],
  ['a 502 of a proxy, in HTML', [{ status: 502, body: '<html>Bad Gateway</html>' }], [125]],
  ['a connection that breaks', [{ instead: (response) => response.destroy() }], [125]],
  ['four failures in a row', [throttled, throttled, throttled, throttled], [125, 250, 500, 1000]],
  [
    'Retry-After in seconds',
    [{ ...refusal('temporarily_unavailable', 'try again', 503), headers: { 'retry-after': '3' } }],
    [3125],
  ],
  ['a Retry-After that is nothing', [{ ...throttled, headers: { 'retry-after': 'soon' } }], [125]],
] as [string, Scripted[], number[]][]) {
  test(`${title} is survived`, async (t) => {
    const broker = await brokerServer(t, [...failures, { body: accessToken }])
    const clock = stoppedClock()
    const issued = await exchange({ broker: broker.url, target: 'deploy-api' }, source, clock)
    assert.ok('access_token' in issued)
    assert.deepEqual(clock.slept, pauses)
    assert.equal(broker.asked.length, failures.length + 1)
  })
}

test('the pause is of chance, from nothing to its length', async (t) => {
  for (const [random, pauses] of [
    [0, [0, 0, 0, 0]],
    [1, [250, 500, 1000, 2000]],
  ] as const) {
    const broker = await brokerServer(t, [throttled])
    const clock = stoppedClock(random)
    await assert.rejects(exchange({ broker: broker.url, target: 'x' }, source, clock), TemporaryError)
    assert.deepEqual(clock.slept, pauses)
  }
})

test('it ends after 5 attempts, and says with what', async (t) => {
  const unavailable = refusal('temporarily_unavailable', 'the service cannot answer right now, try again', 503)
  const broker = await brokerServer(t, [throttled, unavailable])
  await assert.rejects(exchange({ broker: broker.url, target: 'x' }, source, stoppedClock()), {
    name: 'TemporaryError',
    message: `the broker at ${broker.url} answered 503 (temporarily_unavailable: the service cannot answer right now, try again (decision ${decision})), tried 5 times`,
  })
  assert.equal(broker.asked.length, 5)
})

for (const [title, header] of [
  ['a Retry-After beyond the time there is', () => '31'],
  ['a Retry-After without end', () => '9'.repeat(400)],
  ['a Retry-After that is a date', (now: number) => new Date(now + 60_000).toUTCString()],
] as const) {
  test(`${title} ends it at once`, async (t) => {
    const clock = stoppedClock()
    const broker = await brokerServer(t, [{ ...throttled, headers: { 'retry-after': header(clock.now()) } }])
    await assert.rejects(exchange({ broker: broker.url, target: 'x' }, source, clock), {
      message: `the broker at ${broker.url} answered 429`,
    })
    assert.deepEqual([broker.asked.length, clock.slept], [1, []])
  })
}

test('it ends when the time is over, however many attempts are left', async (t) => {
  const broker = await brokerServer(t, [{ ...throttled, headers: { 'retry-after': '14' } }])
  const clock = stoppedClock(0)
  await assert.rejects(exchange({ broker: broker.url, target: 'x' }, source, clock), /answered 429, tried 3 times$/)
  assert.deepEqual(clock.slept, [14_000, 14_000])
})

test('a refusal is not tried again, and says what to look at, but no token', async (t) => {
  const broker = await brokerServer(t, [refusal()])
  await assert.rejects(exchange({ broker: broker.url, target: 'x' }, source, stoppedClock()), (error) => {
    assert.ok(error instanceof RefusedByBroker)
    assert.deepEqual([error.error, error.decision_id], ['invalid_target', decision])
    assert.deepEqual(error.message.split('\n'), [
      `the broker at ${broker.url} refused: invalid_target: no token can be issued for this target (decision ${decision})`,
      'The token from the variable JOB has iss "https://ci.example", sub "job", aud "https://broker.example", exp "2027-01-15T08:00:00.000Z".',
      'Compare it, and the name of the target, with targets and rules in broker.yaml.',
      'Who runs the broker finds the reason under the id of the decision.',
    ])
    return true
  })
  assert.equal(broker.asked.length, 1)
})

for (const [code, status] of [
  ['invalid_request', 400],
  ['invalid_request', 413],
  ['invalid_client', 401],
  ['invalid_scope', 400],
  ['something_new', 400],
] as const) {
  test(`${status} ${code} is a refusal too`, async (t) => {
    const broker = await brokerServer(t, [refusal(code, 'no', status)])
    await assert.rejects(
      exchange({ broker: broker.url, target: 'x' }, source, stoppedClock()),
      (error) => error instanceof RefusedByBroker && error.error === code,
    )
    assert.equal(broker.asked.length, 1)
  })
}

test('a refusal after an attempt without an answer says that the token may be spent; a fresh token is not', async (t) => {
  const script = [throttled, refusal('invalid_request', 'the subject token was not accepted')]
  const spent = /\nThe token may be spent by what was tried before: the broker at http:\S+ answered 429$/
  for (const [tokens, expected] of [
    [source, true],
    [freshSource(), false],
  ] as const) {
    const broker = await brokerServer(t, script)
    const outcome = exchange({ broker: broker.url, target: 'x' }, tokens, stoppedClock())
    await assert.rejects(outcome, ({ message }: Error) => spent.test(message) === expected)
  }
})

for (const [title, failure, name] of [
  ['an error', new TokenBrokerError('the file x is empty'), 'TokenBrokerError'],
  ['an outage', new TemporaryError('the file x is empty'), 'TemporaryError'],
  ['an error of somebody else', new Error(token), 'TokenBrokerError'],
] as const) {
  test(`${title} of the source after an attempt without an answer says what was unanswered`, async (t) => {
    const broker = await brokerServer(t, [throttled])
    let read = 0
    const once: SubjectTokenSource = {
      ...source,
      token: () => (read++ === 0 ? Promise.resolve(token) : Promise.reject(failure)),
    }
    await assert.rejects(exchange({ broker: broker.url, target: 'x' }, once, stoppedClock()), (error: Error) => {
      assert.equal(error.name, name)
      assert.match(
        error.message,
        /^the (file x is empty|variable JOB gave no other token)\n.*: the broker at \S+ answered 429(, tried 5 times)?$/,
      )
      return true
    })
    assert.equal(broker.asked.length, 1)
  })
}

test('without the id of a decision none is advised', async (t) => {
  const broker = await brokerServer(t, [{ ...refusal(), headers: {} }])
  await assert.rejects(exchange({ broker: broker.url, target: 'x' }, source, stoppedClock()), ({ message }: Error) => {
    assert.doesNotMatch(message, /under the id/)
    return true
  })
})

test('each attempt trades a token of its own, where there are several', async (t) => {
  const broker = await brokerServer(t, [throttled, throttled, { body: accessToken }])
  await exchange({ broker: broker.url, target: 'x' }, freshSource(), stoppedClock())
  assert.equal(new Set(broker.asked.map((form) => form.get('subject_token'))).size, 3)
})

function lasting(expires_in: number | undefined): Scripted {
  return { body: { ...(awsCredentials(900).body as object), expires_in } }
}

for (const [title, answer, message] of [
  ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:9/' } }, /answered 302: is that the URL/],
  ['the 404 of another server', { status: 404, body: { message: 'Not Found' } }, /answered 404: is that the URL/],
  ['the 403 of a firewall', { status: 403, body: '<html>' }, /answered 403: is that the URL/],
  ['HTML', { body: '<html>' }, /answered no token: is that the URL/],
  ['JSON that is no object', { body: '[]' }, /answered no token/],
  ['an empty object', { body: {} }, /answered no token/],
  ['another type of token', { body: { ...accessToken, issued_token_type: 'urn:x' } }, /answered no token/],
  ['no type of token', { body: { ...accessToken, issued_token_type: undefined } }, /answered no token/],
  ['a token for DPoP', { body: { ...accessToken, token_type: 'DPoP' } }, /answered no token/],
  ['a token without an end', { body: { ...accessToken, expires_in: undefined } }, /answered no token/],
  ['a token without end in sight', { body: { ...accessToken, expires_in: 86_401 } }, /answered no token/],
  ['a token that never ends', { body: JSON.stringify(accessToken).replace('900', '9e999') }, /answered no token/],
  ['a token that ended', { body: { ...accessToken, expires_in: -1 } }, /answered no token/],
  ['a token of two lines', { body: { ...accessToken, access_token: 'a\nb' } }, /answered no token/],
  ['a scope that is no text', { body: { ...accessToken, scope: ['x'] } }, /answered no token/],
  ['credentials without a key', awsCredentials(900, { SecretAccessKey: undefined }), /answered no token/],
  ['credentials with a key of two lines', awsCredentials(900, { AccessKeyId: "A'\nB" }), /answered no token/],
  ['credentials of another version', awsCredentials(900, { Version: 2 }), /answered no token/],
  ['credentials without an end', awsCredentials(900, { Expiration: undefined }), /answered no token/],
  [
    'credentials whose end is no time',
    awsCredentials(900, { Expiration: '2026-99-01T00:00:00Z' }),
    /answered no token/,
  ],
  ['credentials whose end is no day', awsCredentials(900, { Expiration: '2099-02-31T00:00:00Z' }), /answered no token/],
  ['credentials that last for a time unknown', lasting(undefined), /answered no token/],
  ['credentials that last without end in sight', lasting(86_401), /answered no token/],
  ['credentials that last for less than nothing', lasting(-1), /answered no token/],
  ['credentials that have ended', awsCredentials(-1), /answered what had ended: look at the clock/],
  ['more than an answer holds', { body: 'x'.repeat(300 * 1024) }, /answered more than 256 KiB/],
] as [string, Scripted, RegExp][]) {
  test(`${title} is no answer of a broker: one error, no second attempt`, async (t) => {
    const broker = await brokerServer(t, [answer])
    await assert.rejects(exchange({ broker: broker.url, target: 'x' }, source, stoppedClock()), (error) => {
      assert.ok(error instanceof TokenBrokerError && !(error instanceof TemporaryError))
      assert.match(error.message, message)
      return true
    })
    assert.equal(broker.asked.length, 1)
  })
}

test('what a server says cannot bring the token back, steer a log, or fill it', async (t) => {
  for (const status of [400, 503]) {
    const echo = (form: URLSearchParams): Scripted => ({
      status,
      headers: { 'x-decision-id': String(form.get('subject_token')) },
      body: {
        error: `bad\n::add-mask::x\u001b[2J`,
        error_description: `${form.get('subject_token')} ${'and so on '.repeat(1000)}`,
      },
    })
    const broker = await brokerServer(t, [echo])
    await assert.rejects(
      exchange({ broker: broker.url, target: 'x' }, source, stoppedClock()),
      ({ message }: Error) => {
        for (const part of token.split('.')) assert.ok(!message.includes(part), message)
        assert.doesNotMatch(message, /\n::|\p{Cc}(?<!\n)/u)
        assert.ok(message.length < 1500)
        return true
      },
    )
  }
})

test('claims of the token cannot steer a log either', async (t) => {
  const broker = await brokerServer(t, [refusal()])
  const hostile = readySource('the variable JOB', () =>
    subjectJwt({ sub: `x\n::stop-commands::y\u2028\u009b2J${'z'.repeat(5000)}`, exp: 'never', aud: undefined }),
  )
  await assert.rejects(exchange({ broker: broker.url, target: 'x' }, hostile, stoppedClock()), ({ message }: Error) => {
    assert.match(message, /sub "x\\n::stop-commands::y\\u\{2028\}\\u\{9b\}2Jz+, aud absent, exp "never"\.\n/)
    assert.ok(message.length < 1500)
    return true
  })
})

test('nobody there is said so, after as many attempts', async () => {
  const clock = stoppedClock()
  const url = await vacantUrl()
  await assert.rejects(exchange({ broker: url, target: 'x' }, source, clock), {
    name: 'TemporaryError',
    message: `the broker at ${url} could not be reached (ECONNREFUSED), tried 5 times`,
  })
  assert.equal(clock.slept.length, 4)
})

for (const [title, env, hint] of [
  ['a proxy that is set', { HTTPS_PROXY: 'http://user:password@proxy.example' }, true],
  ['a proxy that is set in small letters', { https_proxy: 'http://proxy.example' }, true],
  ['no proxy', {}, false],
  ['a proxy that is used', { HTTPS_PROXY: 'http://proxy.example', NODE_USE_ENV_PROXY: '1' }, false],
] as [string, Record<string, string>, boolean][]) {
  test(`nobody there, and ${title}: ${hint ? 'it is said' : 'nothing is said of it'}`, async (t) => {
    const before = { ...process.env }
    t.after(() => (process.env = before))
    for (const name of ['HTTPS_PROXY', 'https_proxy', 'NODE_USE_ENV_PROXY']) delete process.env[name]
    Object.assign(process.env, env)
    await assert.rejects(request(await vacantUrl(), { name: 'the broker', timeout: 5_000 }), {
      message: `the broker could not be reached (ECONNREFUSED)${hint ? '; HTTPS_PROXY is used only with NODE_USE_ENV_PROXY=1, on Node 24' : ''}`,
    })
  })
}

for (const [title, answer] of [
  ['who does not answer', () => {}],
  ['who does not end an answer', (response: ServerResponse) => response.writeHead(200).write('{')],
] as const) {
  test(`${title} is not waited for longer than was said`, async (t) => {
    const { url } = await brokerServer(t, [{ instead: answer }])
    await assert.rejects(request(`${url}/token`, { name: 'the broker', timeout: 20, method: 'POST' }), {
      name: 'TemporaryError',
      message: 'the broker did not answer within 1 s',
    })
  })
}
