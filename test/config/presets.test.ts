import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../lib/config/compile.ts'
import type { ConfigurationError } from '../../lib/config/findings.ts'
import { subjectOf } from '../../lib/tokens/subject.ts'
import type { VerifiedSubject } from '../../lib/tokens/verify-subject-token.ts'
import type { Configuration, Issuer, PresetName } from '../../lib/trust/configuration.ts'
import { decide } from '../../lib/trust/decide.ts'
import { toPolicy } from '../../lib/trust/policy.ts'

/** What each issuer sends, from its documentation, and the least that an operator writes of it. */
const workloads = {
  'github-actions': {
    issuer: '{ preset: github-actions, require: { repository_owner_id: "65" } }',
    claims: {
      iss: 'https://token.actions.githubusercontent.com',
      sub: 'repo:octo-org/octo-repo:environment:prod',
      environment: 'prod',
      ref: 'refs/heads/main',
      repository: 'octo-org/octo-repo',
      repository_id: '74',
      repository_owner: 'octo-org',
      repository_owner_id: '65',
      repository_visibility: 'private',
      run_number: '10',
      event_name: 'workflow_dispatch',
      ref_protected: 'true',
    },
  },
  gitlab: {
    issuer: '{ preset: gitlab, require: { namespace_id: "72" } }',
    claims: {
      iss: 'https://gitlab.com',
      sub: 'project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1',
      namespace_id: '72',
      namespace_path: 'my-group',
      project_id: '20',
      project_path: 'my-group/my-project',
      pipeline_source: 'push',
      ref: 'feature-branch-1',
      ref_protected: 'false',
      groups_direct: ['my-group/my-subgroup', '2600'],
      runner_id: 1,
    },
  },
  kubernetes: {
    issuer: '{ preset: kubernetes, issuer: "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC" }',
    claims: {
      iss: 'https://oidc.eks.eu-west-1.amazonaws.com/id/ABC',
      sub: 'system:serviceaccount:web:api',
      'kubernetes.io': {
        namespace: 'web',
        node: { name: 'ip-10-0-1-7', uid: '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1' },
        pod: { name: 'api-7d4b', uid: '5e0bd49b-f040-43b0-99b7-22765a53f7f3' },
        serviceaccount: { name: 'api', uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
        warnafter: 1_729_605_240,
      },
    },
  },
} as const satisfies Record<PresetName, { issuer: string; claims: Record<string, unknown> }>

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
  const configuration = compiled(preset, condition)
  const { claims } = workloads[preset]
  const issuer = configuration.issuers.workload as Issuer
  const subject = { issuer, claims } as unknown as VerifiedSubject
  const request = { subject, client_id: undefined, audience: [], resource: [], scope: undefined }
  const decision = decide(request, await toPolicy(configuration, 'https://broker.test'), 0)
  return 'refused' in decision ? decision.refused.reason : 'granted'
}

for (const [preset, condition, expected] of [
  ['github-actions', 'repository_id: "74", ref_protected: "true", run_number: "10"', 'repo:65/74'],
  ['gitlab', 'project_id: "20", ref_protected: "false"', 'project:20'],
  ['kubernetes', 'namespace: web', 'serviceaccount:14ee3fa4-a7e2-420f-9f9a-dbc4507c3798'],
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
  ['kubernetes', 'node_uid', '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1', '5e0bd49b-f040-43b0-99b7-22765a53f7f3'],
] as const) {
  test(`${preset}: ${name} is ${value}, and nothing else`, async () => {
    assert.equal(await ask(preset, `${name}: "${value}"`), 'granted')
    assert.equal(await ask(preset, `${name}: "${other}"`), 'no_rule_matches')
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
