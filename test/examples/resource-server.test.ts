import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { blackBox } from '../conformance/broker-fixture.ts'

// Through dist/verify.js, as whoever installs the package has it: `npm test` builds it first.
const example = (name: string) => new URL(`../../examples/resource-server/${name}.mjs`, import.meta.url)
const sub = 'github:repo:1234567/987654'
const box = blackBox()

async function tokenOf(fields: Record<string, string> = {}): Promise<string> {
  const { status, body } = await box.exchange(fields)
  assert.equal(status, 200, JSON.stringify(body))
  return String(body.access_token)
}

/** A token of this broker for another resource server. */
async function foreignToken(): Promise<string> {
  const subject_token = await box.jobToken({ repository_id: '555555' })
  return tokenOf({ subject_token, audience: 'billing-api' })
}

/** The example in a process of its own, for the length of one test. Returns where it listens. */
async function started(t: TestContext, name: string): Promise<string> {
  const env = { ...process.env, BROKER: box.broker.url, PORT: '0' }
  const server = spawn(process.execPath, [fileURLToPath(example(name))], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(async () => {
    server.kill()
    await once(server, 'exit')
  })
  const [line] = (await once(createInterface(server.stdout), 'line')) as [string]
  assert.match(line, /^listening on http:\/\/127\.0\.0\.1:\d+$/)
  return line.replace('listening on ', '')
}

for (const name of ['http', 'fastify']) {
  test(`${name}.mjs lets in who has a token of the broker for it, with the scope that is needed`, async (t) => {
    const url = await started(t, name)
    const ask = async (method: string, authorization?: string) => {
      const response = await fetch(url, { method, headers: authorization === undefined ? {} : { authorization } })
      const { status, headers } = response
      return { status, challenge: headers.get('www-authenticate'), text: await response.text() }
    }
    const good = await tokenOf()
    const { status, text } = await ask('POST', `Bearer ${good}`)
    assert.deepEqual([status, JSON.parse(text)], [200, { sub }])

    const wrongScope = await ask('GET', `Bearer ${good}`)
    assert.equal(wrongScope.status, 403)
    assert.match(wrongScope.challenge ?? '', /error="insufficient_scope", .*scope="deploy:read"$/)

    for (const authorization of [
      `Bearer ${await foreignToken()}`,
      `Bearer ${await box.jobToken()}`,
      `Bearer ${good}x`,
    ]) {
      const refused = await ask('POST', authorization)
      assert.equal(refused.status, 401)
      assert.match(refused.challenge ?? '', /^Bearer .*error="invalid_token"/)
    }
    assert.deepEqual(
      [await ask('POST'), await ask('POST', 'Basic YTpi')].map(({ status, challenge }) => [status, challenge]),
      [
        [401, 'Bearer realm="token-broker"'],
        [401, 'Bearer realm="token-broker"'],
      ],
    )
  })
}

/** The functions read where the broker is when they are loaded. */
async function handlerOf<T>(name: string): Promise<(event: object) => Promise<T>> {
  process.env.BROKER = box.broker.url
  const { handler } = (await import(example(name).href)) as { handler: (event: object, context: object) => Promise<T> }
  return (event) => handler(event, { getRemainingTimeInMillis: () => 3_000 })
}

test('middy.mjs answers itself, or lets the handler answer', async () => {
  const handler = await handlerOf<{ statusCode: number; body: string }>('middy')
  const ask = (authorization: string) => handler({ version: '2.0', headers: { authorization } })
  const { statusCode, body } = await ask(`Bearer ${await tokenOf()}`)
  assert.deepEqual([statusCode, JSON.parse(body)], [200, { sub }])
  assert.equal((await ask(`Bearer ${await foreignToken()}`)).statusCode, 401)
})

test('authorizer.mjs says yes or no to an HTTP API', async () => {
  const handler = await handlerOf<{ isAuthorized: boolean; context: { sub?: string } }>('authorizer')
  const ask = (authorization: string) => handler({ version: '2.0', headers: { authorization } })
  const { isAuthorized, context } = await ask(`Bearer ${await tokenOf()}`)
  assert.deepEqual([isAuthorized, context.sub], [true, sub])
  assert.deepEqual(await ask(`Bearer ${await foreignToken()}`), { isAuthorized: false, context: {} })
})

test('rest-authorizer.mjs answers a REST API by a policy for its stage, or by the word for 401', async () => {
  const handler = await handlerOf<{ principalId: string; policyDocument: object; context: object }>('rest-authorizer')
  const methodArn = 'arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/prod/POST/releases/7'
  const ask = (authorizationToken: string) => handler({ type: 'TOKEN', authorizationToken, methodArn })
  const { principalId, policyDocument, context } = await ask(`Bearer ${await tokenOf()}`)
  assert.equal(principalId, sub)
  assert.deepEqual(policyDocument, {
    Version: '2012-10-17',
    Statement: [
      {
        Action: 'execute-api:Invoke',
        Effect: 'Allow',
        Resource: 'arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/prod/*',
      },
    ],
  })
  assert.deepEqual(Object.keys(context), ['client_id', 'jti', 'scope'])
  await assert.rejects(ask(`Bearer ${await foreignToken()}`), /^Error: Unauthorized$/)
})
