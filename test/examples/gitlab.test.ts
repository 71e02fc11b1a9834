import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { decodeJwt } from 'jose'
import { parse } from 'yaml'
import { noJob } from '../cli/job-environment.ts'
import { blackBox } from '../conformance/broker-fixture.ts'

const read = (name: string) => readFileSync(new URL(`../../examples/gitlab/${name}`, import.meta.url), 'utf8')

interface Pipeline {
  '.broker': { variables: { TOKEN_BROKER_URL: string }; id_tokens: { TOKEN_BROKER_ID_TOKEN: { aud: string } } }
  deploy: { extends: string; script: string[] }
  site: { extends: string; script: string[] }
}

const pipeline = parse(read('.gitlab-ci.yml')) as Pipeline
const { variables, id_tokens } = pipeline['.broker']
const folder = mkdtempSync(join(tmpdir(), 'token-broker-gitlab-'))
after(() => rmSync(folder, { recursive: true }))

const box = blackBox(() =>
  read('broker.yaml').replace('preset: gitlab', `preset: gitlab\n    issuer: ${box.issuer.url}`),
)

/** What the jobs run besides token-broker: each writes what it was given. */
const programs = {
  npx: `shift 2; exec "${process.execPath}" "${fileURLToPath(new URL('../../cli/token-broker.ts', import.meta.url))}" "$@"`,
  curl: `cat >"${folder}/header"; echo "$@" >"${folder}/arguments"`,
  aws: `env >"${folder}/environment"`,
}
for (const [name, script] of Object.entries(programs)) {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, name), 0o755)
}

/** As GitLab's runner: in one shell, up to the first line that fails. */
async function runJob({ extends: parent, script }: Pipeline['deploy'], claims = {}) {
  assert.equal(parent, '.broker')
  const TOKEN_BROKER_ID_TOKEN = await box.issuer.sign({
    aud: box.broker.url,
    sub: 'project_path:acme/web:ref_type:branch:ref:main',
    namespace_id: '7654321',
    project_id: '424242',
    project_path: 'acme/web',
    pipeline_id: '1001',
    pipeline_source: 'push',
    ref: 'main',
    ref_type: 'branch',
    ref_protected: 'true',
    environment: 'production',
    ...claims,
  })
  const env = {
    ...process.env,
    ...noJob,
    GITLAB_CI: 'true',
    TOKEN_BROKER_ID_TOKEN,
    TOKEN_BROKER_URL: box.broker.url,
    XDG_CACHE_HOME: mkdtempSync(join(folder, 'cache-')),
    PATH: `${folder}${delimiter}${process.env.PATH}`,
  }
  return new Promise<{ code: unknown; output: string }>((resolve) => {
    execFile('sh', ['-ec', script.join('\n')], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    )
  })
}

test('the jobs ask for a token for the broker that they ask', () => {
  assert.equal(id_tokens.TOKEN_BROKER_ID_TOKEN.aud, variables.TOKEN_BROKER_URL)
  assert.equal((parse(read('broker.yaml')) as { issuer: string }).issuer, variables.TOKEN_BROKER_URL)
})

test('the job deploy sends an access token, and neither prints it nor gives it to curl as an argument', async () => {
  assert.deepEqual(await runJob(pipeline.deploy), { code: 0, output: '' })
  const [, token = ''] = /^Authorization: Bearer (\S+)$/.exec(readFileSync(join(folder, 'header'), 'utf8')) ?? []
  assert.equal(decodeJwt(token).aud, 'https://deploy.acme.dev')
  assert.match(readFileSync(join(folder, 'arguments'), 'utf8'), /^-sSf -X POST -H @- https:\/\/deploy\.acme\.dev\//)
})

test('the job site has AWS credentials in its environment, and prints none', async () => {
  assert.deepEqual(await runJob(pipeline.site), { code: 0, output: '' })
  const environment = readFileSync(join(folder, 'environment'), 'utf8')
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
    assert.match(environment, new RegExp(`^${name}=.`, 'm'))
})

test('a refusal ends both jobs before they do anything', async () => {
  for (const job of [pipeline.deploy, pipeline.site]) {
    for (const file of ['header', 'environment']) writeFileSync(join(folder, file), 'untouched')
    const { code, output } = await runJob(job, { ref_protected: 'false' })
    assert.equal(code, 1)
    assert.match(output, /refused: invalid_request: .*decision [\w-]{22}/)
    for (const file of ['header', 'environment']) assert.equal(readFileSync(join(folder, file), 'utf8'), 'untouched')
  }
})
