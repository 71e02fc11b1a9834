import assert from 'node:assert/strict'
import { beforeEach } from 'node:test'
import type { ClaimChanges } from '../../local/example-issuer.ts'
import { blackBox, type BlackBox } from '../conformance/broker-fixture.ts'
import { idTokenEndpoint, type IdTokenEndpoint } from './id-token-endpoint.ts'
import { runAction, type ActionRun } from './run-action.ts'

export interface GitHubJob {
  box: BlackBox
  github: IdTokenEndpoint
  /** What its tokens say beside what the example issuer says. */
  claims: ClaimChanges
  /** The action in this job. Whatever comes of it, no secret is in the log, nor anything on standard error. */
  run: (inputs: Readonly<Record<string, string>>, env?: Readonly<Record<string, string>>) => Promise<ActionRun>
}

/** A job with `id-token: write`, and the quickstart broker, for the tests of this file. */
export function gitHubJob(): GitHubJob {
  const box = blackBox()
  const github = idTokenEndpoint((aud) => box.issuer.sign({ aud, ...job.claims }))
  const job: GitHubJob = {
    box,
    github,
    claims: {},
    async run(inputs, env = {}) {
      const ran = await runAction(inputs, { ...github.env(), ...env })
      assert.equal(ran.stderr, '')
      const { AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ACCESS_KEY_ID } = ran.variables
      const handedOver = [ran.outputs.token, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ACCESS_KEY_ID]
      const signatures = github.tokens.map((token) => token.split('.')[2])
      assertHidden(ran, [...handedOver, ...github.tokens, ...signatures, github.env().ACTIONS_ID_TOKEN_REQUEST_TOKEN])
      return ran
    },
  }
  beforeEach(() => {
    job.claims = {}
    github.answer = undefined
    github.audiences.length = 0
    github.tokens.length = 0
  })
  return job
}

export function assertHidden({ stdout, log }: ActionRun, secrets: readonly (string | undefined)[]): void {
  const besideMasks = stdout.replaceAll(/^::add-mask::.*$/gm, '')
  for (const secret of secrets) {
    if (!secret) continue
    assert.ok(!besideMasks.includes(secret), 'a secret was printed, and left for the mask to hide')
    assert.ok(!log.text.includes(secret), 'a secret is in the log')
  }
}

/** The names of the commands that the runner obeyed, in order. */
export function commandsOf({ log }: ActionRun): string[] {
  return log.commands.map(({ name }) => name)
}

export function errorOf({ log }: ActionRun): string {
  return log.commands.find(({ name }) => name === 'error')?.data ?? ''
}

export function masksOf({ log }: ActionRun): string[] {
  return log.commands.filter(({ name }) => name === 'add-mask').map(({ data }) => data)
}
