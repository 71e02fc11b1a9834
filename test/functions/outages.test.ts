import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { compile } from '../../lib/config/compile.ts'
import { startExampleIssuer, type ExampleIssuer } from '../../local/example-issuer.ts'
import { loadFunction, type LambdaFunction } from '../../local/load-function.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import { broker, exchange, now, openFaultyWorld, type FaultyWorld } from './faulty-world.ts'

let world: FaultyWorld
let issuer: ExampleIssuer
let token: LambdaFunction

before(async () => {
  process.env.POWERTOOLS_LOG_LEVEL = 'SILENT'
  issuer = await startExampleIssuer()
  const { text, file } = quickstartConfig(issuer.url)
  const { configuration } = compile(text, file, { local: true, issuer: broker, now: now() })
  world = await openFaultyWorld(configuration)
  token = await loadFunction('token', configuration)
})
afterEach(() => world.mend())
after(async () => {
  await Promise.all([world.close(), issuer.close()])
})

const jobToken = (changes = {}) => issuer.sign({ aud: broker, ...changes })

test('a warm exchange makes three AWS calls: put, batch get, sign', async () => {
  assert.equal((await exchange(token, await jobToken())).status, 200)
  world.mend()
  assert.equal((await exchange(token, await jobToken())).status, 200)
  assert.deepEqual(world.operations().toSorted(), ['BatchGetItem', 'PutItem', 'Sign'])
})

test('a refused exchange makes none that writes, and a replayed one writes nothing', async () => {
  for (const changes of [{ event_name: 'pull_request' }, { aud: 'https://other.test' }, { exp: 1 }])
    assert.equal((await exchange(token, await jobToken(changes))).status, 400)
  assert.deepEqual(world.operations(), [])
})

for (const [dimension, value] of [
  ['all', 'all'],
  ['issuer', 'github'],
  ['subject', 'github:repo:1234567/987654'],
  ['target', 'deploy-api'],
  ['rule', 'web-deploys'],
] as const) {
  test(`a revocation by ${dimension} stops issuing, and only while it stands`, async () => {
    const pk = { S: `revocation#${dimension}#${value}` }
    const times = {
      not_before: { N: '0' },
      blocked_until: { N: String(now() + 600) },
      expires_at: { N: String(now() + 900) },
    }
    const table = { TableName: 'token-broker' }
    const subject_token = await jobToken()
    await world.client.send(new PutItemCommand({ ...table, Item: { pk, ...times } }))
    const refused = await exchange(token, subject_token)
    assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_request'])
    assert.match(refused.body.error_description ?? '', /^the subject token was not accepted/)
    await world.client.send(new DeleteItemCommand({ ...table, Key: { pk } }))
    assert.equal((await exchange(token, subject_token)).status, 200)
  })
}
