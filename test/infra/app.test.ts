import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { App } from 'aws-cdk-lib'
import { propsFromContext } from '../../infra/context.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'token-broker-test-'))
after(() => rmSync(directory, { recursive: true }))

suite('what -c broker:… says', () => {
  const from = (context: Record<string, unknown>) => propsFromContext(new App({ context }).node)

  test('nothing: broker.yaml in a stack called token-broker', () => {
    assert.deepEqual(from({}), { config: 'broker.yaml', stackName: 'token-broker' })
  })

  test('everything', () => {
    assert.deepEqual(
      from({
        'broker:config': 'prod.yaml',
        'broker:stack-name': 'broker-prod',
        'broker:domain': 'broker.acme.dev',
        'broker:hosted-zone-id': 'Z123',
        'broker:hosted-zone-name': 'acme.dev',
        'broker:certificate-arn': 'arn:aws:acm:eu-west-1:123456789012:certificate/1b2c',
        'broker:table-key': 'create',
        'broker:metadata-concurrency': '0',
        'broker:token-rate': '50',
        'broker:token-burst': 20,
        'broker:ephemeral': 'true',
      }),
      {
        config: 'prod.yaml',
        stackName: 'broker-prod',
        domain: {
          name: 'broker.acme.dev',
          certificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/1b2c',
          hostedZone: { id: 'Z123', name: 'acme.dev' },
        },
        tableKey: 'create',
        metadataConcurrency: 0,
        throttle: { rate: 50, burst: 20 },
        ephemeral: true,
      },
    )
  })

  for (const [what, context, message] of [
    [
      'a key that is none of ours',
      { 'broker:domian': 'x' },
      /broker:domian is no context key of ours: .*broker:domain/,
    ],
    ['a list for text', { 'broker:domain': ['x'] }, /broker:domain must be text/],
    ['a number that is none', { 'broker:metadata-concurrency': 'many' }, /must be a whole number, not "many"/],
    ['a number below zero', { 'broker:metadata-concurrency': '-1' }, /must be a whole number/],
    ['a yes for true', { 'broker:ephemeral': 'yes' }, /broker:ephemeral must be true or false/],
    ['half a hosted zone', { 'broker:domain': 'a.b', 'broker:hosted-zone-id': 'Z1' }, /go together/],
    ['half a throttle', { 'broker:token-rate': '5' }, /broker:token-rate and broker:token-burst go together/],
    ['a certificate for no domain', { 'broker:certificate-arn': 'arn' }, /of no use without broker:domain/],
    ['a hosted zone for no domain', { 'broker:hosted-zone-id': 'Z', 'broker:hosted-zone-name': 'z' }, /of no use/],
  ] as const) {
    test(`${what} is refused`, () => {
      assert.throws(() => from(context), message)
    })
  }
})

suite('npx cdk synth', () => {
  test('offline and without credentials makes the template of the broker.yaml in the root', async () => {
    const output = join(directory, 'cdk.out')
    const { code, stderr } = await cdk('synth', '--quiet', '--output', output)
    assert.equal(code, 0, stderr)
    const template = JSON.parse(readFileSync(join(output, 'TokenBroker.template.json'), 'utf8')) as {
      Resources: object
    }
    assert.ok('BrokerTokenFunctionA240698A' in template.Resources)
  })

  test('fails on a key that is none of ours, in its words', async () => {
    const { code, stderr } = await cdk(
      'synth',
      '--quiet',
      '--output',
      join(directory, 'refused'),
      '-c',
      'broker:domian=x',
    )
    assert.notEqual(code, 0)
    assert.match(stderr, /broker:domian is no context key of ours/)
  })
})

function cdk(...args: string[]): Promise<{ code: number; stderr: string }> {
  const command = fileURLToPath(import.meta.resolve('aws-cdk/bin/cdk'))
  const { PATH, HOME } = process.env
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [command, ...args],
      { cwd: root, env: { PATH, HOME, CI: 'true', AWS_EC2_METADATA_DISABLED: 'true' } },
      (error, _, stderr) => resolve({ code: Number(error?.code ?? 0), stderr }),
    )
  })
}
