import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../lib/config/compile.ts'
import { ConfigurationError, formatFinding } from '../../lib/config/findings.ts'

const now = Date.parse('2026-11-26T12:00:00Z') / 1000

const top = `version: 1
issuer: https://broker.test
issuers:
  github: { preset: github-actions, require: { repository_owner_id: "1234567" } }
  gitlab: { preset: gitlab, require: { namespace_id: "72" } }
  circle: { preset: circleci, issuer: https://oidc.circleci.com/org/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9 }
  cluster: { preset: kubernetes, issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/ABC }
  farm: { issuer: https://ci.test }
targets:
  api: { audience: https://api.test, scopes: [read, write] }
  plain: { audience: https://plain.test }
  deployer: { role: arn:aws:iam::123456789012:role/deployer }
clients:
  app: { type: public }
  batch: { auth: { client_secret: { sha256: [LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ] } }, grants: [client_credentials] }
  pod: { auth: { federated: { issuer: github, match: { repository_id: "1" } } } }
rules:
`

/** The findings about these rules, without their file. `§` in a rule marks where the first should point. */
function doubts(rules: string, change: (text: string) => string = (text) => text): string[] {
  const text = change(top + rules)
  const marked = text.split('\n').findIndex((line) => line.includes('§'))
  const place = marked === -1 ? undefined : `${marked + 1}:${text.split('\n')[marked]!.indexOf('§') + 1}`
  const found = findingsIn(text.replace('§', ''))
  if (place !== undefined) assert.ok(found[0]?.startsWith(`broker.yaml:${place} `), `${found[0]}, not at ${place}`)
  return found.map((line) => line.replace(/^broker\.yaml:\d+:\d+ /, ''))
}

function findingsIn(text: string): string[] {
  try {
    return compile(text, 'broker.yaml', { now }).findings.map(formatFinding)
  } catch (error) {
    if (error instanceof ConfigurationError) return error.findings.map(formatFinding)
    throw error
  }
}

const plain = 'grant: [{ target: plain }]'
const role = 'grant: [{ target: deployer }]'

for (const [title, rule, expected] of [
  // unknown-claim
  [
    'a misspelt claim',
    `{ issuer: github, match: { repositry_id: §"1" }, ${plain} }`,
    /^warning unknown-claim no token of this issuer has a claim repositry_id, as far as we know \(did you mean "repository_id"\?\)/,
  ],
  [
    'a misspelt alias',
    `{ issuer: cluster, match: { namespce: §web, service_account: x }, ${plain} }`,
    /unknown-claim .*\(did you mean "namespace"\?\)/,
  ],
  [
    'a claim of another kind',
    `{ issuer: github, match: { project_id: §"1" }, ${plain} }`,
    /unknown-claim .* project_id/,
  ],
  [
    'a misspelt claim in when',
    `{ issuer: github, when: §claims.ref == "x" && claims.sah != "", ${plain} }`,
    /unknown-claim .* a claim sah,/,
  ],
  [
    'a misspelt claim that is added',
    `{ issuer: github, match: { ref: x }, grant: [{ target: plain, claims: { commit: §claims.sah } }] }`,
    /unknown-claim .* sah/,
  ],
  [
    'a misspelt claim in a tag',
    `{ issuer: github, match: { ref: x }, grant: [{ target: deployer, session_tags: { c: §'claims["sah"]' } }] }`,
    /unknown-claim .* sah/,
  ],
  [
    'a JSON Pointer to nothing',
    `{ issuer: cluster, match: { /kubernetes/namespace: §web }, ${plain} }`,
    /unknown-claim .* a claim kubernetes,/,
  ],
  // name-not-id
  [
    'a name of a repository',
    `{ issuer: github, match: { repository: §acme/web }, ${plain} }`,
    /^warning name-not-id repository is a name.*match repository_id$/,
  ],
  ['a list of names', `{ issuer: github, match: { repository: §[acme/web, acme/api] }, ${plain} }`, /name-not-id/],
  ['a pattern of names', `{ issuer: github, match: { repository: §{ glob: acme/* } }, ${plain} }`, /name-not-id/],
  [
    'a name in GitLab',
    `{ issuer: gitlab, match: { project_path: §acme/web }, ${plain} }`,
    /name-not-id project_path .*project_id$/,
  ],
  // public-event-role
  [
    'a pull request that opens a role',
    `{ issuer: github, match: { repository_id: "1", event_name: §pull_request }, ${role} }`,
    /^warning public-event-role who causes event_name pull_request need not be anybody you trust, and deployer is then theirs$/,
  ],
  [
    'one of several events',
    `{ issuer: github, match: { repository_id: "1", event_name: §[push, issues] }, ${role} }`,
    /public-event-role .*event_name issues/,
  ],
  [
    'a shell in a job',
    `{ issuer: circle, match: { project_id: "1", ssh_rerun: §[true, false] }, ${role} }`,
    /public-event-role .*ssh_rerun true/,
  ],
] as const)
  test(`${title} is doubtful`, () => {
    const found = doubts(`  a: ${rule}\n`)
    assert.match(String(found[0]), expected)
    assert.equal(found.length, 1)
  })

for (const [title, rule] of [
  ['a registered claim', `{ issuer: github, match: { jti: x, ref: y }, ${plain} }`],
  ['a claim of repository properties', `{ issuer: github, match: { repo_property_team: web }, ${plain} }`],
  ['any claim of an issuer without a preset', `{ issuer: farm, match: { repositry_id: x }, ${plain} }`],
  ['any claim where one issuer has no preset', `{ issuer: [github, farm], match: { team: x }, ${plain} }`],
  ['a claim that one of two kinds has', `{ issuer: [github, gitlab], match: { project_id: "1" }, ${plain} }`],
  ['a word in a text of CEL', `{ issuer: github, when: claims.ref == "claimsx", ${plain} }`],
  ['a name beside its id', `{ issuer: github, match: { repository: acme/web, repository_id: "1" }, ${plain} }`],
  ['a name with its id', `{ issuer: github, match: { repository: { name: acme/web, id: "1" } }, ${plain} }`],
  ['a name that is excluded', `{ issuer: github, match: { ref: x, repository: { not: acme/web } }, ${plain} }`],
  ['a name within one tenant', `{ issuer: cluster, match: { namespace: web, service_account: deployer }, ${plain} }`],
  [
    'a pull request that opens no role',
    `{ issuer: github, match: { repository_id: "1", event_name: pull_request }, ${plain} }`,
  ],
  ['an event that needs write access', `{ issuer: github, match: { repository_id: "1", event_name: push }, ${role} }`],
] as const)
  test(`${title} is not doubtful`, () => {
    assert.deepEqual(doubts(`  a: ${rule}\n`), [])
  })

test('the require of an issuer and a federated client are looked at too', () => {
  assert.match(
    String(
      doubts('  {}\n', (text) =>
        text.replace('{ repository_owner_id: "1234567" }', '{ repository_owner_id: "1234567", repository: §acme/web }'),
      )[0],
    ),
    /name-not-id/,
  )
  assert.match(
    String(
      doubts('  {}\n', (text) =>
        text.replace('{ repository_owner_id: "1234567" }', '{ repository_owner_id: "1234567", reff: §x }'),
      )[0],
    ),
    /unknown-claim .*did you mean "ref"/,
  )
  assert.match(
    String(
      doubts('  {}\n', (text) => text.replace('match: { repository_id: "1" }', 'match: { repository: §acme/web }'))[0],
    ),
    /name-not-id/,
  )
})

const read = 'grant: [{ target: api, scopes: [read] }]'
const both = 'grant: [{ target: api, scopes: [read, write] }]'
const withSha = 'grant: [{ target: api, scopes: [read], claims: { commit: claims.sha } }]'

for (const [title, rules, expected] of [
  // never-matches
  [
    'two conditions on one claim',
    `a: §{ issuer: farm, match: { ref: x, /ref: y }, ${plain} }`,
    /^warning never-matches no token can meet all/,
  ],
  [
    'a pattern and a value outside it',
    `a: §{ issuer: farm, match: { ref: { glob: refs/* }, /ref: main }, ${plain} }`,
    /never-matches/,
  ],
  [
    'two patterns that nothing fits',
    `a: §{ issuer: farm, match: { ref: { glob: a*b }, /ref: { glob: a*c } }, ${plain} }`,
    /never-matches/,
  ],
  [
    'a value that is excluded',
    `a: §{ issuer: farm, match: { ref: x, /ref: { not: [x, y] } }, ${plain} }`,
    /never-matches/,
  ],
  [
    'a value and a list',
    `a: §{ issuer: farm, match: { groups: x, /groups: { contains: x } }, ${plain} }`,
    /never-matches/,
  ],
  ['a claim and a part of it', `a: §{ issuer: farm, match: { ref: x, /ref/name: y }, ${plain} }`, /never-matches/],
  [
    "another tenant than the issuer's",
    `a: §{ issuer: github, match: { repository_owner_id: "7", ref: x }, ${plain} }`,
    /never-matches/,
  ],
  [
    'an event that is refused, by a pattern',
    `a: §{ issuer: github, match: { ref: x, event_name: { glob: gollum } }, ${plain} }`,
    /never-matches/,
  ],
  [
    'a shadow rule that nothing meets',
    `a: §{ issuer: farm, mode: shadow, match: { ref: x, /ref: y }, ${plain} }`,
    /never-matches/,
  ],
  [
    'clients that may not trade tokens',
    `a: { issuer: farm, clients: §[batch], match: { ref: x }, ${plain} }`,
    /never-matches none of these clients may trade tokens/,
  ],
  // shadowed-rule
  [
    'a rule within a wider one',
    `a: { issuer: farm, match: { ref: x }, ${plain} }\n  b: §{ issuer: farm, match: { ref: x, sub: y }, ${plain} }`,
    /^warning shadowed-rule a grants all of this to everybody whom it admits/,
  ],
  [
    'a value of a list',
    `a: { issuer: farm, match: { ref: [x, y] }, ${plain} }\n  b: §{ issuer: farm, match: { ref: x }, ${plain} }`,
    /shadowed-rule a/,
  ],
  [
    'a value that a pattern fits',
    `z: { issuer: farm, match: { ref: { glob: refs/* } }, ${plain} }\n  b: §{ issuer: farm, match: { ref: refs/x }, ${plain} }`,
    /shadowed-rule z/,
  ],
  [
    'a pattern within a pattern',
    `a: { issuer: farm, match: { ref: { glob: r*/* } }, ${plain} }\n  b: §{ issuer: farm, match: { ref: { glob: refs/v* } }, ${plain} }`,
    /shadowed-rule a/,
  ],
  [
    'fewer scopes',
    `a: { issuer: farm, match: { ref: x }, ${both} }\n  b: §{ issuer: farm, match: { ref: x }, ${read} }`,
    /shadowed-rule a/,
  ],
  [
    'one of two issuers',
    `a: { issuer: [farm, gitlab], match: { ref: x }, ${plain} }\n  b: §{ issuer: farm, match: { ref: x }, ${plain} }`,
    /shadowed-rule a/,
  ],
  [
    'two that are equal: the later',
    `a: { issuer: farm, match: { ref: x }, ${plain} }\n  b: §{ issuer: farm, match: { ref: x }, ${plain} }`,
    /shadowed-rule a/,
  ],
  [
    'one that ends first',
    `a: { issuer: farm, match: { ref: x }, ${plain} }\n  b: §{ issuer: farm, expires: 2027-01-31, match: { ref: x }, ${plain} }`,
    /shadowed-rule a/,
  ],
  [
    'one for some clients',
    `a: { issuer: farm, match: { ref: x }, ${plain} }\n  b: §{ issuer: farm, clients: [app], match: { ref: x }, ${plain} }`,
    /shadowed-rule a/,
  ],
  [
    'one with an expression more',
    `a: { issuer: farm, match: { ref: x }, ${plain} }\n  b: §{ issuer: farm, match: { ref: x }, when: claims.sub != "y", ${plain} }`,
    /shadowed-rule a/,
  ],
  [
    'one issuer more: the other way round',
    `a: §{ issuer: farm, match: { ref: x }, ${plain} }\n  b: { issuer: [farm, gitlab], match: { ref: x }, ${plain} }`,
    /shadowed-rule b/,
  ],
  [
    'more scopes: the other way round',
    `a: §{ issuer: farm, match: { ref: x }, ${read} }\n  b: { issuer: farm, match: { ref: x }, ${both} }`,
    /shadowed-rule b/,
  ],
  [
    'a wider rule that ends first: the other way round',
    `a: §{ issuer: farm, expires: 2027-01-31, match: { ref: x }, ${plain} }\n  b: { issuer: farm, match: { ref: x }, ${plain} }`,
    /shadowed-rule b/,
  ],
  [
    'a wider rule with an expression: the other way round',
    `a: §{ issuer: farm, match: { ref: x }, when: claims.sub != "y", ${plain} }\n  b: { issuer: farm, match: { ref: x }, ${plain} }`,
    /shadowed-rule b/,
  ],
  // ambiguous-rules
  [
    'a rule whose every token another takes too',
    `a: { issuer: farm, match: { ref: x }, ${read} }\n  b: §{ issuer: farm, match: { ref: x, sub: y }, ${withSha} }`,
    /^error ambiguous-rules whoever matches this matches a too, which differs in the claims, tags or policies of api: nobody gets it$/,
  ],
  // overlapping-rules
  [
    'rules that some tokens match both',
    `a: { issuer: farm, match: { ref: x }, ${read} }\n  b: §{ issuer: farm, match: { sub: y }, ${withSha} }`,
    /^warning overlapping-rules a token with \{"sub":"y","ref":"x"\}, for example, can match a too, which differs in the claims, tags or policies of api/,
  ],
  [
    'rules that tokens of one client match both',
    `a: { issuer: farm, match: { ref: x }, clients: [app], ${read} }\n  b: §{ issuer: farm, match: { sub: y }, ${withSha} }`,
    /a token from client app with \{"sub":"y","ref":"x"\}, for example, can match a too/,
  ],
  [
    'tags that differ',
    `a: { issuer: farm, match: { ref: x }, grant: [{ target: deployer, session_tags: { a: claims.a } }] }\n  b: §{ issuer: farm, match: { sub: y }, ${role} }`,
    /overlapping-rules .* of deployer/,
  ],
  [
    'patterns that share a text',
    `a: { issuer: farm, match: { ref: { glob: a*c } }, ${read} }\n  b: §{ issuer: farm, match: { ref: { glob: ab* } }, ${withSha} }`,
    /overlapping-rules .*"ref":"abc"/,
  ],
] as const)
  test(`${title}: a finding`, () => {
    const found = doubts(`  ${rules}\n`)
    assert.match(String(found[0]), expected)
    assert.equal(found.length, 1, found.join('\n'))
  })

for (const [title, rules] of [
  [
    'another target',
    `a: { issuer: farm, match: { ref: x }, ${plain} }\n  b: { issuer: farm, match: { ref: x }, ${read} }`,
  ],
  [
    'another issuer',
    `a: { issuer: gitlab, match: { ref: x }, ${plain} }\n  b: { issuer: farm, match: { ref: x }, ${plain} }`,
  ],
  [
    'another value',
    `a: { issuer: farm, match: { ref: x }, ${plain} }\n  b: { issuer: farm, match: { ref: y }, ${plain} }`,
  ],
  [
    'a wider rule in shadow mode',
    `a: { issuer: farm, mode: shadow, match: { ref: x }, ${plain} }\n  b: { issuer: farm, match: { ref: x }, ${plain} }`,
  ],
  [
    'half by one rule and half by another',
    `a: { issuer: farm, match: { ref: x }, ${plain} }\n  b: { issuer: farm, match: { ref: z }, ${plain} }\n  c: { issuer: farm, match: { ref: [x, z], sub: y }, ${plain} }`,
  ],
  [
    'two that differ and no token matches both',
    `a: { issuer: farm, match: { ref: x }, ${read} }\n  b: { issuer: farm, match: { ref: y, sub: z }, ${withSha} }`,
  ],
  [
    'two expressions of which nobody knows',
    `a: { issuer: farm, when: claims.ref == "x" + claims.a, ${read} }\n  b: { issuer: farm, when: claims.ref == "y" + claims.a, ${withSha} }`,
  ],
  [
    'two that differ, for different clients',
    `a: { issuer: farm, match: { ref: x }, clients: [app], ${read} }\n  b: { issuer: farm, match: { ref: x }, clients: [pod], ${withSha} }`,
  ],
  ['a rule of a client', `a: { client: batch, ${read} }\n  b: { issuer: farm, match: { ref: x }, ${withSha} }`],
] as const)
  test(`${title}: nothing is doubtful`, () => {
    const found = doubts(`  ${rules}\n`)
    assert.deepEqual(found, [])
  })

test('a wider rule for two targets is wider only where it grants all', () => {
  const rules = `  a: { issuer: farm, match: { ref: x }, ${plain} }
  b: { issuer: farm, match: { ref: x, sub: y }, grant: [{ target: plain }, { target: api, scopes: [read] }] }
`
  assert.deepEqual(doubts(rules), [])
})

const notCompared =
  'warning overlapping-rules too many of these rules are too much alike to be compared with each other'

test('rules without end that are much alike are not compared, and it is said', () => {
  const rules = Array.from(
    { length: 200 },
    (_, i) => `  r${i}: { issuer: farm, match: { ref: { glob: "a*b${i}*" } }, ${plain} }\n`,
  )
  assert.deepEqual(doubts(rules.join('')), [notCompared])
  assert.deepEqual(doubts(rules.slice(20, 30).join('')), [])
})

test('patterns that may share a text are compared as long as they are not too many', () => {
  const rules = (count: number) =>
    Array.from(
      { length: count },
      (_, i) =>
        `  r${i}: { issuer: farm, match: { ref: { glob: "refs/*-t${i}-*" } }, grant: [{ target: plain, claims: { c: claims.c${i} } }] }\n`,
    ).join('')
  assert.equal(doubts(rules(10)).filter((line) => line.includes('overlapping-rules a token with')).length, 9)
  assert.deepEqual(doubts(rules(40)), [notCompared])
})
