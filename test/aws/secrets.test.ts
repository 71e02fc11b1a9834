import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { secretsManagerClient } from '../../lib/aws/clients.ts'
import { awsSecrets } from '../../lib/aws/secrets.ts'
import { environmentSecrets } from '../../lib/environment.ts'
import type { Secrets } from '../../lib/ports.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'

const name = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:acme-AbCdEf'
const signal = AbortSignal.timeout(30_000)

let server: Server
let client: SecretsManagerClient
/** What was asked for, and by which operation. */
let requests: [string, Record<string, string>][]
/** What the stand-in answers, in Secrets Manager's own JSON. */
let answer: () => { status: number; body: unknown } | 'nothing'
let time: number
let logged: { message: string; fields: Record<string, unknown> }[]
let secrets: Secrets

before(async () => {
  server = createServer(async (request, response) => {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString()
    requests.push([String(request.headers['x-amz-target']), JSON.parse(body) as Record<string, string>])
    const answered = answer()
    if (answered === 'nothing') return
    response.writeHead(answered.status, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify(answered.body))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  client = secretsManagerClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
})
beforeEach(() => {
  requests = []
  time = 1_800_000_000
  logged = []
  secrets = awsSecrets(client, {
    now: () => time,
    log: { warn: (message, fields) => void logged.push({ message, fields }) },
  })
})
after(() => {
  client.destroy()
  server.close()
  server.closeAllConnections()
})

const holds = (SecretString: unknown) => () => ({ status: 200, body: { ARN: name, Name: 'acme', SecretString } })
const fails = (status: number, __type: string) => () => ({ status, body: { __type, message: 'do-not-tell' } })

async function unavailable(promise: Promise<unknown>, detail: string): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof UnavailableError, String(error))
    assert.deepEqual([error.message, error.cause], [`secrets: ${name}: ${detail}`, undefined])
    return true
  })
}

for (const [what, text, secret] of [
  ['text', 'a secret', 'a secret'],
  ['the client_secret of a JSON object', '{"client_secret":"a secret","client_id":"x"}', 'a secret'],
  ['text that begins as JSON does', '{no json', '{no json'],
  ['digits', '12345678901234567890', '12345678901234567890'],
  ['a word of JSON', 'null', 'null'],
] as const) {
  test(`a secret is ${what}`, async () => {
    answer = holds(text)
    assert.equal(await secrets.find(name, signal), secret)
    assert.deepEqual(requests, [['secretsmanager.GetSecretValue', { SecretId: name }]])
  })
}

for (const [what, text] of [
  ['nothing', ''],
  ['bytes alone', undefined],
  ['JSON without client_secret', '{"password":"do-not-tell"}'],
  ['a client_secret that is no text', '{"client_secret":["do-not-tell"]}'],
  ['an empty client_secret', '{"client_secret":""}'],
  ['a line break at its end', 'do-not-tell\n'],
  ['a letter that no client secret has', 'do-not-tell-é'],
] as const) {
  test(`${what} is no secret`, async () => {
    answer = holds(text)
    await unavailable(secrets.find(name, signal), 'it holds no client secret')
  })
}

test('it is read once in 5 minutes', async () => {
  answer = holds('first')
  await secrets.find(name, signal)
  answer = holds('second')
  time += 299
  assert.equal(await secrets.find(name, signal), 'first')
  assert.equal(requests.length, 1)
  time += 1
  assert.equal(await secrets.find(name, signal), 'second')
  assert.equal(requests.length, 2)
})

test('it is read again at once when it was refused, and what was read serves from then on', async () => {
  answer = holds('first')
  await secrets.find(name, signal)
  assert.equal(await secrets.renew(name, 'first', signal), undefined)
  answer = holds('second')
  assert.equal(await secrets.renew(name, 'first', signal), 'second')
  assert.equal(await secrets.find(name, signal), 'second')
  assert.equal(requests.length, 3)
})

for (const [error, attempts] of [
  ['AccessDeniedException', 1],
  ['ResourceNotFoundException', 1],
  ['InvalidRequestException', 1],
  ['DecryptionFailure', 1],
] as const) {
  test(`${error} is unavailable, named without its text, and ends what was known`, async () => {
    answer = fails(400, error)
    await unavailable(secrets.find(name, signal), error)
    assert.equal(requests.length, attempts)
    answer = holds('known')
    await secrets.find(name, signal)
    answer = fails(400, error)
    time += 300
    await unavailable(secrets.find(name, signal), error)
    assert.deepEqual(logged, [])
  })
}

test('a secret that has become none ends what was known', async () => {
  answer = holds('known')
  await secrets.find(name, signal)
  answer = holds('')
  time += 300
  await unavailable(secrets.find(name, signal), 'it holds no client secret')
  answer = fails(500, 'InternalServiceError')
  await unavailable(secrets.find(name, signal), 'InternalServiceError')
})

for (const [error, status] of [
  ['InternalServiceError', 500],
  ['ThrottlingException', 400],
  ['ServiceUnavailable', 503],
] as const) {
  test(`through ${error} what is known serves for an hour, asked for every 30 s`, async () => {
    answer = fails(status, error)
    await unavailable(secrets.find(name, signal), error)
    assert.equal(requests.length, 2, 'two attempts')
    answer = holds('known')
    await secrets.find(name, signal)
    answer = fails(status, error)
    time += 300
    assert.equal(await secrets.find(name, signal), 'known')
    assert.deepEqual(logged, [
      {
        message: 'stale_secret_used',
        fields: { secret: name, age: 300, detail: `secrets: ${name}: ${error}` },
      },
    ])
    assert.equal(requests.length, 5)
    time += 29
    assert.equal(await secrets.find(name, signal), 'known')
    assert.equal(requests.length, 5)
    time += 3_600 - 300 - 29 - 1
    assert.equal(await secrets.find(name, signal), 'known')
    time += 1
    await unavailable(secrets.find(name, signal), error)
  })
}

test("the request's own deadline ends the call", async () => {
  const deadline = new AbortController()
  answer = () => {
    deadline.abort()
    return 'nothing'
  }
  await unavailable(secrets.find(name, deadline.signal), 'AbortError')
})

test('in local runs it is a variable of the environment', async () => {
  const environment: NodeJS.ProcessEnv = { ACME: 'first' }
  const local = environmentSecrets(environment)
  assert.equal(await local.find('env:ACME', signal), 'first')
  assert.equal(await local.renew('env:ACME', 'first', signal), undefined)
  environment.ACME = 'second'
  assert.equal(await local.renew('env:ACME', 'first', signal), 'second')
  for (const name of ['env:OTHER', 'ACME', 'env:'])
    await assert.rejects(local.find(name, signal), new UnavailableError('secrets', `${name} is not set`))
})
