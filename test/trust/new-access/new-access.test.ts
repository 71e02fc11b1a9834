import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../../lib/config/compile.ts'
import { findNewAccess } from '../../../lib/trust/new-access.ts'
import type { NewAccess } from '../../../lib/trust/new-access/finding.ts'

const now = Date.parse('2026-06-15T12:00:00Z') / 1_000

const key = (letter: string, kid?: string) =>
  `{ kty: OKP, crv: Ed25519, x: ${letter.repeat(42)}A${kid ? `, kid: ${kid}` : ''} }`

const base = `version: 1
issuer: https://broker.test
issuers:
  farm:
    issuer: https://ci.test
    audiences: [https://a.test]
    replay: once_per_target
  own:
    issuer: https://own.test
    algorithms: [EdDSA]
    jwks: { keys: [${key('A', 'one')}, ${key('B', 'two')}] }
  github:
    preset: github-actions
    require: { repository_owner_id: "1", repository_visibility: private }
  idle:
    issuer: https://idle.test
targets:
  api: { audience: "https://api.test", scopes: [read, write, admin], lifetime: 15m }
  plain: { audience: "https://plain.test", lifetime: 15m }
  people: { audience: "https://people.test" }
  levels: { audience: "https://levels.test" }
  twins: { audience: "https://twins.test" }
  open: { role: "arn:aws:iam::123456789012:role/open", lifetime: 30m, external_id: acme, region: eu-west-1 }
  narrow: { role: "arn:aws:iam::123456789012:role/narrow", session_policy: { Version: "2012-10-17", Statement: [] } }
rules:
  builds:
    issuer: farm
    match: { ref: [main, release], env: { not: [test, staging] } }
    grant: [{ target: api, scopes: [read] }]
  globs:
    issuer: farm
    match: { path: { glob: "team/*" }, kind: job }
    grant: [{ target: plain, expires_with_subject: true }]
  groups:
    issuer: farm
    match: { groups: { contains: buyers } }
    clients: [app]
    grant: [{ target: people, claims: { who: claims.login } }]
  reviewed:
    issuer: farm
    match: { kind: reviewed }
    when: claims.level > 3
    grant: [{ target: levels, claims: { n: "claims.level + 1" } }]
  ours:
    issuer: own
    match: { ref: main }
    expires: 2027-01-31
    grant: [{ target: api, scopes: [write] }]
  pushes:
    issuer: github
    match: { repository_id: "7", event_name: [push] }
    grant: [{ target: api, scopes: [write] }]
  tags:
    issuer: github
    match: { repository_id: "8", ref: { glob: "refs/tags/*" } }
    grant: [{ target: plain }]
  trial:
    issuer: github
    match: { repository_id: "9" }
    mode: shadow
    grant: [{ target: api, scopes: [admin] }]
  sessions:
    issuer: farm
    match: { job: deploy }
    grant:
      - target: open
        session_tags: { repository: claims.repository, team: claims.team }
        transitive_tags: [repository]
        session_policy: { Version: "2012-10-17", Statement: [{ Effect: Allow }] }
        managed_policies: [arn:aws:iam::aws:policy/A, arn:aws:iam::aws:policy/B]
      - target: narrow
  one:
    issuer: farm
    match: { twin: "1" }
    grant: [{ target: twins }]
  two:
    issuer: farm
    match: { twin: ["1", "3"], other: "2" }
    grant: [{ target: twins, expires_with_subject: true }]
  nightly-batch:
    client: nightly
    grant: [{ target: api, scopes: [read] }]
clients:
  app: { type: public }
  web: { type: public }
  nightly:
    auth: { client_secret: { sha256: [LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ] } }
    grants: [client_credentials]
  orders:
    auth: { private_key_jwt: { jwks: { uri: "https://orders.test/jwks" }, algorithms: [ES256] } }
    introspect: [api]
  pods:
    auth: { federated: { issuer: farm, match: { pod: "1" } } }
`

type Edit = readonly [from: string, to: string]

async function compare(...edits: readonly Edit[]): Promise<NewAccess[]> {
  const edited = edits.reduce((text, [from, to]) => {
    assert.ok(text.includes(from), `the file has no ${from}`)
    return text.replace(from, () => to)
  }, base)
  return between(base, edited)
}

async function between(before: string, after: string): Promise<NewAccess[]> {
  const [old, new_] = [before, after].map((text) => compile(text, 'broker.yaml', { now }).configuration)
  return findNewAccess(old!, new_!, now)
}

test('a file grants nothing that it does not', async () => {
  assert.deepEqual(await between(base, base), [])
})

const harmless: readonly (readonly [string, ...Edit[]])[] = [
  ['a shorter list', ['[main, release]', '[main]']],
  ['a list in another order, and a value twice', ['[main, release]', '[release, main, main]']],
  ['a longer not', ['[test, staging]', '[test, staging, dev]']],
  ['a list instead of a not', ['env: { not: [test, staging] }', 'env: [prod, dev]']],
  ['a glob within the old', ['team/*', 'team/a*b']],
  ['a value that fits the old glob', ['{ glob: "team/*" }', 'team/a']],
  ['a list of values that fit the old glob', ['{ glob: "team/*" }', '[team/a, team/]']],
  ['the same claim by its pointer', ['match: { job: deploy }', 'match: { /job: deploy }']],
  ['one more condition', ['{ job: deploy }', '{ job: deploy, ref: main }']],
  ['a condition below an object that no old rule knows', ['{ job: deploy }', '{ job: deploy, /a/b: "1" }']],
  ['a when that is one more condition', ['match: { job: deploy }', 'match: { job: deploy }\n    when: claims.x > 1']],
  ['a rule under another name', ['  builds:', '  renamed:']],
  ['another owner', ['  builds:\n', '  builds:\n    owner: "#web"\n']],
  ['a rule in shadow', ['match: { job: deploy }', 'match: { job: deploy }\n    mode: shadow']],
  ['fewer clients', ['match: { job: deploy }', 'match: { job: deploy }\n    clients: [app]']],
  ['an earlier end', ['2027-01-31', '2026-12-31']],
  ['an end that has passed', ['2027-01-31', '2026-01-31']],
  [
    'fewer scopes',
    [
      'scopes: [write] }]\n  tags',
      'scopes: [write] }]\n  more: { issuer: farm, match: { ref: main, env: prod }, grant: [{ target: api, scopes: [read] }] }\n  tags',
    ],
  ],
  [
    'one rule split in two of the same union',
    [
      '  pushes:',
      '  releases: { issuer: farm, match: { ref: release, env: { not: [test, staging] } }, grant: [{ target: api, scopes: [read] }] }\n  pushes:',
    ],
    ['[main, release]', 'main'],
  ],
  [
    'one rule split by a glob and what it leaves',
    [
      '  pushes:',
      '  rest: { issuer: farm, match: { path: { glob: "team/a*" }, kind: job }, grant: [{ target: plain, expires_with_subject: true }] }\n  pushes:',
    ],
  ],
  [
    'what now ends with the subject token',
    [
      '[{ target: api, scopes: [read] }]\n  globs',
      '[{ target: api, scopes: [read], expires_with_subject: true }]\n  globs',
    ],
  ],
  ['a shorter lifetime', ['write, admin], lifetime: 15m', 'write, admin], lifetime: 5m']],
  ['a scope of a target that no rule grants', ['[read, write, admin]', '[read, write, admin, delete]']],
  [
    'a target under another name',
    ['  plain: {', '  simple: {'],
    ...Array.from({ length: 2 }, (): Edit => ['target: plain', 'target: simple']),
  ],
  ['one managed policy of two', ['policy/A, arn:aws:iam::aws:policy/B', 'policy/A']],
  [
    'no session policy beside managed ones',
    ['        session_policy: { Version: "2012-10-17", Statement: [{ Effect: Allow }] }\n', ''],
  ],
  ['a stricter replay mode', ['replay: once_per_target', 'replay: once']],
  ['less tolerance', ['audiences: [https://a.test]', 'audiences: [https://a.test]\n    clock_tolerance: 10s']],
  ['shorter tokens', ['audiences: [https://a.test]', 'audiences: [https://a.test]\n    max_token_lifetime: 10m']],
  ['one key of two, which have names', [`, ${key('B', 'two')}`, '']],
  ['a tighter pin', ['repository_visibility: private', 'repository_visibility: private, actor_id: "5"']],
  ['an issuer without rules', ['  idle:', '  spare: { issuer: "https://spare.test" }\n  idle:']],
  ['more of an issuer without rules', ['https://idle.test', 'https://idle.test\n    clock_tolerance: 5m']],
  ['a client less', ['  web: { type: public }\n', '']],
  [
    'a client that gets nothing',
    [
      '  web: {',
      '  new: { auth: { federated: { issuer: farm, match: { pod: "2" } } }, grants: [client_credentials] }\n  web: {',
    ],
  ],
  [
    'a client that must prove itself',
    ['web: { type: public }', 'web: { auth: { private_key_jwt: { jwks: { uri: "https://web.test" } } } }'],
  ],
  ['a client that may look up less', ['    introspect: [api]\n', '']],
  ['a federated client of fewer', ['{ pod: "1" }', '{ pod: "1", ref: main }']],
  [
    'how long receipts are kept, and what signs',
    ['targets:', 'receipts: { retention: 30d }\nsigning: { algorithms: [RS256] }\ntargets:'],
  ],
]

for (const [title, ...edits] of harmless)
  test(`no new access: ${title}`, async () => assert.deepEqual(await compare(...edits), []))

type Expected = Partial<Omit<NewAccess, 'what'>> & { what: RegExp }

const wider: readonly (readonly [string, Expected, ...Edit[]])[] = [
  [
    'a new rule',
    { rules: ['more'], what: /^scope admin is granted, which was not$/, witness: of('farm', { z: '1' }) },
    ['  tags:', '  more: { issuer: farm, match: { z: "1" }, grant: [{ target: api, scopes: [admin] }] }\n  tags:'],
  ],
  [
    'a longer list',
    { rules: ['builds'], what: /^scope read/, witness: of('farm', { env: '', ref: 'dev' }) },
    ['[main, release]', '[main, release, dev]'],
  ],
  [
    'a removed condition',
    { rules: ['builds'], what: /^scope read/, witness: of('farm', { ref: 'main' }) },
    [', env: { not: [test, staging] }', ''],
  ],
  [
    'a shorter not',
    { rules: ['builds'], what: /^scope read/, witness: of('farm', { env: 'test', ref: 'main' }) },
    ['[test, staging]', 'staging'],
  ],
  [
    'a wider glob',
    { rules: ['globs'], what: /^it is granted/, witness: of('farm', { kind: 'job', path: 'tea/' }) },
    ['team/*', 'tea*/*'],
  ],
  [
    'a glob instead of a value',
    { rules: ['globs'], what: /^it is granted/, witness: of('farm', { kind: 'jo', path: 'team/' }) },
    ['kind: job', 'kind: { glob: "jo*" }'],
  ],
  [
    'another element',
    {
      rules: ['groups'],
      what: /^it is granted/,
      witness: { ...of('farm', { groups: ['sellers'], login: '' }), client_id: 'app' },
    },
    ['contains: buyers', 'contains: sellers'],
  ],
  [
    'text instead of a number',
    { rules: ['sessions'], what: /^it is granted/, witness: of('farm', { job: 5, repository: 'x', team: 'x' }) },
    ['{ job: deploy }', '{ job: 5 }'],
  ],
  [
    'another issuer',
    { rules: ['builds'], issuer: 'own', what: /^scope read/, witness: of('own', { env: '', ref: 'main' }) },
    ['issuer: farm\n    match: { ref', 'issuer: [farm, own]\n    match: { ref'],
  ],
  [
    'an event named literally',
    {
      rules: ['pushes'],
      what: /^scope write/,
      witness: of('github', {
        repository_owner_id: '1',
        repository_visibility: 'private',
        repository_id: '7',
        event_name: 'fork',
      }),
    },
    ['[push]', '[push, fork]'],
  ],
  [
    'a looser pin',
    {
      rules: ['pushes'],
      what: /^scope write/,
      witness: of('github', {
        repository_owner_id: '1',
        repository_visibility: 'public',
        repository_id: '7',
        event_name: 'push',
      }),
    },
    ['repository_visibility: private', 'repository_visibility: [private, public]'],
  ],
  ['a rule out of shadow', { rules: ['trial'], what: /^scope admin/ }, ['    mode: shadow\n', '']],
  [
    'a later end',
    {
      rules: ['ours'],
      what: /^scope write/,
      witness: { ...of('own', { ref: 'main' }), at: Date.parse('2027-02-01') / 1_000 },
    },
    ['2027-01-31', '2027-02-28'],
  ],
  ['no end', { rules: ['ours'], what: /^scope write/ }, ['    expires: 2027-01-31\n', '']],
  [
    'one more client',
    {
      rules: ['groups'],
      what: /^it is granted/,
      witness: { ...of('farm', { groups: ['buyers'], login: '' }), client_id: 'web' },
    },
    ['clients: [app]', 'clients: [app, web]'],
  ],
  [
    'any client',
    { rules: ['groups'], what: /^it is granted/, witness: of('farm', { groups: ['buyers'], login: '' }) },
    ['    clients: [app]\n', ''],
  ],
  [
    'one more scope',
    { rules: ['builds'], what: /^scope admin is granted, which was not$/ },
    ['scopes: [read] }]\n  globs', 'scopes: [read, admin] }]\n  globs'],
  ],
  [
    'a longer lifetime, told once',
    { client: 'nightly', what: /^it lasts 1h instead of 15m$/ },
    ['write, admin], lifetime: 15m', 'write, admin], lifetime: 1h'],
  ],
  [
    'what no longer ends with the subject token',
    { rules: ['globs'], what: /^it no longer ends with the subject token$/ },
    [
      'kind: job }\n    grant: [{ target: plain, expires_with_subject: true }]',
      'kind: job }\n    grant: [{ target: plain }]',
    ],
  ],
  [
    'no policy',
    { rules: ['sessions'], target: 'narrow', what: /^no policy narrows the session any more$/ },
    [', session_policy: { Version: "2012-10-17", Statement: [] } }', ' }'],
  ],
  [
    'two rules that contradicted each other, of which one is gone',
    {
      rules: ['one'],
      what: /^it is granted, which it was not: one and two contradicted each other$/,
      witness: of('farm', { twin: '1', other: '2' }),
    },
    [
      '  two:\n    issuer: farm\n    match: { twin: ["1", "3"], other: "2" }\n    grant: [{ target: twins, expires_with_subject: true }]\n',
      '',
    ],
  ],
  [
    'another audience',
    { issuer: 'farm', what: /^tokens for https:\/\/b\.test are accepted/ },
    ['[https://a.test]', '[https://a.test, https://b.test]'],
  ],
  [
    'another algorithm',
    { issuer: 'farm', what: /^tokens may be signed with ES256$/ },
    ['replay: once_per_target', 'replay: once_per_target\n    algorithms: [RS256, ES256]'],
  ],
  [
    'a looser replay mode',
    { issuer: 'farm', what: /^tokens may be traded any number of times/ },
    ['replay: once_per_target', 'replay: off'],
  ],
  [
    'more tolerance',
    { issuer: 'farm', what: /^its clock may differ by 2m instead of 1m$/ },
    ['replay: once_per_target', 'replay: once_per_target\n    clock_tolerance: 2m'],
  ],
  [
    'longer tokens',
    { issuer: 'farm', what: /^its tokens may last 2h instead of 1h$/ },
    ['replay: once_per_target', 'replay: once_per_target\n    max_token_lifetime: 2h'],
  ],
  ['another key', { issuer: 'own', what: /^1 more key/ }, [key('B', 'two'), key('C', 'two')]],
  [
    'an issuer under another name',
    { rules: ['ours'], what: /the issuer was called own/ },
    ['  own:', '  other:'],
    ['issuer: own', 'issuer: other'],
  ],
  [
    'another issuer under the same name',
    { rules: ['ours'], what: /^scope write/ },
    ['https://own.test', 'https://other.test'],
  ],
  [
    'a new client',
    { client: 'new', what: /^this client may exchange tokens/ },
    ['  web: {', '  new: { type: public }\n  web: {'],
  ],
  [
    'a client that may exchange tokens',
    { client: 'nightly', what: /^this client may exchange tokens/ },
    ['[client_credentials]', '[client_credentials, token-exchange]'],
  ],
  [
    'a client that need not prove itself',
    { client: 'pods', what: /^whoever knows its name is this client/ },
    ['auth: { federated: { issuer: farm, match: { pod: "1" } } }', 'type: public'],
  ],
  [
    'another secret',
    { client: 'nightly', what: /^another secret/ },
    [
      '[LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ]',
      '[LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ, MPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ]',
    ],
  ],
  [
    'another way to send it',
    { client: 'nightly', what: /^its secret may also come by post$/ },
    ['YpOLmCQ] }', 'YpOLmCQ], methods: [basic, post] }'],
  ],
  [
    'another kind of proof',
    { client: 'pods', what: /by private_key_jwt instead of federated/ },
    ['federated: { issuer: farm, match: { pod: "1" } }', 'private_key_jwt: { jwks: { uri: "https://pods.test" } }'],
  ],
  [
    'another algorithm of a client',
    { client: 'orders', what: /^tokens may be signed with RS256$/ },
    ['algorithms: [ES256]', 'algorithms: [ES256, RS256]'],
  ],
  [
    'other workloads of a federated client',
    { client: 'pods', what: /^other workloads are this client$/, witness: of('farm', { pod: '2' }) },
    ['{ pod: "1" }', '{ pod: ["1", "2"] }'],
  ],
  [
    'a client that may look tokens up',
    { client: 'orders', target: 'plain', what: /^this client may look up its tokens/ },
    ['introspect: [api]', 'introspect: [api, plain]'],
  ],
  [
    'more for a client itself',
    { rules: ['nightly-batch'], client: 'nightly', what: /^scope write is granted to the client itself/ },
    [
      'client: nightly\n    grant: [{ target: api, scopes: [read]',
      'client: nightly\n    grant: [{ target: api, scopes: [read, write]',
    ],
  ],
]

function of(issuer: string, claims: Record<string, unknown>) {
  return {
    issuer,
    iss: { farm: 'https://ci.test', own: 'https://own.test', github: 'https://token.actions.githubusercontent.com' }[
      issuer
    ]!,
    claims,
  }
}

for (const [title, { what, ...expected }, ...edits] of wider)
  test(`new access: ${title}`, async () => {
    const findings = await compare(...edits)
    const found = findings.find((finding) => what.test(finding.what))
    assert.ok(found, JSON.stringify(findings))
    assert.deepEqual({ ...found, ...expected, certain: true }, found)
    // One change is one finding, but for what every issuer gets.
    assert.ok(findings.length <= 4, JSON.stringify(findings))
  })

const unsure: readonly (readonly [string, RegExp, ...Edit[]])[] = [
  [
    'other CEL',
    /^it may be granted where it was not: what CEL makes of claims is not compared$/,
    ['claims.level > 3', 'claims.level > 4'],
  ],
  [
    'other claims added',
    /^other claims are added, which cannot be compared$/,
    ['{ who: claims.login }', '{ who: claims.login, name: claims.name }'],
  ],
  ['other claims added by CEL', /cannot be compared|is not compared/, ['claims.level + 1', 'claims.level + 2']],
  [
    'other tags',
    /^other session tags, which cannot be compared$/,
    ['team: claims.team', 'team: claims.team, job: claims.job'],
  ],
  ['other transitive tags', /^other transitive tags/, ['[repository]', '[repository, team]']],
  ['another session policy', /^other session policies/, ['[{ Effect: Allow }]', '[{ Effect: Deny }]']],
  ['another managed policy', /^other session policies/, ['policy/B', 'policy/C']],
  ['another external_id', /^another external_id/, ['external_id: acme', 'external_id: other']],
  ['another region', /^another region/, ['region: eu-west-1', 'region: us-east-1']],
  [
    'keys from elsewhere',
    /^its keys come from elsewhere/,
    ['replay: once_per_target', 'replay: once_per_target\n    jwks: { uri: "https://ci.test/keys" }'],
  ],
  [
    'keys of a client from elsewhere',
    /^its keys come from elsewhere/,
    ['https://orders.test/jwks', 'https://orders.test/keys'],
  ],
  [
    'another subject',
    /^its subjects are made of other claims/,
    ['replay: once_per_target', 'replay: once_per_target\n    subject: claims.name'],
  ],
  [
    'another name of ours',
    /^what is issued says iss https:\/\/other\.test/,
    ['https://broker.test', 'https://other.test'],
  ],
]

for (const [title, what, ...edits] of unsure)
  test(`perhaps new access: ${title}`, async () => {
    const findings = await compare(...edits)
    const found = findings.find((finding) => what.test(finding.what))
    assert.ok(found, JSON.stringify(findings))
    assert.equal(found.certain, false)
  })

test('a when that is gone is new access, with claims for which it is not true', async () => {
  const edited = base.replace('    when: claims.level > 3\n', '').replace(', claims: { n: "claims.level + 1" }', '')
  const before = base.replace(', claims: { n: "claims.level + 1" }', '')
  const [found, ...others] = await between(before, edited)
  assert.deepEqual([found?.certain, found?.witness?.claims, others], [true, { kind: 'reviewed' }, []])
})

test('a key without a name becomes usable when its neighbour goes', async () => {
  const before = base.replace(', kid: one', '').replace(', kid: two', '')
  const [found] = await between(before, before.replace(`, ${key('B')}`, ''))
  assert.match(found!.what, /tokens that name none of them may be believed now/)
})

test('one change that shows in many rules is one finding', async () => {
  const findings = await compare(['write, admin], lifetime: 15m', 'write, admin], lifetime: 1h'])
  assert.deepEqual(
    findings.map(({ rules, issuer, client, target }) => [rules, issuer ?? client, target]),
    [
      [['nightly-batch'], 'nightly', 'api'],
      [['builds'], 'farm', 'api'],
      [['ours'], 'own', 'api'],
      [['pushes'], 'github', 'api'],
    ],
  )
})

test('each scope that is new is told, also where the simplest token had it before', async () => {
  const rule = (name: string, z: string, scopes: string) =>
    `  ${name}: { issuer: farm, match: { z: ${z} }, grant: [{ target: api, scopes: ${scopes} }] }\n`
  const before = base.replace('  tags:', () => `${rule('old', 'a', '[write]')}  tags:`)
  const after = before.replace('  tags:', () => `${rule('more', '[a, b]', '[read, write]')}  tags:`)
  assert.deepEqual(
    (await between(before, after)).map(({ what, witness }) => [what, witness?.claims]),
    [
      ['scope read is granted, which was not', { z: 'a' }],
      ['scope read write is granted, which was not', { z: 'b' }],
    ],
  )
})

test('what nobody can get is no access: a condition below a value', async () => {
  const impossible =
    '  never: { issuer: farm, match: { a: "1", /a/b: "2" }, grant: [{ target: api, scopes: [admin] }] }\n  tags:'
  assert.deepEqual(await compare(['  tags:', impossible]), [])
})

test('what would take too long to tell apart is said to be undecided, and is no reason to wait', async () => {
  // Nine pigeons have no eight holes, which is known to be hard to find out: the old rules leave nothing.
  const holes = Array.from({ length: 8 }, (_, hole) => hole)
  const pigeons = [...holes, 8]
  const sits = (pigeon: number, hole: number) => `p${pigeon}-${hole}`
  const rule = (name: string, match: Record<string, unknown>) =>
    `  ${name}: { issuer: farm, match: ${JSON.stringify(match)}, grant: [{ target: plain, expires_with_subject: true }] }\n`
  const matching = (names: readonly string[], value: unknown) => Object.fromEntries(names.map((name) => [name, value]))
  const old = [
    ...pigeons.map((pigeon) =>
      rule(
        `out${pigeon}`,
        matching(
          holes.map((hole) => sits(pigeon, hole)),
          false,
        ),
      ),
    ),
    ...holes.flatMap((hole) =>
      pigeons.flatMap((one) =>
        pigeons
          .filter((other) => other > one)
          .map((other) => rule(`two${hole}-${one}-${other}`, matching([sits(one, hole), sits(other, hole)], true))),
      ),
    ),
  ].join('')
  const all = pigeons.flatMap((pigeon) => holes.map((hole) => sits(pigeon, hole)))
  const before = base.replace('  tags:', () => `${old}  tags:`)
  const findings = await between(
    before,
    before.replace('  tags:', () => `${rule('wide', matching(all, [true, false]))}  tags:`),
  )
  assert.deepEqual(findings, [
    {
      rules: ['wide'],
      issuer: 'farm',
      target: 'plain',
      what: 'it could not be decided, because too many conditions overlap',
      certain: false,
    },
  ])
})
