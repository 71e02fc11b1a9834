import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { AwsError } from '../../local/standin.ts'
import { blackBox, type BlackBox } from '../conformance/broker-fixture.ts'
import { startWorkload, type RunningWorkload, type Workload } from './running-workload.ts'
import { watchedSts, type WatchedSts } from './watched-sts.ts'

export interface Sdk {
  name: string
  /** Finds its credentials by the SDK's default chain. */
  workload: Workload
  /** Asks once, and shows the error that then comes. */
  failing: Workload
  /** What of a refusal, and of an outage, is in that error. `phrase` is ours, and has the decision id after it. */
  shows: { refusal(code: string, phrase: string): RegExp; outage: RegExp }
}

export interface ContainerCredentials {
  box: BlackBox
  sts: WatchedSts
  /** Of a pod of that name. */
  podToken: (pod?: string) => Promise<string>
}

/** STS fails during one request of a workload's: the broker asks it twice. */
function failOnce({ standin }: WatchedSts): void {
  const error = new AwsError('Throttling', 'Rate exceeded')
  standin.faults.push({ operation: 'AssumeRole', times: 2, error })
}

/** What an AWS SDK must make of GET /credentials/{target}, with two variables in its environment and no code at all. */
export function containerCredentialsContract({ name, workload, failing, shows }: Sdk): ContainerCredentials {
  const sts = watchedSts()
  const box = blackBox()
  const directory = mkdtempSync(join(tmpdir(), 'token-broker-container-'))
  after(() => rmSync(directory, { recursive: true }))
  beforeEach(() => {
    sts.lifetime = 3_600
    sts.issued.length = 0
    sts.signers.length = 0
    sts.standin.assumed.length = 0
    sts.standin.faults.length = 0
  })

  const uri = (target: string) => `${box.broker.url}/credentials/${target}`
  const podToken = (pod = 'nightly-1') =>
    box.issuer.signForPod({
      aud: [box.broker.url],
      'kubernetes.io': {
        namespace: 'reports',
        pod: { name: pod, uid: 'b8d1e0a4-2c5f-4b7e-8a1d-6f3e9c0b7d52' },
        serviceaccount: { name: 'nightly', uid: '3f0c8a52-6f0c-4c5b-9b1e-2d7f3c1a9e55' },
      },
    })

  /** As a kubelet writes it: without a newline. */
  function writeToken(token: string): string {
    const file = join(directory, 'token')
    writeFileSync(file, token)
    return file
  }

  function withToken(token: string): RunningWorkload {
    return startWorkload(workload, {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: uri('report-reader'),
      AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    })
  }

  async function withTokenFile(pod: string): Promise<RunningWorkload> {
    return startWorkload(workload, {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: uri('report-reader'),
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: writeToken(await podToken(pod)),
    })
  }

  /** The pods whose tokens were traded, in order. */
  const pods = () => sts.standin.assumed.map(({ Tags }) => Tags.find(({ Key }) => Key === 'pod')?.Value)

  for (const [title, start] of [
    ['a token', async () => withToken(await podToken())],
    ['a token after Bearer', async () => withToken(`Bearer ${await podToken()}`)],
    ['a token file', () => withTokenFile('nightly-1')],
  ] as const) {
    test(`${name}, told ${title}, signs with the credentials that STS issued, and with them again`, async () => {
      const program = await start()
      assert.deepEqual([await program.call(), await program.call()], ['', ''])
      const [credentials, ...more] = sts.issued
      assert.deepEqual(more, [])
      assert.ok(credentials)
      assert.deepEqual(sts.signers, [credentials, credentials])
      const [{ RoleArn } = {}] = sts.standin.assumed
      assert.equal(RoleArn, 'arn:aws:iam::123456789012:role/report-reader')
    })
  }

  test(`${name} asks for new credentials before the old ones expire, with the token that is then in the file`, async () => {
    const program = await withTokenFile('nightly-1')
    assert.equal(await program.call(), '')
    writeToken(await podToken('nightly-2'))
    sts.lifetime = 7_200
    // It may go on with the old ones while it asks. They are good for four minutes.
    for (let calls = 0; calls < 500 && sts.signers.at(-1) === sts.issued[0]; calls++)
      assert.equal(await program.call(3_600 - 240), '')
    assert.equal(sts.issued.length, 2)
    assert.deepEqual(sts.signers.at(-1), sts.issued[1])
    assert.deepEqual(pods(), ['nightly-1', 'nightly-2'])
  })

  test(`${name} signs nothing with credentials that have expired`, async () => {
    const program = await withTokenFile('nightly-1')
    assert.equal(await program.call(), '')
    writeToken(await podToken('nightly-2'))
    sts.lifetime = 7_200
    assert.equal(await program.call(3_601), '')
    assert.equal(sts.issued.length, 2)
    assert.deepEqual(sts.signers, sts.issued)
    assert.deepEqual(pods(), ['nightly-1', 'nightly-2'])
  })

  test(`${name} asks again after an outage, and its user sees nothing of it`, async () => {
    const program = withToken(await podToken())
    failOnce(sts)
    assert.equal(await program.call(), '')
    assert.equal(sts.issued.length, 1)
    assert.deepEqual(sts.signers, sts.issued)
  })

  for (const [title, target, token, code, phrase] of [
    [
      'a token that works once',
      'web-deployer',
      () => box.jobToken(),
      'invalid_request',
      'these tokens work once: use `token-broker credential-process`',
    ],
    [
      'a target that is not granted',
      'web-deployer',
      () => podToken(),
      'invalid_target',
      'no token can be issued for this target',
    ],
    ['a token that is none', 'report-reader', () => 'x.y.z', 'invalid_request', 'the subject token was not accepted'],
  ] as const) {
    test(`${name} shows why ${title} was refused, with the decision id`, async () => {
      const program = startWorkload(failing, {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: uri(target),
        AWS_CONTAINER_AUTHORIZATION_TOKEN: await token(),
      })
      assert.match(await program.call(), shows.refusal(code, phrase))
      assert.deepEqual(sts.signers, [])
    })
  }

  test(`${name} shows an outage`, async () => {
    const program = startWorkload(failing, {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: uri('report-reader'),
      AWS_CONTAINER_AUTHORIZATION_TOKEN: await podToken(),
    })
    for (let asked = 0; asked < 3; asked++) failOnce(sts)
    assert.match(await program.call(), shows.outage)
    assert.deepEqual(sts.signers, [])
  })

  return { box, sts, podToken }
}
