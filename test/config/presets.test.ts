import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compile } from '../../lib/config/compile.ts'
import type { ConfigurationError } from '../../lib/config/findings.ts'
import type { RefusedError } from '../../lib/protocol/errors.ts'
import { subjectOf } from '../../lib/tokens/subject.ts'
import type { VerifiedSubject } from '../../lib/tokens/verify-subject-token.ts'
import type { Configuration, Issuer, PresetName } from '../../lib/trust/configuration.ts'
import { decide } from '../../lib/trust/decide.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { presets } from '../../lib/trust/presets.ts'
import { workloads } from './workloads.ts'

function compiled(preset: PresetName, condition: string): Configuration {
  const text = `version: 1
issuer: https://broker.test
signing: { algorithms: [RS256] }
issuers: { workload: ${workloads[preset].issuer} }
targets: { api: { audience: https://api.test } }
rules: { r: { issuer: workload, match: { ${condition} }, grant: [{ target: api }] } }
`
  return compile(text, 'broker.yaml', { now: 0 }).configuration
}

async function ask(preset: PresetName, condition: string): Promise<string> {
  return answer(compiled(preset, condition), workloads[preset].claims)
}

/** `claims`: of a token of the configuration's only issuer, asking for `api`. */
async function answer(configuration: Configuration, claims: Record<string, unknown>): Promise<string> {
  const [issuer] = Object.values(configuration.issuers) as [Issuer]
  const subject = { issuer, claims } as unknown as VerifiedSubject
  const request = { subject, client_id: undefined, audience: ['api'], resource: [], scope: undefined }
  const decision = decide(request, await toPolicy(configuration, 'https://broker.test'), 0)
  return 'refused' in decision ? decision.refused.reason : 'granted'
}

for (const [preset, condition, expected] of [
  ['github-actions', 'repository_id: "74", ref_protected: "true", run_number: "10"', 'repo:65/74'],
  ['gitlab', 'project_id: "20", ref_protected: "false"', 'project:20'],
  ['kubernetes', 'namespace: web', 'serviceaccount:14ee3fa4-a7e2-420f-9f9a-dbc4507c3798'],
  ['circleci', 'vcs_ref: refs/heads/main, ssh_rerun: false', 'project:2c7a9d04-5b1e-4d7f-8a3b-91e0c6f2d845'],
  [
    'buildkite',
    'build_number: 1',
    'pipeline:0184990a-477b-4fa8-9968-496074483cee/0184990a-4782-42b5-afc1-16715b10b8ff',
  ],
  [
    'bitbucket-pipelines',
    'branchName: main',
    'repository:{8f1d0a3e-1c7b-4f52-9c0d-6f3e2b7a9d10}/{3b5e9c7a-2d41-4e8f-b6a0-7c1d9f4e8b25}',
  ],
  ['hcp-terraform', 'terraform_run_phase: apply', 'workspace:ws-mbsd5E3Ktt5Rg2Xm'],
  ['azure-devops', 'def_id: "12"', 'pipeline:5a4e1b0c-3f27-4c1d-9b68-0e7f2d8c6a93/12'],
  ['vercel', 'environment: production', 'project:team_7Gw5ZMzpQA8h90F832KGp7nwbuh3/prj_7Gw5ZMBpQA8h9GF832KGp7nwbuh3'],
  ['fly', 'region: cdg', 'app:29873298/3671581'],
  ['aws', 'source_region: eu-west-1', 'arn:aws:iam::123456789012:role/report-function'],
] as const) {
  test(`${preset}: a token as it is documented is ${expected}, and granted`, async () => {
    const { workload } = compiled(preset, condition).issuers
    assert.equal(workload?.issuer, workloads[preset].claims.iss)
    assert.equal(subjectOf(workloads[preset].claims, workload.subject), expected)
    assert.equal(await ask(preset, condition), 'granted')
  })
}

for (const [preset, algorithms, replay] of [
  ['github-actions', ['RS256'], 'once'],
  ['gitlab', ['RS256'], 'once'],
  ['kubernetes', ['RS256', 'ES256'], 'off'],
  ['circleci', ['RS256'], 'once'],
  ['buildkite', ['RS256'], 'once'],
  ['bitbucket-pipelines', ['RS256'], 'once_per_target'],
  ['azure-devops', ['RS256'], 'once'],
  ['vercel', ['RS256'], 'off'],
  ['fly', ['RS256'], 'once'],
  ['aws', ['RS256', 'ES384'], 'once'],
] as const) {
  test(`${preset}: ${algorithms.join(' and ')}, replay ${replay}, for an hour at most`, () => {
    const { workload } = compiled(preset, 'ref: main').issuers
    assert.deepEqual(
      [workload?.algorithms, workload?.replay, workload?.max_token_lifetime],
      [algorithms, replay, 3_600],
    )
  })
}

for (const [preset, name, value, other] of [
  ['kubernetes', 'namespace', 'web', 'api'],
  ['kubernetes', 'service_account', 'api', 'web'],
  ['kubernetes', 'service_account_uid', '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798', '5e0bd49b-f040-43b0-99b7-22765a53f7f3'],
  ['kubernetes', 'pod', 'api-7d4b', 'api'],
  ['kubernetes', 'pod_uid', '5e0bd49b-f040-43b0-99b7-22765a53f7f3', '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798'],
  ['kubernetes', 'node', 'ip-10-0-1-7', 'api-7d4b'],
  ['circleci', 'org_id', '6f1b3c52-0d0e-4c83-9c9e-3f3d6d0f7a11', '2c7a9d04-5b1e-4d7f-8a3b-91e0c6f2d845'],
  ['circleci', 'project_id', '2c7a9d04-5b1e-4d7f-8a3b-91e0c6f2d845', '6f1b3c52-0d0e-4c83-9c9e-3f3d6d0f7a11'],
  ['circleci', 'pipeline_definition_id', 'c0ffee00-7a1b-4e2d-9f38-0b6d5a4c3e21', 'x'],
  ['circleci', 'vcs_origin', 'github.com/acme/web', 'github.com/stranger/web'],
  ['circleci', 'vcs_ref', 'refs/heads/main', 'refs/pull/1'],
  ['aws', 'aws_account', '123456789012', '210987654321'],
  ['aws', 'org_id', 'o-a1b2c3d4e5', 'o-1'],
  ['aws', 'lambda_function_arn', 'arn:aws:lambda:eu-west-1:123456789012:function:report', 'x'],
  ['aws', '/https:~1~1sts.amazonaws.com~1/principal_tags/team', 'reports', 'web'],
  ['kubernetes', 'node_uid', '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1', '5e0bd49b-f040-43b0-99b7-22765a53f7f3'],
] as const) {
  test(`${preset}: ${name} is ${value}, and nothing else`, async () => {
    assert.equal(await ask(preset, `"${name}": "${value}"`), 'granted')
    assert.equal(await ask(preset, `"${name}": "${other}"`), 'no_rule_matches')
  })
}

test('gitlab: the runner’s id is a number, and the groups are text in a list', async () => {
  assert.equal(await ask('gitlab', 'runner_id: 1'), 'granted')
  assert.equal(await ask('gitlab', 'runner_id: "1"'), 'no_rule_matches')
  assert.equal(await ask('gitlab', 'groups_direct: { contains: "2600" }'), 'granted')
})

for (const [preset, condition, message] of [
  ['github-actions', 'run_number: 10', 'write "10": unquoted, YAML reads the number 10, and this claim is text'],
  ['gitlab', 'project_id: 20', 'write "20": unquoted, YAML reads the number 20, and this claim is text'],
  [
    'gitlab',
    'groups_direct: { contains: 2600 }',
    'write "2600": unquoted, YAML reads the number 2600, and this claim is text',
  ],
  ['kubernetes', 'namespace: true', 'write "true": unquoted, YAML reads the boolean true, and this claim is text'],
] as const) {
  test(`${preset}: ${condition} is never met, and refused`, () => {
    assert.throws(
      () => compiled(preset, condition),
      ({ findings }: ConfigurationError) => {
        assert.deepEqual(
          findings.map(({ rule, message }) => [rule, message]),
          [['unquoted-value', message]],
        )
        return true
      },
    )
  })
}

test('hcp-terraform: once for each target, for as long as a phase may take', () => {
  const { workload } = compiled('hcp-terraform', 'ref: main').issuers
  assert.deepEqual([workload?.replay, workload?.max_token_lifetime], ['once_per_target', 86_400])
})

test('azure-devops: nobody can choose the audience, so it is known', () => {
  const { workload } = compiled('azure-devops', 'rpo_ref: refs/heads/main').issuers
  assert.deepEqual(workload?.audiences, ['api://AzureADTokenExchange'])
})

/** The page's broker.yaml, as it is written there, with what it says nothing of. */
function ofPage(preset: PresetName): Configuration {
  const page = readFileSync(new URL(`../../docs/issuers/${preset}.md`, import.meta.url), 'utf8')
  const [, written = ''] = /```yaml broker\n([^]*?)```/.exec(page) ?? []
  const text = `version: 1
issuer: https://broker.acme.dev
signing: { algorithms: [RS256] }
targets: { api: { audience: https://api.test }, network-reader: { audience: https://network.test } }
${written.replaceAll('deploy-api', 'api')}`
  const { configuration, findings } = compile(text, `${preset}.md`, { now: 0 })
  assert.deepEqual(findings, [])
  return configuration
}

const pages = readdirSync(new URL('../../docs/issuers', import.meta.url)).map(
  (name) => name.replace(/\.md$/, '') as PresetName,
)

for (const preset of pages)
  test(`docs/issuers/${preset}.md: its broker.yaml grants the token that its issuer sends`, async () => {
    assert.equal(await answer(ofPage(preset), workloads[preset].claims), 'granted')
  })

const circle = (name: string, value: unknown) => ({ [`oidc.circleci.com/${name}`]: value })
const sts = workloads.aws.claims['https://sts.amazonaws.com/']

/** What its page warns of: how the page's own rules take it. */
for (const [preset, what, changes, expected] of [
  ['circleci', 'a job that somebody reruns with SSH', circle('ssh-rerun', true), 'event_forbidden'],
  ['circleci', 'a job that does not say whether', circle('ssh-rerun', undefined), 'event_forbidden'],
  ['circleci', 'a job that says so in text', circle('ssh-rerun', 'false'), 'event_forbidden'],
  ['circleci', 'a fork’s build', circle('vcs-origin', 'github.com/stranger/web'), 'no_rule_matches'],
  ['circleci', 'a custom webhook’s pipeline', circle('vcs-origin', undefined), 'no_rule_matches'],
  ['buildkite', 'another organization’s', { organization_id: '0184990a-0000' }, 'issuer_requirement_failed'],
  ['buildkite', 'one without the organization’s id', { organization_id: undefined }, 'issuer_requirement_failed'],
  ['buildkite', 'another pipeline of the same name', { pipeline_id: '0184990a-0000' }, 'no_rule_matches'],
  ['buildkite', 'a pull request’s build, of a branch main', { build_source: 'webhook' }, 'no_rule_matches'],
  ['bitbucket-pipelines', 'another workspace of the same name', { workspaceUuid: '{0}' }, 'issuer_requirement_failed'],
  ['bitbucket-pipelines', 'another branch', { branchName: 'main2' }, 'no_rule_matches'],
  ['hcp-terraform', 'a plan, for what an apply gets', { terraform_run_phase: 'plan' }, 'target_not_granted'],
  ['hcp-terraform', 'another organization’s', { terraform_organization_id: 'org-x' }, 'issuer_requirement_failed'],
  ['azure-devops', 'another pipeline', { def_id: '13' }, 'no_rule_matches'],
  ['azure-devops', 'a pull request’s branch', { rpo_ref: 'refs/pull/7/merge' }, 'no_rule_matches'],
  ['vercel', 'a preview', { environment: 'preview' }, 'no_rule_matches'],
  ['vercel', 'another team of the same name', { owner_id: 'team_x' }, 'issuer_requirement_failed'],
  ['fly', 'another organization of the same name', { org_id: '1' }, 'issuer_requirement_failed'],
  ['fly', 'another image', { image_digest: 'sha256:0' }, 'no_rule_matches'],
  [
    'aws',
    'another account',
    { 'https://sts.amazonaws.com/': { ...sts, aws_account: '1' } },
    'issuer_requirement_failed',
  ],
  [
    'aws',
    'another function with the same role',
    { 'https://sts.amazonaws.com/': { ...sts, lambda_source_function_arn: 'x' } },
    'no_rule_matches',
  ],
] as [PresetName, string, Record<string, unknown>, string][])
  test(`${preset}: ${what}: ${expected}`, async () => {
    const claims = JSON.parse(JSON.stringify({ ...workloads[preset].claims, ...changes })) as Record<string, unknown>
    assert.equal(await answer(ofPage(preset), claims), expected)
  })

for (const [preset, what, changes] of [
  ['buildkite', 'a token that was asked for without --claim pipeline_id', { pipeline_id: undefined }],
  ['azure-devops', 'a service connection’s', { sub: 'sc://acme/shop/web', prj_id: undefined, def_id: undefined }],
  ['circleci', 'a token without a project', circle('project-id', undefined)],
  ['hcp-terraform', 'a token without a workspace', { terraform_workspace_id: undefined }],
] as [PresetName, string, Record<string, unknown>][])
  test(`${preset}: ${what} has no subject`, () => {
    const claims = { ...workloads[preset].claims, ...changes }
    assert.throws(
      () => subjectOf(claims, presets[preset].subject),
      ({ refusal }: RefusedError) => refusal.reason === 'subject_claim_missing',
    )
  })

test('circleci: a rule that names a rerun with SSH admits it', async () => {
  const claims = { ...workloads.circleci.claims, ...circle('ssh-rerun', true) }
  assert.equal(await answer(compiled('circleci', 'vcs_ref: refs/heads/main'), claims), 'event_forbidden')
  assert.equal(await answer(compiled('circleci', 'ssh_rerun: true, vcs_ref: refs/heads/main'), claims), 'granted')
  assert.equal(
    await answer(compiled('circleci', 'ssh_rerun: false, vcs_ref: refs/heads/main'), claims),
    'no_rule_matches',
  )
})

test('aws: tags that the caller writes make no rule, and narrow one', async () => {
  const chosen = '"/https:~1~1sts.amazonaws.com~1/request_tags/purpose": nightly'
  assert.throws(
    () => compiled('aws', chosen),
    ({ findings }: ConfigurationError) => {
      assert.deepEqual(
        findings.map(({ rule }) => rule),
        ['rule-constrains-nothing'],
      )
      return true
    },
  )
  assert.equal(await ask('aws', `source_region: eu-west-1, ${chosen}`), 'granted')
})
