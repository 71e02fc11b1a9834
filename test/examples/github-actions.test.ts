import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { decodeJwt } from 'jose'
import { parse } from 'yaml'
import { runAction } from '../action/run-action.ts'
import { blackBox } from '../conformance/broker-fixture.ts'

const box = blackBox()
const folder = mkdtempSync(join(tmpdir(), 'token-broker-example-'))
const missing = ['bash', 'curl', 'jq'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined)
const skip = missing.length > 0 && `the workflow's step needs ${missing.join(', ')}`

interface Workflow {
  jobs: {
    deploy: { steps: { run: string }[] }
    'with-the-action': {
      permissions: object
      steps: [{ id: string; with: Record<string, string> }, { env: object; run: string }]
    }
  }
}

const workflow = parse(
  readFileSync(new URL('../../examples/github-actions/workflow.yml', import.meta.url), 'utf8'),
) as Workflow
const [step] = workflow.jobs.deploy.steps
const withTheAction = workflow.jobs['with-the-action']

/** Answers as the endpoint at ACTIONS_ID_TOKEN_REQUEST_URL does, for the job whose claims the query gives. */
let github: Server
before(async () => {
  github = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://github.test')
    const { audience, event_name } = Object.fromEntries(searchParams)
    if (request.headers.authorization !== 'Bearer request-token') {
      response.writeHead(401).end()
      return
    }
    void box
      .jobToken({ aud: audience, ...(event_name ? { event_name } : {}) })
      .then((value) => response.end(JSON.stringify({ value })))
  })
  await once(github.listen(0, '127.0.0.1'), 'listening')
})
after(() => {
  github.close()
  github.closeAllConnections()
  rmSync(folder, { recursive: true })
})

const idTokenRequest = (query: string) => ({
  ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(github.address() as AddressInfo).port}/?${query}`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
})

async function runStep(query: string): Promise<{ code: number; output: string; result: string }> {
  const file = join(folder, `output-${query}`)
  const env = {
    ...process.env,
    BROKER: box.broker.url,
    ...idTokenRequest(query),
    GITHUB_OUTPUT: file,
  }
  return new Promise((resolve) => {
    execFile('bash', ['-c', step!.run], { env }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : 0
      resolve({ code, output: stdout + stderr, result: code === 0 ? readFileSync(file, 'utf8') : '' })
    })
  })
}

test('no token is among the arguments of a process that an example starts', () => {
  const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const steps = Object.values(workflow.jobs).flatMap(({ steps }) =>
    steps.map((step) => ('run' in step ? step.run : '')),
  )
  const scripts = [...steps, ...[...README.matchAll(/```sh\n(.*?)```/gs)].map(([, sh = '']) => sh)]
  const curls = scripts.flatMap((script) => [...script.matchAll(/\bcurl (?:[^|<\\]|\\\n)*/g)].map(([curl]) => curl))
  assert.ok(curls.length >= 5)
  for (const curl of curls) assert.doesNotMatch(curl, /\$\w*token\b/i)
})

test('the workflow’s step gets an access token, and masks each token before it can be printed', { skip }, async () => {
  const { code, output, result } = await runStep('a=b')
  assert.equal(code, 0, output)
  const token = result.trim().replace('access_token=', '')
  assert.equal(decodeJwt(token).scope, 'deploy:write')
  const lines = output.trim().split('\n')
  assert.equal(lines.length, 2)
  assert.ok(
    lines.every((line) => line.startsWith('::add-mask::eyJ')),
    'only masks are printed',
  )
  assert.equal(lines[1], `::add-mask::${token}`)
})

test('a refusal fails the step, and shows the decision id', { skip }, async () => {
  const { code, output } = await runStep('event_name=pull_request')
  assert.equal(code, 1)
  assert.match(output, /"invalid_request".*decision [\w-]{22}/)
})

test('the job with the action gets one too, and gives it to the next step', async () => {
  const [broker, next] = withTheAction.steps
  assert.deepEqual(withTheAction.permissions, { 'id-token': 'write' })
  const { code, outputs, log } = await runAction({ ...broker.with, broker: box.broker.url }, idTokenRequest('a=b'))
  assert.equal(code, 0, log.text)
  assert.equal(decodeJwt(outputs.token ?? '').scope, 'deploy:write')
  assert.deepEqual(next.env, { ACCESS_TOKEN: `\${{ steps.${broker.id}.outputs.token }}` })
})
