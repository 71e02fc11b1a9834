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

test('where a file cannot be written no token is asked for, and nothing is handed over', async () => {
  for (const name of ['GITHUB_OUTPUT', 'GITHUB_ENV']) {
    const env = { [name]: join(tmpdir(), 'token-broker-absent', 'file') }
    const ran = await run({ broker: box.broker.url, target: 'web-deployer' }, env)
    assert.deepEqual([ran.code, ran.outputs, ran.variables, github.audiences], [1, {}, {}, []])
    assert.equal(errorOf(ran), `the runner's file ${name} cannot be written (ENOENT)`)
  }
})

test('an input that is none may be a variable of the job: a warning, and it goes on', async () => {
  const given = { broker: box.broker.url, target: 'deploy-api', 'aws-region': '' }
  const ran = await run({ ...given, aws_region: 'eu-west-1' }, { INPUT_VERSION: '1.2.3', 'INPUT_X\n::error::Y': '' })
  assert.equal(ran.code, 0, ran.log.text)
  const [warning, ...others] = ran.log.commands.filter(({ name }) => name !== 'add-mask')
  assert.deepEqual([warning?.name, others], ['warning', []])
  assert.equal(
    warning?.data,
    'the environment has INPUT_AWS_REGION, INPUT_VERSION, INPUT_X\\u{a}::error::Y: no inputs of this action, which are broker, target, scope, audience, aws-region',
  )
  assert.ok(!ran.stdout.includes('1.2.3'))
})
