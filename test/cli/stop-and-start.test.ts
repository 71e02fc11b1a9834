import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { afterEach, test } from 'node:test'
import { blackBox } from '../conformance/broker-fixture.ts'
import { captureLog } from '../functions/faulty-world.ts'
import { asOperator } from './admin-server.ts'

process.env.POWERTOOLS_LOG_LEVEL = 'INFO'
const logged = captureLog()
const box = blackBox()
afterEach(() => void (logged.length = 0))

/** With the credentials that the broker on loopback has. */
async function operate(...args: string[]) {
  return asOperator([...args, '--broker', box.broker.url], {
    AWS_ACCESS_KEY_ID: process.env.AWS_ACCESS_KEY_ID ?? '',
    AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY ?? '',
    AWS_REGION: 'eu-west-1',
  })
}

test('a rule is stopped at once, over the command alone, and started again', async () => {
  assert.equal((await box.exchange()).status, 200)
  const reached = await operate('revoke', '--rule', 'web-deploys', '--dry-run')
  assert.match(reached.stdout, /^nothing was changed\. It would reach 1 token /)
  assert.equal((await box.exchange()).status, 200, 'a dry run changes nothing')

  const stopped = await operate('stop', 'web-deploys', '--reason', 'INC-1234')
  assert.deepEqual([stopped.code, stopped.stderr], [0, ''])
  const at = Date.now()
  logged.length = 0
  const { status, body } = await box.exchange()
  assert.deepEqual([status, body.error], [400, 'invalid_request'])
  assert.deepEqual(logged, ['refused: issuance_blocked'])
  assert.match(
    (await operate('revoke', 'list')).stdout,
    /^rule web-deploys: .*issuing is stopped\n {2}\S+ by arn:aws:iam::\d{12}:user\/local: INC-1234\n$/,
  )

  assert.equal((await operate('start', 'web-deploys', '--reason', 'reviewed')).code, 0)
  // A token that is issued in the two seconds after would be born inactive.
  await setTimeout(Math.max(0, 3_100 - (Date.now() - at)))
  assert.equal((await box.exchange()).status, 200)
  assert.match(
    (await operate('revoke', 'list')).stdout,
    /issuing goes on\n.*\n {2}lifted \S+ by arn:aws:iam::\d{12}:user\/local: reviewed\n$/,
  )
})

test('undo takes effect at once', async () => {
  await operate('revoke', '--target', 'deploy-api', '--reason', 'by mistake')
  assert.equal((await box.exchange()).status, 400)
  const { stdout } = await operate('revoke', 'undo', '--target', 'deploy-api', '--reason', 'that was by mistake')
  assert.match(stdout, /^target deploy-api: undone/)
  assert.equal((await box.exchange()).status, 200)
})

for (const [what, args] of [
  ['stops', ['stop', 'web-deploy', '--reason', 'x']],
  ['revokes', ['revoke', '--rule', 'web-deploy', '--reason', 'x']],
  ['counts', ['revoke', '--rule', 'web-deploy', '--dry-run']],
] as const)
  test(`a rule that is misspelt ${what} nothing, and the right name is told`, async () => {
    const { code, stdout, stderr } = await operate(...args)
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /no rule "web-deploy".*web-deploys.*--even-if-unknown/)
  })

for (const [what, reason] of [
  ['of two lines', 'a\nb'],
  ['that steers a terminal', '\u001b[2J'],
  ['of ten kilobytes', 'x'.repeat(10_240)],
] as const)
  test(`a reason ${what} is refused, and nothing is revoked`, async () => {
    const { code, stderr } = await operate('stop', 'web-deploys', '--reason', reason)
    assert.equal(code, 1)
    assert.equal(stderr, 'reason must be one line of 1 to 256 characters\n')
    assert.equal((await box.exchange()).status, 200)
  })

test('other credentials are let in nowhere', async () => {
  const { code, stderr } = await asOperator(['stop', 'web-deploys', '--reason', 'x', '--broker', box.broker.url], {
    AWS_ACCESS_KEY_ID: 'AKIAOTHER',
    AWS_SECRET_ACCESS_KEY: 'another',
    AWS_REGION: 'eu-west-1',
  })
  assert.equal(code, 1)
  assert.match(stderr, /does not let these AWS credentials in: Forbidden/)
  assert.equal((await box.exchange()).status, 200)
})
