import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { accessToken, brokerServer } from '../client/broker-server.ts'
import { gitHubJob, masksOf } from './github-job.ts'
import { readAsRunner } from './runner.ts'

const { box, github, run } = gitHubJob()

test('an access token is an output, which the broker’s keys verify', async () => {
  const ran = await run({ broker: box.broker.url, target: 'deploy-api' })
  assert.deepEqual([ran.code, ran.variables], [0, {}], ran.log.text)
  const { token = '', expiration, ...others } = ran.outputs
  assert.deepEqual(others, {})
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(`${box.broker.url}/jwks`)))
  assert.deepEqual([payload.aud, payload.scope], ['https://deploy.acme.dev', 'deploy:write'])
  assert.match(expiration ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.ok(Math.abs(Date.parse(expiration ?? '') / 1000 - (payload.exp ?? 0)) <= 10)
  assert.deepEqual(masksOf(ran), [...github.tokens, token])
  assert.equal(
    ran.log.text,
    `token-broker: deploy-api issued an access token with the scope deploy:write until ${expiration}: the output token\n`,
  )
})

test('AWS credentials are variables for the steps that follow, with the region', async () => {
  const ran = await run({ broker: `${box.broker.url}/`, target: 'web-deployer', 'aws-region': 'eu-west-1' })
  assert.equal(ran.code, 0, ran.log.text)
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, ...region } = ran.variables
  assert.deepEqual(region, { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-1' })
  assert.match(AWS_ACCESS_KEY_ID ?? '', /^ASIA/)
  assert.ok(AWS_SECRET_ACCESS_KEY && AWS_SESSION_TOKEN)
  assert.deepEqual(Object.keys(ran.outputs), ['expiration'])
  assert.deepEqual(masksOf(ran), [...github.tokens, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ACCESS_KEY_ID])
  assert.equal(ran.log.text.trimEnd().split('\n').length, 1)
})

test('without a region that of the job stays', async () => {
  const { code, variables } = await run({ broker: box.broker.url, target: 'web-deployer', 'aws-region': '' })
  assert.equal(code, 0)
  assert.deepEqual(Object.keys(variables), ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
})

test('every mask stands before all else', async () => {
  for (const target of ['deploy-api', 'web-deployer']) {
    const ran = await run({ broker: box.broker.url, target })
    const lines = ran.stdout.trimEnd().split('\n')
    const masks = lines.filter((line) => line.startsWith('::add-mask::'))
    assert.ok(masks.length >= 2)
    assert.deepEqual(lines.slice(0, masks.length), masks)
  }
})

test('what a later step prints of the secrets is masked', async () => {
  const { log, stdout, outputs, variables } = await run({ broker: box.broker.url, target: 'web-deployer' })
  const leak = Object.entries({ ...variables, ...outputs }).map(([name, value]) => `${name}=${value}`)
  const later = readAsRunner(`${stdout}${leak.join('\n')}\n`).text.slice(log.text.length)
  assert.equal(
    later,
    `AWS_ACCESS_KEY_ID=***\nAWS_SECRET_ACCESS_KEY=***\nAWS_SESSION_TOKEN=***\nexpiration=${outputs.expiration}\n`,
  )
})

test('scope and audience are asked for', async (t) => {
  const { url, asked } = await brokerServer(t, [{ body: accessToken }])
  const inputs = { broker: url, target: 'deploy-api' }
  await run(inputs)
  await run({ ...inputs, scope: ' deploy:write ', audience: 'https://other.example' })
  assert.deepEqual(github.audiences, [url, 'https://other.example'])
  assert.deepEqual(
    asked.map((form) => [form.get('audience'), form.get('scope')]),
    [
      ['deploy-api', null],
      ['deploy-api', 'deploy:write'],
    ],
  )
})

test('a throttled broker is asked again, with a new token, which is masked too', async (t) => {
  const throttled = { status: 429, body: { message: 'Too Many Requests' }, headers: { 'retry-after': '0' } }
  const { url, asked } = await brokerServer(t, [throttled, { body: accessToken }])
  const ran = await run({ broker: url, target: 'deploy-api' })
  assert.deepEqual([ran.code, asked.length], [0, 2])
  assert.deepEqual(masksOf(ran), [...github.tokens, accessToken.access_token])
})
