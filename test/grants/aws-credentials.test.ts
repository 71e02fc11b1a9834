import assert from 'node:assert/strict'
import { before, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { containerCredentials } from '../../lib/grants/container-credentials.ts'
import { grantToken, type GrantContext } from '../../lib/grants/index.ts'
import type { Receipt } from '../../lib/ports.ts'
import { RefusedError, UnavailableError } from '../../lib/protocol/errors.ts'
import type { Refusal } from '../../lib/protocol/refusals.ts'
import { AWS_CREDENTIALS_TYPE, JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { sourceIdentity } from '../../lib/tokens/subject.ts'
import type { Issuer, RoleTarget, SessionSettings } from '../../lib/trust/configuration.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { now, ourIssuer, testIssuer, type TestIssuer } from '../tokens/issuer-fixture.ts'
import { configuration, equals, farm as farmIssuer, grant, rule } from '../trust/policy-fixture.ts'
import { refusal } from '../protocol/refused.ts'
import { fakePorts, type FakePorts } from './ports-fixture.ts'

const deployer: RoleTarget = { role: 'arn:aws:iam::123456789012:role/deployer', lifetime: 3_600 }
const plain: SessionSettings = { tags: {}, transitive_tags: [], managed_policies: [] }
const policyDocument = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }

let farm: TestIssuer
let ports: FakePorts
let serial = 0

before(async () => {
  farm = await testIssuer()
})
beforeEach(() => {
  ports = fakePorts(farm)
})

interface Ask {
  claims?: Record<string, unknown>
  token?: string
  form?: Record<string, string | undefined>
  target?: Partial<RoleTarget>
  session?: Partial<SessionSettings>
  ruleName?: string
  issuer?: Partial<Issuer>
  signal?: AbortSignal
}

async function contextOf({ target, session, ruleName = 'web-deploys', issuer, signal }: Ask): Promise<GrantContext> {
  const settings = { ...plain, ...session }
  const rules = [
    rule(ruleName, {
      match: [equals('sub', 'job-7')],
      grant: [grant('deployer', { scopes: [], session: settings }), grant('api')],
    }),
  ]
  const changes = {
    clients: { app: { type: 'public' as const, grants: [TOKEN_EXCHANGE_GRANT], introspect: [] } },
    issuers: { farm: { ...farmIssuer, ...issuer } },
    targets: {
      deployer: { ...deployer, ...target },
      api: { audience: 'https://api.test', scopes: ['read', 'write', 'admin'], lifetime: 900 },
    },
  }
  return {
    policy: await toPolicy(configuration(rules, changes), ourIssuer),
    ports,
    decision_id: `decision-${serial++}`,
    signal: signal ?? new AbortController().signal,
  }
}

async function exchange(ask: Ask = {}) {
  const fields = {
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    subject_token: ask.token ?? (await farm.sign(ask.claims)),
    audience: 'deployer',
    ...ask.form,
  }
  return grantToken(
    new Map(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, [value]]]))),
    undefined,
    await contextOf(ask),
  )
}

function receipts(): [Receipt, string][] {
  return [...ports.stored.values()].map(({ receipt, state }) => [receipt, state])
}

test('credentials come back as a credential_process document, for as long as STS says', async () => {
  const { access_token, ...response } = await exchange()
  assert.deepEqual(response, { issued_token_type: AWS_CREDENTIALS_TYPE, token_type: 'N_A', expires_in: 3_598 })
  assert.deepEqual(JSON.parse(access_token), {
    Version: 1,
    AccessKeyId: 'ASIA1',
    SecretAccessKey: 'secret',
    SessionToken: sourceIdentity('farm', 'job-7'),
    Expiration: new Date((now + 3_598) * 1000).toISOString().replace('.000', ''),
  })
})

test('a role by its ARN is the same target', async () => {
  const { issued_token_type } = await exchange({ form: { audience: undefined, resource: deployer.role } })
  assert.equal(issued_token_type, AWS_CREDENTIALS_TYPE)
})

test('the receipt is recorded and the revocations are read before the role is assumed', async () => {
  await exchange()
  assert.deepEqual(ports.calls.slice(0, 2).toSorted(), ['find', 'record'])
  assert.deepEqual(ports.calls.slice(2), ['assume'])
})

test('the receipt has what CloudTrail calls the session, and no key of ours', async () => {
  await exchange()
  const [[receipt, state] = assert.fail()] = receipts()
  assert.equal(state, 'recorded')
  const { role, source_identity, session_name, kid, scopes, issued_exp, target } = receipt
  assert.deepEqual(
    { role, source_identity, session_name, kid, scopes, issued_exp, target },
    {
      role: deployer.role,
      source_identity: ports.assumed[0]!.source_identity,
      session_name: `web-deploys.${receipt.decision_id}`,
      kid: undefined,
      scopes: [],
      issued_exp: now + 3_600,
      target: 'deployer',
    },
  )
})

test('a client that is named is in the receipt, and its revocations are read', async () => {
  await exchange({ form: { client_id: 'app' } })
  assert.equal(receipts()[0]?.[0].client_id, 'app')
  assert.deepEqual(ports.revocationKeys.at(-1), { dimension: 'client', value: 'app' })
})

test('a workload without a client is its own', async () => {
  await exchange()
  assert.equal(receipts()[0]?.[0].client_id, 'farm:job-7')
})

test('no revocation of a signing key is asked for', async () => {
  await exchange()
  assert.deepEqual(
    ports.revocationKeys.map(({ dimension }) => dimension),
    ['all', 'issuer', 'subject', 'target', 'rule'],
  )
})

test('all that target and rule say of the session is asked for, and only that', async () => {
  await exchange({
    claims: { repository: 'acme/web' },
    target: { external_id: 'broker-acme', region: 'eu-west-1', lifetime: 900 },
    session: {
      tags: { repository: { path: ['repository'] } },
      transitive_tags: ['repository'],
      policy: policyDocument,
      managed_policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
    },
  })
  const [{ session_name, source_identity, ...session } = assert.fail()] = ports.assumed
  assert.match(session_name, /^web-deploys\.decision-\d+$/)
  assert.equal(source_identity, sourceIdentity('farm', 'job-7'))
  assert.deepEqual(session, {
    target: 'deployer',
    role: deployer.role,
    lifetime: 900,
    external_id: 'broker-acme',
    region: 'eu-west-1',
    tags: { repository: 'acme/web' },
    transitive_tags: ['repository'],
    policy: policyDocument,
    managed_policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
  })
})

test('whatever the claims are, all but the tags and the session’s name is asked for as the rule says', async () => {
  const ask = {
    target: { external_id: 'broker-acme', region: 'eu-west-1' },
    session: {
      tags: { ref: { path: ['ref'] } },
      transitive_tags: ['ref'],
      policy: policyDocument,
      managed_policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
    },
  }
  await exchange({ ...ask, claims: { ref: 'main' } })
  const { session_name: _, ...usual } = ports.assumed[0]!
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.stringMatching(/^[\w.:/=+@ -]{1,256}$/))
  const names = fc.oneof(text, fc.constantFrom(...Object.keys(usual), ...Object.keys(ask.session), 'sub', '__proto__'))
  let granted = 0
  await fc.assert(
    fc.asyncProperty(fc.dictionary(names, fc.oneof(text, fc.jsonValue())), text, async (others, ref) => {
      ports.assumed.length = 0
      const claims = { ...others, ref, jti: String(serial) }
      await exchange({ ...ask, claims }).catch((error: unknown) => assert.ok(error instanceof RefusedError))
      if (ports.assumed.length === 0) return
      granted++
      const [{ session_name, ...asked } = assert.fail(), ...again] = ports.assumed
      assert.deepEqual(again, [])
      assert.match(session_name, /^web-deploys\.decision-\d+$/)
      assert.deepEqual(asked, { ...usual, tags: { ref } })
    }),
    { numRuns: 500 },
  )
  assert.ok(granted > 100, String(granted))
})

test('the target’s own session policy narrows every rule’s session', async () => {
  await exchange({ target: { session_policy: policyDocument } })
  assert.deepEqual(ports.assumed[0]!.policy, policyDocument)
})

test('the session’s name fits STS, however long the rule’s is', async () => {
  await exchange({ ruleName: `a${'b'.repeat(62)}` })
  const { session_name } = ports.assumed[0]!
  assert.match(session_name, new RegExp(`^a${'b'.repeat(39)}\\.decision-\\d+$`))
})

describe('nothing is asked of STS', () => {
  for (const [title, prepare, reason] of [
    [
      'for a token that was used',
      async () => {
        const token = await farm.sign()
        await exchange({ token })
        ports.calls.length = 0
        return exchange({ token })
      },
      'subject_token_replayed',
    ],
    [
      'where a revocation stands in the way',
      () => {
        ports.revoked = [
          { dimension: 'target', value: 'deployer', not_before: 0, blocked_until: now + 1, expires_at: now + 9 },
        ]
        return exchange()
      },
      'issuance_blocked',
    ],
    [
      'for a tag that STS would refuse',
      () => exchange({ claims: { ref: 'a*' }, session: { tags: { ref: { path: ['ref'] } } } }),
      'session_tag_refused',
    ],
    ['for a scope', () => exchange({ form: { scope: 'read' } }), 'scope_not_granted'],
    ['where a token was wanted', () => exchange({ form: { requested_token_type: JWT_TYPE } }), 'token_type_not_issued'],
    [
      'where credentials were wanted of an audience',
      () => exchange({ form: { audience: 'api', requested_token_type: AWS_CREDENTIALS_TYPE } }),
      'token_type_not_issued',
    ],
  ] as const satisfies readonly (readonly [string, () => Promise<unknown>, Refusal['reason']])[]) {
    test(title, async () => {
      assert.equal((await refusal(prepare())).reason, reason)
      assert.ok(!ports.calls.includes('assume'))
    })
  }

  for (const call of ['record', 'find'] as const)
    test(`when ${call} fails`, async () => {
      ports.fail[call] = new UnavailableError('dynamodb', 'down')
      await assert.rejects(exchange(), UnavailableError)
      assert.ok(!ports.calls.includes('assume'))
    })
})

describe('what STS refuses, or cannot answer, does not spend the token', () => {
  const refused = new RefusedError({
    reason: 'role_not_assumed',
    target: 'deployer',
    role: deployer.role,
    error: 'AccessDenied',
    action: 'sts:TagSession',
  })
  for (const [title, error] of [
    ['refused', refused],
    ['unavailable', new UnavailableError('sts', 'Throttling')],
  ] as const)
    test(title, async () => {
      ports.fail.assume = error
      await assert.rejects(exchange(), error)
      assert.deepEqual(
        receipts().map(([, state]) => state),
        ['released'],
      )
      assert.equal(ports.assumed.length, 1)
      delete ports.fail.assume
      const { issued_token_type } = await exchange()
      assert.equal(issued_token_type, AWS_CREDENTIALS_TYPE)
    })

  test('a request whose time is up hands nothing out', async () => {
    const deadline = new AbortController()
    const { roles } = ports
    ports.roles = {
      assume(session, signal) {
        deadline.abort()
        return roles.assume(session, signal)
      },
    }
    await assert.rejects(exchange({ signal: deadline.signal }), UnavailableError)
    assert.deepEqual(
      receipts().map(([, state]) => state),
      ['released'],
    )
  })
})

describe('the container protocol', () => {
  const ask = async (target: string, issuer: Partial<Issuer> = { replay: 'off' }) =>
    containerCredentials(target, await farm.sign(), await contextOf({ issuer }))

  test('answers exactly what SDKs read, again and again for one token', async () => {
    for (const id of ['ASIA1', 'ASIA2'])
      assert.deepEqual(await ask('deployer'), {
        AccessKeyId: id,
        SecretAccessKey: 'secret',
        Token: sourceIdentity('farm', 'job-7'),
        Expiration: new Date((now + 3_598) * 1000).toISOString().replace('.000', ''),
      })
  })

  for (const replay of ['once', 'once_per_target'] as const)
    test(`a token that works ${replay} is refused, and not spent`, async () => {
      assert.deepEqual(await refusal(ask('deployer', { replay })), {
        reason: 'subject_token_works_once',
        issuer: 'farm',
      })
      assert.deepEqual(ports.calls, [])
      // Whatever else is wrong: nothing was decided.
      assert.equal((await refusal(ask('nobody', { replay }))).reason, 'subject_token_works_once')
      assert.deepEqual(ports.logged, [])
    })

  for (const [target, reason] of [
    ['api', 'token_type_not_issued'],
    ['nobody', 'target_unknown'],
    ['constructor', 'target_unknown'],
  ] as const)
    test(`${target}: ${reason}`, async () => {
      assert.equal((await refusal(ask(target))).reason, reason)
    })
})
