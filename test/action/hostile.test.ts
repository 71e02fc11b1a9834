import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessToken, awsCredentials, brokerServer, keys } from '../client/broker-server.ts'
import { assertHidden, commandsOf, errorOf, gitHubJob, masksOf } from './github-job.ts'

const job = gitHubJob()
const { box, github, run } = job

const hostile =
  'x\n::set-output name=token::evil\r\n::add-mask::deploy\u2028##[set-output name=token]evil ##[save-state name=a]b %0A::error::no\u001b[2J'

test('hostile claims start no command, and no line', async () => {
  job.claims = {
    sub: hostile,
    environment: hostile,
    [hostile]: hostile,
    ref: `##[add-mask]production`,
    event_name: 'pull_request',
  }
  const ran = await run({ broker: box.broker.url, target: 'deploy-api' })
  assert.deepEqual([ran.code, commandsOf(ran), ran.outputs], [1, ['add-mask', 'error'], {}])
  assert.ok(errorOf(ran).includes('environment: "x\\n::set-output name=token::evil\\r\\n::add-mask::deploy'))
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(ran.stdout, /[\u001b\u2028\r]/)
})

test('hostile words of a broker start no command, and no line', async (t) => {
  for (const script of [
    { status: 400, headers: { 'x-decision-id': '##[set-output name=token]evil' }, body: { error: hostile } },
    { status: 400, body: { error: 'invalid_target', error_description: hostile } },
    { body: { ...accessToken, scope: hostile } },
  ]) {
    const { url } = await brokerServer(t, [script])
    const ran = await run({ broker: url, target: 'x' })
    const obeyed = commandsOf(ran).filter((name) => name !== 'add-mask')
    assert.deepEqual(obeyed, ran.code === 0 ? [] : ['error'])
    assert.deepEqual(masksOf(ran), [...github.tokens.slice(-1), ...(ran.code === 0 ? [accessToken.access_token] : [])])
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(ran.stdout, /[\u001b\u2028\r]/)
  }
})

test('a target’s name starts no command: with aws-region, it is printed although there is no role', async (t) => {
  const { url } = await brokerServer(t, [{ body: accessToken }])
  for (const target of ['::set-output name=token::evil', '##[set-output name=token]evil', 'x\n::stop-commands::x']) {
    const ran = await run({ broker: url, target })
    assert.deepEqual(commandsOf(ran), ['add-mask', 'add-mask'])
    const refused = await run({ broker: url, target, 'aws-region': 'eu-west-1' })
    assert.deepEqual([refused.code, refused.outputs], [1, {}])
    assert.deepEqual(commandsOf(refused), ['add-mask', 'add-mask', 'error'])
    assert.match(errorOf(refused), /^aws-region is for a target with a role/)
    assertHidden(refused, [accessToken.access_token])
  }
})

test('a secret that could end a value, or a mask, is no secret of a broker: nothing is handed over', async (t) => {
  for (const SecretAccessKey of ['two\nAWS_REGION=evil', 'a b', '%0A\u0000']) {
    const { url } = await brokerServer(t, [awsCredentials(3600, { SecretAccessKey })])
    const ran = await run({ broker: url, target: 'x' })
    assert.deepEqual([ran.code, ran.outputs, ran.variables], [1, {}, {}])
    assert.match(errorOf(ran), /answered no token/)
  }
})

test('a secret with what commands escape is masked as it is', async (t) => {
  const SecretAccessKey = '50%25of/a+secret%0A'
  const { url } = await brokerServer(t, [awsCredentials(3600, { SecretAccessKey })])
  const ran = await run({ broker: url, target: 'x' })
  assert.equal(ran.variables.AWS_SECRET_ACCESS_KEY, SecretAccessKey)
  assert.deepEqual(masksOf(ran).slice(1), [SecretAccessKey, keys.SessionToken, keys.AccessKeyId])
})
