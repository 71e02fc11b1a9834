import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandsOf, errorOf, gitHubJob } from './github-job.ts'

const { box, github, run } = gitHubJob()
const inputs = { broker: 'https://broker.acme.dev', target: 'deploy-api' }

for (const [title, changes, message] of [
  ['no broker', { broker: '' }, /^the input broker is missing\.[^]*\n {4}with:\n {6}broker: https:/],
  ['no target', { target: ' ' }, /^the input target is missing\.[^]*\n {6}target: deploy-api$/],
  ['a broker in the clear', { broker: 'http://broker.acme.dev' }, /^the broker's URL must be https/],
  ['a broker that is none', { broker: 'https://user:hunter2@broker.acme.dev' }, /^the broker's URL has a path/],
  [
    'an input that is nearly one',
    { aws_region: 'eu-west-1' },
    /^this action has no input aws_region, and the environment has INPUT_AWS_REGION: .*, aws-region$/,
  ],
  [
    'another’s input',
    { scopes: 'deploy:read' },
    /^this action has no input scopes, .* INPUT_SCOPES: the inputs are broker, target, scope,/,
  ],
  ['a region that is none', { 'aws-region': 'eu-west-1\nA=b' }, /^the input aws-region is no region/],
] as const) {
  test(`${title}: exit 1, and GitHub is not asked`, async () => {
    const ran = await run({ ...inputs, ...changes })
    assert.deepEqual([ran.code, commandsOf(ran), github.audiences], [1, ['error'], []])
    assert.match(errorOf(ran), message)
    assert.doesNotMatch(errorOf(ran), /hunter2|\n\s+at /)
  })
}

test('where no runner is, no token is asked for', async () => {
  for (const name of ['GITHUB_OUTPUT', 'GITHUB_ENV']) {
    const ran = await run({ broker: box.broker.url, target: 'deploy-api' }, { [name]: '' })
    assert.deepEqual([ran.code, github.audiences], [1, []])
    assert.match(errorOf(ran), new RegExp(`^${name} is not set: this action runs on a runner of GitHub Actions only$`))
  }
})

test('a file that cannot be written is an error without a secret', async () => {
  const GITHUB_ENV = join(tmpdir(), 'token-broker-absent', 'env')
  const ran = await run({ broker: box.broker.url, target: 'web-deployer' }, { GITHUB_ENV })
  assert.deepEqual([ran.code, ran.outputs], [1, {}])
  assert.equal(errorOf(ran), "the runner's file GITHUB_ENV cannot be written (ENOENT)")
})
