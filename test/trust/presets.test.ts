import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusedError } from '../../lib/protocol/errors.ts'
import { subjectOf } from '../../lib/tokens/subject.ts'
import { decide } from '../../lib/trust/decide.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { presets } from '../../lib/trust/presets.ts'
import { configuration, equals, farm, rule, subject } from './policy-fixture.ts'

const github = { repository_owner_id: '1234567', repository_id: '987654', repository: 'acme/web' }
const gitlab = { project_id: '7', project_path: 'acme/web', namespace_id: '3' }
const pod = { namespace: 'web', serviceaccount: { name: 'api', uid: '6f0c-11' }, pod: { name: 'api-1', uid: '77-aa' } }

for (const [title, preset, claims, expected] of [
  [
    'GitHub by the mutable sub',
    'github-actions',
    { ...github, sub: 'repo:acme/web:ref:refs/heads/main' },
    'repo:1234567/987654',
  ],
  [
    'GitHub by the immutable sub',
    'github-actions',
    { ...github, sub: 'repo:acme@1234567/web@987654:ref:refs/heads/main' },
    'repo:1234567/987654',
  ],
  ['a renamed repository', 'github-actions', { ...github, repository: 'acme/site' }, 'repo:1234567/987654'],
  ['GitLab', 'gitlab', gitlab, 'project:7'],
  ['GitLab, a job that says where it ran', 'gitlab', { ...gitlab, job_project_id: '9' }, 'project:9'],
  [
    'a service account',
    'kubernetes',
    { sub: 'system:serviceaccount:web:api', 'kubernetes.io': pod },
    'serviceaccount:6f0c-11',
  ],
] as const) {
  test(`${title} is ${expected}`, () => {
    assert.equal(subjectOf(claims, presets[preset].subject), expected)
  })
}

for (const [title, preset, claims, reason] of [
  ['GitHub without an owner id', 'github-actions', { repository_id: '1' }, 'subject_claim_missing'],
  ['GitHub with a null id', 'github-actions', { ...github, repository_id: null }, 'subject_claim_missing'],
  ['GitHub with an id that is a path', 'github-actions', { ...github, repository_id: '1/2' }, 'claim_malformed'],
  ['GitHub with a list of ids', 'github-actions', { ...github, repository_id: ['1'] }, 'claim_malformed'],
  [
    'a null job_project_id, which is not absent',
    'gitlab',
    { ...gitlab, job_project_id: null },
    'subject_claim_missing',
  ],
  [
    'a legacy service account token',
    'kubernetes',
    { 'kubernetes.io/serviceaccount/uid': 'x' },
    'subject_claim_missing',
  ],
] as const) {
  test(`${title} has no subject`, () => {
    assert.throws(
      () => subjectOf(claims, presets[preset].subject),
      (error) => error instanceof RefusedError && error.refusal.reason === reason,
    )
  })
}

/** Events that somebody without write access can cause, or that run with rights which such a person's text can reach. */
const untrusted = {
  'github-actions': {
    claim: 'event_name',
    events: [
      'pull_request',
      'pull_request_target',
      'pull_request_review',
      'pull_request_review_comment',
      'issue_comment',
      'issues',
      'discussion',
      'discussion_comment',
      'fork',
      'watch',
      'workflow_run',
      'commit_comment',
      'gollum',
    ],
    ordinary: ['push', 'schedule', 'workflow_dispatch', 'release', 'merge_group', 'deployment'],
  },
  gitlab: {
    claim: 'pipeline_source',
    events: ['merge_request_event', 'external_pull_request_event'],
    ordinary: ['push', 'schedule', 'web', 'api', 'trigger', 'pipeline'],
  },
} as const

async function ask(preset: keyof typeof untrusted, claims: Record<string, unknown>, named: string[]) {
  const issuer = { ...farm, preset }
  const match = [equals('ref', 'main'), ...(named.length > 0 ? [equals(untrusted[preset].claim, ...named)] : [])]
  const policy = await toPolicy(
    configuration([rule('r', { match })], { issuers: { farm: issuer } }),
    'https://broker.test',
  )
  const request = { client_id: undefined, audience: [], resource: [], scope: undefined }
  const decision = decide({ subject: subject({ ref: 'main', ...claims }, issuer), ...request }, policy, 500)
  return 'refused' in decision ? decision.refused.reason : 'granted'
}

for (const preset of ['github-actions', 'gitlab'] as const) {
  const { claim, events, ordinary } = untrusted[preset]
  for (const event of events) {
    test(`${preset}: ${event} is refused, unless the rule names it`, async () => {
      assert.equal(await ask(preset, { [claim]: event }, []), 'event_forbidden')
      assert.equal(await ask(preset, { [claim]: event }, [event]), 'granted')
      assert.equal(await ask(preset, { [claim]: event }, ['push', event]), 'granted')
      assert.equal(await ask(preset, { [claim]: event }, ['push']), 'no_rule_matches')
    })
  }

  test(`${preset}: ${ordinary.join(', ')} need not be named`, async () => {
    for (const event of ordinary) assert.equal(await ask(preset, { [claim]: event }, []), 'granted', event)
  })

  test(`${preset}: a token that does not say its ${claim} is refused`, async () => {
    for (const claims of [{}, { [claim]: null }, { [claim]: [events[0]] }, { [claim]: 1 }])
      assert.equal(await ask(preset, claims, []), 'event_forbidden', JSON.stringify(claims))
  })
}
