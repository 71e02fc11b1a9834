import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compile } from '../../lib/config/compile.ts'
import type { ConfigurationError } from '../../lib/config/findings.ts'
import { subjectTokenAlgorithms } from '../../lib/protocol/algorithms.ts'
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
  ['gitlab', 'project_id: "20", ref_protected: "true"', 'project:20'],
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
  ['google-service-account', 'sub: "112010400000000710080"', '112010400000000710080'],
  ['google-workspace', 'email: ada@acme.dev, email_verified: true', '110248495921238986420'],
  [
    'entra-id',
    'roles: { contains: Deploy.Approve }',
    'user:5e3b8c1d-7f42-4a96-b0d5-2c9e6f1a8b37/690222be-ff1a-4d56-abd1-7e4f7d38e474',
  ],
  ['okta', 'groups: { contains: release-managers }', 'user:00uid4BxXw6I6TV4m0g3'],
  ['auth0', 'permissions: { contains: "deploy:api" }', 'auth0|5f7c8ec7c33c6c004bbafe82'],
  ['keycloak', 'azp: web', '36fa0f91-f94d-4a0c-afed-6b7d952e47da'],
  ['cognito', 'groups: { contains: release-managers }', 'user:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'],
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
  ['google-service-account', ['RS256'], 'off'],
  ['okta', ['RS256'], 'once_per_target'],
  ['auth0', ['RS256', 'PS256'], 'once_per_target'],
  ['keycloak', subjectTokenAlgorithms, 'once_per_target'],
  ['cognito', ['RS256'], 'once_per_target'],
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
  ['google-service-account', 'project_id', 'acme-prod', 'acme-test'],
  ['google-service-account', 'zone', 'europe-west1-b', 'europe-west1-c'],
  ['google-service-account', 'instance_id', '152986662232938449', '1'],
  ['google-service-account', 'instance_name', 'reports-1', 'reports-2'],
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

for (const [preset, condition, other] of [
  ['google-service-account', 'project_number: 739419398126', 'project_number: "739419398126"'],
  [
    'google-service-account',
    'zone: europe-west1-b, email_verified: true',
    'zone: europe-west1-b, email_verified: "true"',
  ],
  ['google-workspace', 'azp: 1234987819200.apps.googleusercontent.com, email_verified: true', 'azp: x'],
  ['entra-id', 'azp: 1f0c9d2e-4b6a-4c8d-9e37-5a1b2c3d4e5f, acct: 0', 'acct: "0"'],
  ['okta', 'ver: 1', 'ver: "1"'],
  ['keycloak', 'realm_roles: { contains: release-manager }', 'realm_roles: { contains: editor }'],
  ['keycloak', '/resource_access/web/roles: { contains: editor }', '/resource_access/web/roles: { contains: admin }'],
  ['keycloak', 'azp: web, email_verified: true', 'azp: web, email_verified: "true"'],
  ['cognito', 'auth_time: 1729600000', 'auth_time: "1729600000"'],
] as const) {
  test(`${preset}: ${condition} is of the type that it has in the token`, async () => {
    assert.equal(await ask(preset, condition), 'granted')
    assert.equal(await ask(preset, other), 'no_rule_matches')
  })
}

for (const [preset, condition, message] of [
  ['github-actions', 'run_number: 10', 'write "10": unquoted, YAML reads the number 10, and this claim is text'],
  ['gitlab', 'project_id: 20', 'write "20": unquoted, YAML reads the number 20, and this claim is text'],
  [
    'gitlab',
    'groups_direct: { contains: 2600 }',
    'write "2600": unquoted, YAML reads the number 2600, and this claim is text',
  ],
  ['kubernetes', 'namespace: true', 'write "true": unquoted, YAML reads the boolean true, and this claim is text'],
  [
    'google-service-account',
    'sub: 112010400000000710080',
    'write "112010400000000710080": unquoted, YAML reads the number 112010400000000700000, and this claim is text',
  ],
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

for (const [preset, most] of [
  ['google-workspace', 3_900],
  ['entra-id', 5_700],
] as const) {
  test(`${preset}: tokens live five minutes longer than they are said to, and may`, () => {
    const { workload } = compiled(preset, 'azp: x').issuers
    assert.deepEqual(
      [workload?.algorithms, workload?.replay, workload?.max_token_lifetime],
      [['RS256'], 'once_per_target', most],
    )
  })
}

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

const cluster = workloads.kubernetes.claims['kubernetes.io']

/** What its page warns of: how the page's own rules take it. */
for (const [preset, what, changes, expected] of [
  ['github-actions', 'a fork’s pull request', { event_name: 'pull_request_target' }, 'no_rule_matches'],
  ['github-actions', 'another owner of the same name', { repository_owner_id: '66' }, 'issuer_requirement_failed'],
  ['github-actions', 'another repository of the same name', { repository_id: '75' }, 'no_rule_matches'],
  ['github-actions', 'a job without the environment', { environment: undefined }, 'no_rule_matches'],
  ['github-actions', 'a branch that any job may use the environment from', { ref: 'refs/heads/x' }, 'no_rule_matches'],
  ['github-actions', 'a deployment of a commit', { ref: '' }, 'no_rule_matches'],
  ['github-actions', 'a runner of somebody’s own', { runner_environment: 'self-hosted' }, 'no_rule_matches'],
  ['gitlab', 'a merge request', { pipeline_source: 'merge_request_event' }, 'event_forbidden'],
  [
    'gitlab',
    'a fork’s pipeline that runs in the parent',
    { project_id: '21', job_project_id: '20' },
    'no_rule_matches',
  ],
  ['gitlab', 'another group of the same name', { namespace_id: '73' }, 'issuer_requirement_failed'],
  ['gitlab', 'a branch that is not protected', { ref_protected: 'false' }, 'no_rule_matches'],
  ['gitlab', 'a tag of the same name', { ref_type: 'tag' }, 'no_rule_matches'],
  [
    'kubernetes',
    'a service account made anew under the same name',
    { 'kubernetes.io': { ...cluster, serviceaccount: { ...cluster.serviceaccount, uid: '1' } } },
    'no_rule_matches',
  ],
  ['kubernetes', 'another namespace', { 'kubernetes.io': { ...cluster, namespace: 'api' } }, 'no_rule_matches'],
  ['google-service-account', 'an account made anew under the same email', { sub: '1' }, 'issuer_requirement_failed'],
  ['google-workspace', 'a private account', { hd: undefined }, 'issuer_requirement_failed'],
  ['google-workspace', 'another domain', { hd: 'acme.dev.test' }, 'issuer_requirement_failed'],
  ['google-workspace', 'somebody else with the same address', { sub: '1' }, 'no_rule_matches'],
  ['entra-id', 'somebody without the role', { roles: ['Deploy.Read'] }, 'no_rule_matches'],
  ['entra-id', 'another application', { azp: '0' }, 'no_rule_matches'],
  ['okta', 'somebody outside the group', { groups: ['Everyone'] }, 'no_rule_matches'],
  ['okta', 'another application', { cid: '0oa0' }, 'no_rule_matches'],
  ['auth0', 'somebody without the permission', { permissions: [] }, 'no_rule_matches'],
  ['auth0', 'what an application asked for, without RBAC', { permissions: undefined }, 'no_rule_matches'],
  ['auth0', 'another application', { azp: 'x' }, 'no_rule_matches'],
  ['keycloak', 'somebody without the role', { realm_access: { roles: ['editor'] } }, 'no_rule_matches'],
  ['keycloak', 'another application', { azp: 'account-console' }, 'no_rule_matches'],
  ['cognito', 'an access token, if it had an audience', { token_use: 'access' }, 'issuer_requirement_failed'],
  ['cognito', 'somebody outside the group', { 'cognito:groups': ['staff'] }, 'no_rule_matches'],
  [
    'cognito',
    'a group that somebody has named',
    { 'cognito:groups': undefined, groups: ['release-managers'] },
    'no_rule_matches',
  ],
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
  ['kubernetes', 'a service account’s token in a Secret', { 'kubernetes.io': undefined }],
  ['entra-id', 'an ID token that was asked for without the scope profile', { oid: undefined }],
  ['entra-id', 'a token without a tenant', { tid: undefined }],
  ['keycloak', 'an access token of a client without the scope basic', { sub: undefined }],
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

test('okta: an ID token, and one of an application for itself, have the id in sub', () => {
  for (const sub of ['00uid4BxXw6I6TV4m0g3', '0oa5ckkqx2kQ3bXqG4x7'])
    assert.equal(subjectOf({ sub }, presets.okta.subject), `user:${sub}`)
})

test('entra-id: whose groups do not fit into the token is in none of them', async () => {
  const configuration = compiled('entra-id', 'groups: { contains: 9a1d6c2f-3e58-4b07-8f1c-6d2e5a4b3c10 }')
  const overage = { groups: undefined, _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'x' } } }
  assert.equal(await answer(configuration, workloads['entra-id'].claims), 'granted')
  assert.equal(await answer(configuration, { ...workloads['entra-id'].claims, ...overage }), 'no_rule_matches')
})

test('spiffe: nine algorithms, replay off, for an hour at most, and the SPIFFE ID is the subject', async () => {
  const condition = 'sub: { glob: "spiffe://acme.example/ns/*/sa/web" }'
  const { workload } = compiled('spiffe', condition).issuers
  assert.deepEqual(
    [workload?.algorithms.join(' '), workload?.replay, workload?.max_token_lifetime],
    ['RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512', 'off', 3_600],
  )
  assert.equal(subjectOf(workloads.spiffe.claims, workload!.subject), workloads.spiffe.claims.sub)
  assert.equal(await ask('spiffe', condition), 'granted')
})

for (const [what, sub] of [
  ['another workload', 'spiffe://acme.example/ns/prod/sa/api'],
  ['another namespace', 'spiffe://acme.example/ns/test/sa/web'],
  ['a workload below it', 'spiffe://acme.example/ns/prod/sa/web/x'],
  ['its namespace', 'spiffe://acme.example/ns/prod'],
] as const)
  test(`spiffe: ${what}: no_rule_matches`, async () => {
    assert.equal(await answer(ofPage('spiffe'), { ...workloads.spiffe.claims, sub }), 'no_rule_matches')
  })

test('spiffe: a * is one segment', async () => {
  const configuration = compiled('spiffe', 'sub: { glob: "spiffe://acme.example/*" }')
  const of = (sub: string) => answer(configuration, { ...workloads.spiffe.claims, sub })
  assert.equal(await of('spiffe://acme.example/web'), 'granted')
  assert.equal(await of('spiffe://acme.example/ns/web'), 'no_rule_matches')
})

test('spiffe: of uploaded keys those of X.509 are none, and no other issuer has keys of a trust domain', () => {
  const { n, e } = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ format: 'jwk' })
  const file = (issuer: string, use: string) => `version: 1
issuer: https://broker.test
signing: { algorithms: [RS256] }
issuers: { workload: { ${issuer}, jwks: { keys: [${JSON.stringify({ kty: 'RSA', kid: 'k', use, n, e })}] } } }
targets: { api: { audience: https://api.test } }
rules: { r: { issuer: workload, match: { sub: x }, grant: [{ target: api }] } }
`
  const spiffe = 'preset: spiffe, issuer: "spiffe://acme.example"'
  for (const use of ['jwt-svid', 'sig'])
    assert.doesNotThrow(() => compile(file(spiffe, use), 'broker.yaml', { now: 0 }), use)
  for (const [issuer, use] of [
    [spiffe, 'x509-svid'],
    [spiffe, 'JWT-SVID'],
    ['issuer: "https://ci.test"', 'jwt-svid'],
    ['preset: kubernetes, issuer: "https://ci.test"', 'jwt-svid'],
  ] as const)
    assert.throws(
      () => compile(file(issuer, use), 'broker.yaml', { now: 0 }),
      ({ findings }: ConfigurationError) => findings.some(({ rule }) => rule === 'invalid-key-set'),
    )
})

for (const preset of ['google-workspace', 'entra-id', 'cognito'] as const)
  test(`${preset}: without audiences no token could be good, and it is an error`, () => {
    const issuer = workloads[preset].issuer.replace(/, audiences: \[[^\]]*\]/, '')
    assert.notEqual(issuer, workloads[preset].issuer)
    const file = `version: 1
issuer: https://broker.test
issuers: { people: ${issuer} }
targets: { api: { audience: https://api.test } }
rules: {}
`
    assert.throws(
      () => compile(file, 'broker.yaml', { now: 0 }),
      ({ message }: ConfigurationError) =>
        message.includes(`missing-key audiences is required with preset: ${preset}: the id that it gave`),
    )
  })
