import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RoleTarget, Rule, SessionSettings } from '../../lib/trust/configuration.ts'
import { decide, type Decision, type DecisionRequest } from '../../lib/trust/decide.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { configuration, grant, rule, subject } from './policy-fixture.ts'

const role = 'arn:aws:iam::123456789012:role/deployer'
const policy = { Version: '2012-10-17', Statement: [] }
const ref = { path: ['ref'] }

function session(changes: Partial<SessionSettings> = {}): SessionSettings {
  return { tags: {}, transitive_tags: [], managed_policies: [], ...changes }
}

function opening(name: string, changes: Partial<SessionSettings> = {}, more: Partial<Rule> = {}): Rule {
  return rule(name, { grant: [grant('deployer', { session: session(changes) })], ...more })
}

async function ask(
  rules: readonly Rule[],
  request: Partial<DecisionRequest> = {},
  target: Partial<RoleTarget> = {},
): Promise<Decision> {
  const targets = {
    deployer: { role, lifetime: 3_600, ...target },
    api: { audience: 'https://api.test', scopes: ['read', 'write'], lifetime: 900 },
  }
  const asked = { client_id: undefined, audience: ['deployer'], resource: [], scope: undefined, ...request }
  const ready = await toPolicy(configuration(rules, { targets }), 'https://broker.test')
  return decide({ subject: subject({ ref: 'main', sha: 'abc' }), ...asked }, ready, 500)
}

function granted(decision: Decision) {
  assert.ok('granted' in decision, JSON.stringify(decision))
  return decision.granted
}

function refusal(decision: Decision) {
  assert.ok('refused' in decision, JSON.stringify(decision))
  return decision.refused
}

test('a session has what its target and its rule say, and nothing more', async () => {
  assert.deepEqual(granted(await ask([opening('r')])), {
    target: 'deployer',
    rules: ['r'],
    lifetime: 3_600,
    role,
    tags: {},
    transitive_tags: [],
    managed_policies: [],
  })
  const full = opening('r', {
    tags: { ref },
    transitive_tags: ['ref'],
    policy,
    managed_policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
  })
  assert.deepEqual(granted(await ask([full], {}, { external_id: 'broker', region: 'eu-west-1' })), {
    target: 'deployer',
    rules: ['r'],
    lifetime: 3_600,
    role,
    external_id: 'broker',
    region: 'eu-west-1',
    tags: { ref: 'main' },
    transitive_tags: ['ref'],
    policy,
    managed_policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
  })
})

test('the target’s policy narrows a session whose rule has none', async () => {
  const decision = granted(await ask([opening('r')], {}, { session_policy: policy }))
  assert.ok('policy' in decision)
  assert.deepEqual(decision.policy, policy)
})

test('a role is also named by its ARN', async () => {
  for (const request of [{ audience: [role] }, { audience: [], resource: [role] }, { audience: [] }])
    assert.equal(granted(await ask([opening('r')], request)).target, 'deployer')
})

describe('what is wanted must be what the target issues', () => {
  const rules = [rule('r', { grant: [grant('api'), grant('deployer', { session: session() })] })]
  for (const [target, wanted, issued] of [
    ['deployer', 'credentials', true],
    ['deployer', undefined, true],
    ['deployer', 'token', false],
    ['api', 'token', true],
    ['api', undefined, true],
    ['api', 'credentials', false],
  ] as const)
    test(`${wanted ?? 'whatever it is'} of ${target}`, async () => {
      const decision = await ask(rules, { audience: [target], wanted })
      if (issued) assert.equal(granted(decision).target, target)
      else assert.deepEqual(refusal(decision), { reason: 'token_type_not_issued', target })
    })
})

test('a role has no scopes', async () => {
  assert.deepEqual(refusal(await ask([opening('r')], { scope: ['read', 'write'] })), {
    reason: 'scope_not_granted',
    target: 'deployer',
    excess: [],
    unknown: 2,
  })
})

test('a tag that STS would refuse is named, with its rule', async () => {
  assert.deepEqual(refusal(await ask([opening('r', { tags: { absent: { path: ['absent'] } } })])), {
    reason: 'session_tag_refused',
    target: 'deployer',
    rule: 'r',
    tag: 'absent',
    detail: 'it has no value: absent',
  })
})

test('a role’s grant that was compiled without its session is our mistake', async () => {
  await assert.rejects(ask([rule('r', { grant: [grant('deployer')] })]), /a grant of a role without its session/)
})

describe('two rules that open one session', () => {
  const one = session({
    tags: { ref, sha: { path: ['sha'] } },
    transitive_tags: ['ref', 'sha'],
    policy,
    managed_policies: ['arn:aws:iam::aws:policy/A', 'arn:aws:iam::aws:policy/B'],
  })
  for (const [title, other] of [
    ['alike', one],
    [
      'alike, in another order',
      {
        ...one,
        tags: { sha: { path: ['sha'] }, ref },
        transitive_tags: ['sha', 'ref'],
        managed_policies: one.managed_policies.toReversed(),
      },
    ],
  ] as const)
    test(`${title}: it is granted by both`, async () => {
      assert.deepEqual(granted(await ask([opening('a', one), opening('b', other)])).rules, ['a', 'b'])
    })

  for (const [title, other] of [
    ['tags', { ...one, tags: { ref, sha: ref } }],
    ['fewer tags', { ...one, tags: { ref }, transitive_tags: ['ref'] }],
    ['transitive tags', { ...one, transitive_tags: ['ref'] }],
    ['policies', { ...one, policy: { ...policy, Statement: [{}] } }],
    ['managed policies', { ...one, managed_policies: ['arn:aws:iam::aws:policy/A'] }],
  ] as const)
    test(`with other ${title}: ambiguous, and no session has the less of both`, async () => {
      assert.deepEqual(refusal(await ask([opening('a', one), opening('b', other)])), {
        reason: 'ambiguous_rules',
        target: 'deployer',
        rules: ['a', 'b'],
      })
    })

  test('of which one is a shadow', async () => {
    const shadow = opening('b', { tags: { ref } }, { mode: 'shadow' })
    const decision = await ask([opening('a'), shadow])
    assert.deepEqual(granted(decision).rules, ['a'])
    assert.deepEqual(decision.trace.shadow, ['b'])
  })
})
