import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, afterEach, before, describe, mock, test } from 'node:test'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { decodeJwt } from 'jose'
import { dynamodbAccounts } from '../../lib/aws/accounts.ts'
import { dynamodbAuthorizationCodes } from '../../lib/aws/authorization-codes.ts'
import { AUTHORIZATION_CODE_GRANT } from '../../lib/protocol/urns.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import type { Fault } from '../contracts/faulty-proxy.ts'
import { loginClient, loginConfiguration } from '../login/login-policy.ts'
import { broker, now, openFaultyWorld, type FaultyWorld } from './faulty-world.ts'
import { tokenEvent } from './token-event.ts'

const { signal } = new AbortController()
const table = 'token-broker'
const app = 'https://app.test'
const email = 'ada-who-is-in-no-log@partner.example'

let world: FaultyWorld
let token: LambdaFunction
let introspection: LambdaFunction
/** All that was written to it, whatever level it has. */
let written = ''
let secrets: string[] = []

before(async () => {
  process.env.POWERTOOLS_DEV = 'true'
  for (const level of ['info', 'warn', 'error'] as const)
    mock.method(console, level, (text: string) => (written += `${text}\n`))
  const configuration = loginConfiguration({
    issuer: broker,
    local: true,
    clients: {
      'web-app': loginClient({}, { allowed_origins: [app] }),
      'third-party': loginClient({ userinfo_signed_response_alg: 'RS256' }),
    },
  })
  world = await openFaultyWorld(configuration)
  token = await loadFunction('token', configuration)
  introspection = await loadFunction('introspection', configuration)
})
afterEach(() => {
  world.mend()
  written = ''
  secrets = []
})
after(() => world.close())

interface Login {
  client_id: string
  code: string
  code_verifier: string
}

/** As /authorize leaves it. */
async function loggedIn(client_id = 'web-app'): Promise<Login> {
  const [code, code_verifier] = [32, 32].map((bytes) => randomBytes(bytes).toString('base64url')) as [string, string]
  const sub = 'partner:ada'
  const identity = { email }
  const times = { at: now(), expires_at: now() + 60 }
  await dynamodbAuthorizationCodes(world.client, table).record(
    {
      key: hashOfSecret(code),
      client_id,
      redirect_uri: 'https://app.test/cb',
      code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
      scopes: ['openid', 'email'],
      claims: { id_token: ['email'], userinfo: [] },
      acr_values: [],
      authentication: {
        sid: 's1',
        issuer_name: 'partner',
        subject: 'ada',
        sub,
        claims: { iss: 'https://partner.test', sub: 'ada' },
        hash: 'h',
        identity,
        acr: [],
        expires_at: now() + 900,
      },
      ...times,
    },
    signal,
  )
  await dynamodbAccounts(world.client, table).record({ sub, identity, ...times }, signal)
  secrets.push(code, code_verifier, email)
  world.mend()
  return { client_id, code, code_verifier }
}

interface Answer {
  status: number
  headers: Record<string, unknown>
  body: string
}

async function call(handler: LambdaFunction, event: APIGatewayProxyEventV2): Promise<Answer> {
  const { statusCode, headers = {}, body = '' } = await handler(event, { awsRequestId: 'r' } as Context)
  return { status: Number(statusCode), headers, body }
}

const redeem = (login: Login) => {
  const fields = { grant_type: AUTHORIZATION_CODE_GRANT, redirect_uri: 'https://app.test/cb', ...login }
  const event = tokenEvent(new URLSearchParams({ ...fields }).toString(), true)
  return call(token, { ...event, headers: { ...event.headers, origin: app } })
}

async function tokensOf(client_id?: string): Promise<{ access_token: string; id_token: string }> {
  const { status, body } = await redeem(await loggedIn(client_id))
  assert.equal(status, 200)
  const tokens = JSON.parse(body) as { access_token: string; id_token: string }
  secrets.push(...Object.values(tokens).filter((each) => typeof each === 'string' && each.length > 100))
  world.mend()
  return tokens
}

const userinfo = (access_token: string) =>
  call(introspection, {
    rawPath: '/userinfo',
    rawQueryString: '',
    headers: { authorization: `Bearer ${access_token}`, origin: app },
    requestContext: { http: { method: 'GET', path: '/userinfo' } },
  } as unknown as APIGatewayProxyEventV2)

function isUnavailable({ status, headers, body }: Answer): void {
  assert.equal(status, 503)
  assert.equal((JSON.parse(body) as { error: string }).error, 'temporarily_unavailable')
  assert.ok(Number(headers['retry-after']) >= 1)
  assert.equal(headers['www-authenticate'], undefined, 'the token is not to blame')
  assert.equal(headers['access-control-allow-origin'], app)
  assert.match(String(headers['access-control-expose-headers']), /\bretry-after\b/)
}

const failing = (type: string, status = 400): Fault => ({ status, type })
const at =
  (wanted: string, nth = -1): FaultyWorld['fault'] =>
  (operation, before) =>
    operation === wanted && (nth === -1 || nth === before) ? failing('AccessDeniedException') : 'none'

describe('what it asks of AWS', () => {
  test('to trade a code: one read, and then one put, one read and two signatures at once', async () => {
    const login = await loggedIn()
    assert.equal((await redeem(login)).status, 200)
    const [first, ...others] = world.operations()
    assert.equal(first, 'GetItem')
    assert.deepEqual(others.toSorted(), ['BatchGetItem', 'PutItem', 'Sign', 'Sign'])
  })

  test('to refuse one: one read', async () => {
    const login = await loggedIn()
    for (const changes of [{ code_verifier: 'w'.repeat(43) }, { client_id: 'third-party' }, { code: 'x'.repeat(43) }]) {
      world.mend()
      assert.equal((await redeem({ ...login, ...changes })).status, 400)
      assert.deepEqual(world.operations(), ['GetItem'])
    }
  })

  test('to answer /userinfo: two reads, and where it is signed a signature more', async () => {
    const plain = await tokensOf()
    assert.equal((await userinfo(plain.access_token)).status, 200)
    assert.deepEqual(world.operations().toSorted(), ['BatchGetItem', 'GetItem'])
    const signed = await tokensOf('third-party')
    assert.equal((await userinfo(signed.access_token)).headers['content-type'], 'application/jwt')
    assert.deepEqual(world.operations().toSorted(), ['BatchGetItem', 'GetItem', 'Sign'])
  })

  test('to refuse a token at /userinfo: nothing', async () => {
    const { id_token } = await tokensOf()
    for (const spoilt of ['x', id_token]) assert.equal((await userinfo(spoilt)).status, 401)
    assert.deepEqual(world.operations(), [])
  })
})

describe('what fails spends no code', () => {
  for (const [what, fault] of [
    ['the read of the code', at('GetItem')],
    ['the put of the receipt', at('PutItem')],
    ['the read of the revocations', at('BatchGetItem')],
    ['both signatures', at('Sign')],
    ['the first signature', at('Sign', 0)],
    ['the second signature', at('Sign', 1)],
  ] as const)
    test(what, async () => {
      const login = await loggedIn()
      world.fault = fault
      isUnavailable(await redeem(login))
      world.mend()
      const { status, body } = await redeem(login)
      assert.equal(status, 200)
      const { access_token } = JSON.parse(body) as { access_token: string }
      assert.equal((await userinfo(access_token)).status, 200, 'and nobody has taken that back')
      assert.equal((await redeem(login)).status, 400)
    })

  test('a row of another shape is no code', async () => {
    const login = await loggedIn()
    world.fault = (operation) =>
      operation === 'GetItem' ? { answer: { Item: { pk: { S: 'x' }, expires_at: { N: String(now() + 60) } } } } : 'none'
    isUnavailable(await redeem(login))
  })
})

test('a replay that cannot be answered for is 503, until what came of the code is taken back', async () => {
  const login = await loggedIn()
  const { access_token } = JSON.parse((await redeem(login)).body) as { access_token: string }
  world.mend()
  // After the code itself: what is in the receipt's way, whose it is, and what is on record of that; then the revocation.
  for (const fault of [at('GetItem', 1), at('GetItem', 2), at('GetItem', 3), at('PutItem', 1)]) {
    world.fault = fault
    isUnavailable(await redeem(login))
    assert.equal((await userinfo(access_token)).status, 200)
    world.mend()
  }
  assert.equal((await redeem(login)).status, 400)
  assert.equal((await userinfo(access_token)).status, 401)
  const { jti } = decodeJwt(access_token)
  assert.equal((await world.row(`revocation#jti#${jti}`))?.by?.S, 'web-app')
})

describe('what fails at /userinfo is 503, and blames no token', () => {
  for (const [what, client_id, operation] of [
    ['the read of the revocations', 'web-app', 'BatchGetItem'],
    ['the read of the account', 'web-app', 'GetItem'],
    ['the signature', 'third-party', 'Sign'],
  ] as const)
    test(what, async () => {
      const { access_token } = await tokensOf(client_id)
      world.fault = at(operation)
      isUnavailable(await userinfo(access_token))
      world.mend()
      assert.equal((await userinfo(access_token)).status, 200)
    })
})

test('no code, proof, token or claim is in the log, whatever comes of it', async () => {
  const login = await loggedIn()
  const first = await redeem(login)
  await redeem(login)
  await redeem({ ...login, code_verifier: 'w'.repeat(43) })
  world.fault = at('Sign')
  await redeem(await loggedIn())
  world.mend()
  const { access_token, id_token } = JSON.parse(first.body) as { access_token: string; id_token: string }
  await userinfo(access_token)
  await userinfo(id_token)
  const { access_token: good } = await tokensOf()
  world.fault = at('GetItem')
  await userinfo(good)
  world.mend()
  assert.equal((await userinfo(good)).status, 200)
  for (const reason of ['code_replayed', 'code_mismatch', 'bearer_token_invalid', 'unavailable', 'revoked'])
    assert.ok(written.includes(`"${reason}"`), reason)
  for (const secret of [...secrets, access_token, id_token].flatMap((each) => each.split('.')))
    if (secret.length > 20) assert.ok(!written.includes(secret), secret)
  assert.ok(!written.includes(email))
})
