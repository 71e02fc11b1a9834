import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { compile } from '../../lib/config/compile.ts'
import type { PresetName } from '../../lib/trust/configuration.ts'
import { workloads } from '../config/workloads.ts'
import { noJob } from './job-environment.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'token-broker-suggestion-'))
after(() => rmSync(folder, { recursive: true }))
const now = Math.floor(Date.now() / 1000)

/** One target, and a rule about somebody else. */
const config = (
  issuer: string,
  targets = 'api: { audience: https://api.test, scopes: [read, "a:write"] }',
) => `version: 1
issuer: https://broker.test
signing: { algorithms: [RS256] }
issuers: { workload: ${issuer} }
targets: { ${targets} }
rules:
  others:
    issuer: workload
    match: { sub: nobody }
    grant: [{ target: api, scopes: [read] }]
`

let count = 0
async function explained(text: string, claims: Record<string, unknown>, ...more: string[]) {
  const file = join(folder, `${++count}.yaml`)
  writeFileSync(file, text)
  const aud = claims.aud ?? 'https://broker.test'
  const stdin = JSON.stringify({ exp: now + 300, iat: now, ...claims, aud })
  return runCommand(['explain', '--config', file, '--claims', '-', ...more], { stdin })
}

/** What is to be pasted, as it is printed. */
function suggested(stdout: string): string {
  const [, yaml = ''] = /\na rule that would grant it, .*\n([^]*)$/.exec(stdout) ?? []
  assert.notEqual(yaml, '', stdout)
  return yaml
}

describe('pasted as it is printed, it compiles under the guardrails and grants', () => {
  for (const preset of Object.keys(workloads) as PresetName[])
    test(preset, async () => {
      const { issuer, claims } = workloads[preset]
      const text = config(issuer)
      const ofAzureDevOps = preset === 'azure-devops' ? 'api://AzureADTokenExchange' : 'https://broker.test'
      const aud = /audiences: \[([^\]]+)\]/.exec(issuer)?.[1] ?? ofAzureDevOps
      const refused = await explained(text, { ...claims, aud, exp: now + 300, iat: now })
      assert.deepEqual([refused.code, refused.stderr], [1, ''])
      const pasted = text + suggested(refused.stdout)
      // Of the rule about somebody else one may say that nobody meets it.
      const { findings } = compile(pasted, 'broker.yaml', { now })
      assert.deepEqual(
        findings.filter(({ line }) => line >= text.split('\n').length),
        [],
      )
      const granted = await explained(pasted, { ...claims, aud, exp: now + 300, iat: now })
      assert.match(granted.stdout, /\ngranted: target api, scope a:write read, by [a-z0-9-]+\n$/)
      assert.equal(granted.code, 0)
    })
})

const { issuer, claims } = workloads['github-actions']

test('the subject by its ids, where it runs, and what is asked for: all text in quotes', async () => {
  const { stdout } = await explained(config(issuer), claims, '--target', 'api', '--scope', 'read')
  assert.equal(
    suggested(stdout),
    `  octo-org-octo-repo-api:
    issuer: workload
    match:
      repository_owner: { name: octo-org, id: "65" }
      repository: { name: octo-org/octo-repo, id: "74" }
      ref: "refs/heads/main"
      environment: "prod"
      event_name: "workflow_dispatch"
    grant:
      - target: api
        scopes: ["read"]
`,
  )
})

test('as JSON it is text of YAML', async () => {
  const { stdout } = await explained(config(issuer), claims, '--json')
  const { suggestion } = JSON.parse(stdout) as { suggestion: { yaml: string } }
  assert.match(suggestion.yaml, /^octo-org-octo-repo-api:\n {2}issuer: workload\n/)
})

test('a name that is taken is not taken again', async () => {
  const text = config(issuer).replace('  others:', '  octo-org-octo-repo-api:')
  assert.match(suggested((await explained(text, claims)).stdout), /^ {2}octo-org-octo-repo-api-2:\n/)
})

test('of an issuer without a preset, the subject alone', async () => {
  const { stdout } = await explained(config('{ issuer: https://ci.test }'), { iss: 'https://ci.test', sub: 'job-7' })
  assert.match(suggested(stdout), /\n {4}match:\n {6}sub: "job-7"\n {4}grant:\n/)
})

test('a target that another rule does not grant, by its URI; a role has no scopes', async () => {
  const role = 'arn:aws:iam::123456789012:role/deployer'
  const targets = `api: { audience: https://api.test, scopes: [read] }, deployer: { role: "${role}" }`
  const text = config(issuer, targets).replace('sub: nobody', 'repository_id: "74"')
  const { stdout } = await explained(text, claims, '--target', role)
  assert.match(stdout, /\nrefused: target_not_granted \(target deployer\)\n/)
  assert.match(suggested(stdout), /\n {6}- target: deployer\n$/)
})

describe('no rule is suggested', () => {
  const two = config(issuer, 'api: { audience: https://api.test, scopes: [read] }, other: { audience: https://o.test }')
  for (const [what, text, changes, args, expected] of [
    [
      'for an event that strangers may cause, and it says why',
      config(issuer),
      { event_name: 'pull_request' },
      [],
      /\nno rule is suggested: event_name is "pull_request", which people without write access may be able to cause: a rule that names it by value trusts whoever can\n$/,
    ],
    [
      'for a token that does not say its event',
      config(issuer),
      { event_name: undefined },
      [],
      /\nno rule is suggested: the token has no event_name, /,
    ],
    ['where it is not said what for', two, {}, [], /\nno rule is suggested: name one with --target: api, other\n$/],
    [
      'for a target that is none',
      two,
      {},
      ['--target', 'x'],
      /\nno rule is suggested: name one with --target: api, other\n$/,
    ],
    [
      'for a scope that the target does not have',
      config(issuer),
      {},
      ['--scope', 'admin'],
      /\nno rule is suggested: what is asked and what the token says make no rule: scopes-required api has no scope admin/,
    ],
    [
      'with a * in a claim',
      config(issuer),
      { ref: undefined, environment: 'a*b' },
      [],
      /\nno rule is suggested: what is asked and what the token says make no rule: unsafe-pattern /,
    ],
    [
      'for text that steers a terminal',
      config(issuer),
      { ref: 'a\u202eb' },
      [],
      /\nno rule is suggested: a claim that it would be about has characters that cannot be shown\n$/,
    ],
  ] as [string, string, Record<string, unknown>, string[], RegExp][])
    test(what, async () => {
      const { code, stdout, stderr } = await explained(text, { ...claims, ...changes }, ...args)
      assert.deepEqual([code, stderr], [1, ''])
      assert.match(stdout, expected)
      assert.doesNotMatch(stdout, /a rule that would grant it/)
    })

  for (const [what, changes] of [
    ['for another tenant', { repository_owner_id: '66' }],
    ['for a token that is granted', { sub: 'nobody' }],
  ] as const)
    test(what, async () => {
      const { stdout } = await explained(config(issuer), { ...claims, ...changes })
      assert.doesNotMatch(stdout, /suggest|a rule that would/)
    })
})

describe("a job's own token", () => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = [part({ alg: 'RS256' }), part({ exp: now + 300, iat: now, aud: 'https://broker.test', ...claims })]
  const ask = (env: Record<string, string>, ...more: string[]) => {
    const file = join(folder, `job-${++count}.yaml`)
    writeFileSync(file, config(issuer))
    return runCommand(['explain', '--config', file, '--job', ...more], { env: { ...noJob, ...env } })
  }

  test('is found as exchange finds it, and not printed', async () => {
    const { code, stdout, stderr } = await ask({ TOKEN_BROKER_ID_TOKEN: `${token.join('.')}.c2lnbmF0dXJl` })
    assert.deepEqual([code, stderr], [1, ''])
    assert.match(stdout, /^issuer workload, subject workload:repo:65\/74;/)
    assert.match(suggested(stdout), /repository: \{ name: octo-org\/octo-repo, id: "74" \}/)
    assert.ok(!stdout.includes(String(token[1])))
  })

  test('where there is none, it says where one would be', async () => {
    const { code, stdout, stderr } = await ask({ GITLAB_CI: 'true' })
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^GitLab gives this job no ID token\. .*aud: https:\/\/broker\.test\n$/s)
  })

  test('it is one of three', async () => {
    const { code, stderr } = await ask({}, '--claims', 'x')
    assert.equal(code, 2)
    assert.match(stderr, /^give --token, --claims or --job, one of the three\n/)
  })
})
