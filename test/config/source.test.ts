import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../lib/config/compile.ts'
import { ConfigurationError, formatFinding } from '../../lib/config/findings.ts'
import { FileError } from '../../lib/config/file-error.ts'

const now = Date.parse('2026-11-26T12:00:00Z') / 1000

const top = `version: 1
issuer: https://broker.test
`
const issuers = `issuers:
  farm: { issuer: https://ci.test }
targets:
  api: { audience: https://api.test, scopes: [read, write] }
`
const grant = 'grant: [{ target: api, scopes: [read] }]'
const whole = `${top}${issuers}rules:
  web: { issuer: farm, match: { sub: web }, ${grant} }
`

/** Compiles broker.yaml beside other files. */
function compiled(text: string, files: Readonly<Record<string, string>> = {}) {
  return compile(text, 'broker.yaml', {
    now,
    include(pattern) {
      const found = Object.entries(files).filter(([file]) => file.startsWith(pattern.replace('*.yaml', '')))
      if (found.length === 0) throw new FileError(`${pattern} is no file`)
      return found.map(([file, text]) => ({ file, text }))
    },
  })
}

function findingsIn(text: string, files: Readonly<Record<string, string>> = {}): string[] {
  try {
    return compiled(text, files).findings.map(formatFinding)
  } catch (error) {
    if (error instanceof ConfigurationError) return error.findings.map(formatFinding)
    throw error
  }
}

// include

test('what is included is compiled as if it stood in broker.yaml itself', () => {
  const split = compiled(`${top}include: [parts/*.yaml]\n`, {
    'parts/issuers.yaml': issuers,
    'parts/rules.yaml': `rules:\n  web: { issuer: farm, match: { sub: web }, ${grant} }\n`,
  })
  assert.equal(split.configuration.hash, compiled(whole).configuration.hash)
})

test('a file that two patterns mean is included once', () => {
  const files = { 'rules/web.yaml': `rules:\n  web: { issuer: farm, match: { sub: web }, ${grant} }\n` }
  const { configuration } = compiled(`${top}${issuers}include: [rules/*.yaml, rules/web.yaml]\n`, files)
  assert.deepEqual(
    configuration.rules.map(({ name }) => name),
    ['web'],
  )
})

const second = `rules:
  # a comment
  batch: { issuer: farm, match: { sub: 012 }, ${grant} }
`
const withRules = `${whole}include: [rules/*.yaml]\n`

for (const [title, text, files, expected] of [
  [
    'a value in an included file',
    withRules,
    { 'rules/a.yaml': second },
    /^rules\/a\.yaml:3:40 error unquoted-value write "012"/,
  ],
  [
    'a key in an included file',
    withRules,
    {
      'rules/a.yaml':
        'rules:\n  batch: { isuer: farm, issuer: farm, match: { sub: x }, grant: [{ target: api, scopes: [read] }] }\n',
    },
    /^rules\/a\.yaml:2:12 error unknown-key unknown key "isuer" \(did you mean "issuer"\?\)/,
  ],
  [
    'a guardrail in an included file',
    withRules,
    { 'rules/a.yaml': `rules:\n  batch: { issuer: farm, ${grant} }\n` },
    /^rules\/a\.yaml:2:10 error rule-constrains-nothing/,
  ],
  [
    'YAML of an included file',
    withRules,
    { 'rules/a.yaml': 'rules: &x {}\n' },
    /^rules\/a\.yaml:1:11 error yaml-syntax an anchor/,
  ],
  [
    'an included file that is no map',
    withRules,
    { 'rules/a.yaml': '[]\n' },
    /^rules\/a\.yaml:1:1 error yaml-syntax .*a map/,
  ],
  [
    'a name that stands in two files',
    withRules,
    { 'rules/a.yaml': `rules:\n  web: { issuer: farm, match: { sub: x }, ${grant} }\n` },
    /^rules\/a\.yaml:2:3 error duplicate-name web stands in broker\.yaml:8 too/,
  ],
  [
    'a name that stands in two included files',
    withRules,
    {
      'rules/a.yaml': `rules:\n  x: { issuer: farm, match: { sub: x }, ${grant} }\n`,
      'rules/b.yaml': `rules:\n\n  x: { issuer: farm, match: { sub: x }, ${grant} }\n`,
    },
    /^rules\/b\.yaml:3:3 error duplicate-name x stands in rules\/a\.yaml:2 too/,
  ],
  [
    'what only broker.yaml itself may say',
    withRules,
    { 'rules/a.yaml': 'issuer: https://elsewhere.test\n' },
    /^rules\/a\.yaml:1:1 error unknown-key an included file holds issuers, targets, rules, clients: issuer stands in broker\.yaml/,
  ],
  [
    'an include within an include',
    withRules,
    { 'rules/a.yaml': 'include: [b.yaml]\n' },
    /^rules\/a\.yaml:1:1 error unknown-key/,
  ],
  [
    'a section of an included file that is no map',
    withRules,
    { 'rules/a.yaml': 'rules: [x]\n' },
    /^rules\/a\.yaml:1:1 error wrong-type/,
  ],
  ['an include of nothing', withRules, {}, /^broker\.yaml:9:11 error include rules\/\*\.yaml is no file/],
  [
    'an include that is no list',
    `${whole}include: rules/a.yaml\n`,
    {},
    /^broker\.yaml:9:10 error wrong-type include must be a list/,
  ],
  [
    'an include of a number',
    `${whole}include: [1]\n`,
    {},
    /^broker\.yaml:9:10 error wrong-type include must be a list/,
  ],
] as const)
  test(`${title}: one finding, where it stands`, () => {
    const [first, ...others] = findingsIn(text, files)
    assert.match(String(first), expected)
    assert.deepEqual(others, [])
  })

test('a text that is no file includes nothing', () => {
  assert.throws(() => compile(withRules, '<stdin>', { now }), /<stdin>:9:11 error include only a file can include/)
})

test('included files with names such as constructor add nothing that is not theirs', () => {
  assert.deepEqual(findingsIn(withRules, { 'rules/a.yaml': 'constructor: { x: 1 }\n' }).length, 1)
})

// each

const rows = `${top}${issuers}rules:
  deploy:
    issuer: farm
    owner: $owner
    match: { sub: $sub, ref: [main, $branch] }
    grant: [{ target: api, scopes: $scopes }]
    each:
      pay: { sub: pay, owner: "#pay", branch: next, scopes: [read] }
      web: { sub: web, owner: "#web", branch: v2, scopes: [read, write] }
`
const writtenOut = `${top}${issuers}rules:
  pay: { issuer: farm, owner: "#pay", match: { sub: pay, ref: [main, next] }, grant: [{ target: api, scopes: [read] }] }
  web: { issuer: farm, owner: "#web", match: { sub: web, ref: [main, v2] }, grant: [{ target: api, scopes: [read, write] }] }
`

test('each: the rule stands once for each row, with its values', () => {
  const expected = compiled(writtenOut).configuration.rules.map((rule) => ({ ...rule, name: `deploy/${rule.name}` }))
  assert.deepEqual(compiled(rows).configuration.rules, expected)
})

for (const [title, from, to, expected] of [
  [
    'a column that a row has not',
    'sub: web, ',
    '',
    /^broker\.yaml:15:7 error missing-key sub is missing: match\.sub is \$sub/,
  ],
  [
    'a column that the rule has not',
    'sub: web,',
    'sub: web, more: 1,',
    /^broker\.yaml:15:24 error unknown-key nothing in deploy is \$more/,
  ],
  [
    'a value of a row of the wrong type',
    'scopes: [read] }',
    'scopes: read }',
    /^broker\.yaml:14:61 error wrong-type scopes must be a list/,
  ],
  ['an unquoted value of a row', 'sub: web', 'sub: 012', /^broker\.yaml:15:19 error unquoted-value write "012"/],
  [
    'an unknown value in a list of a row',
    'v2, scopes: [read, write]',
    'v2, scopes: [read, wipe]',
    /^broker\.yaml:15:59 error scopes-required api has no scope wipe/,
  ],
  ['a row with a bad name', 'pay: { sub', 'Pay: { sub', /^broker\.yaml:14:7 error invalid-name a name is 1 to 63/],
  [
    'a row that is no map beside one that is',
    '      web: { sub',
    '      web: 7\n#     web: { sub',
    /^broker\.yaml:13:5 error wrong-type each must be a map of maps/,
  ],
  [
    'each that is a list',
    /each:[^]*$/,
    'each: [a]\n',
    /^broker\.yaml:13:11 error wrong-type each must be a map of maps/,
  ],
  ['each without rows', /each:[^]*$/, 'each: {}\n', /^broker\.yaml:13:11 error wrong-type each must be a map of maps/],
  [
    'a row that is no map',
    /each:[^]*$/,
    'each: { a: 1 }\n',
    /^broker\.yaml:13:11 error wrong-type each must be a map of maps/,
  ],
  [
    'a name as if each had made it',
    'deploy:',
    'deploy/pay:',
    /^broker\.yaml:8:3 error invalid-name a \/ is only in names that each makes/,
  ],
  // Of the template, and so of every row: said once.
  [
    'a mistake of the rule itself',
    'target: api',
    'target: apy',
    /^broker\.yaml:12:23 error unknown-reference there is no target named apy/,
  ],
  [
    'a column in a part of a value',
    'sub: $sub',
    'sub: x-$sub',
    /^broker\.yaml:14:14 error unknown-key nothing in deploy is \$sub/,
  ],
] as const)
  test(`each: ${title}: a finding where it stands`, () => {
    const findings = findingsIn(rows.replace(from, to))
    assert.match(String(findings[0]), expected)
    assert.equal(new Set(findings).size, findings.length)
  })

test('each: a mistake of the rule is one finding, however many rows it has', () => {
  assert.equal(findingsIn(rows.replace('target: api', 'target: apy')).length, 1)
})

test('a $ is nothing special in a rule without each', () => {
  const { configuration } = compiled(whole.replace('sub: web', 'sub: $web'))
  assert.deepEqual(configuration.rules[0]?.match[0]?.operator, { equals: ['$web'] })
})

for (const value of ['$sub-x', '$Sub', '$', '$$sub', '${sub}'])
  test(`each: ${value} is no column, and is not taken for text either`, () => {
    const findings = findingsIn(rows.replace('sub: $sub', () => `sub: "${value}"`))
    assert.ok(
      findings.some((line) => line.startsWith('broker.yaml:11:19 error invalid-value a column is $ and a name')),
      String(findings),
    )
  })

const odd = [
  'null',
  '7',
  'true',
  'text',
  '[]',
  '[a]',
  '{}',
  '{ a: null }',
  '{ a: 7 }',
  '{ a: [] }',
  '{ a: { b: null } }',
]
const oddParts = [...odd, '{ a: { each: null } }', '{ a: { instances: { x: { instances: {} } } } }']
for (const value of oddParts)
  test(`${value} where a map is expected is answered with findings, and no stack`, () => {
    for (const key of ['issuers', 'rules', 'targets', 'clients', 'include'])
      assert.ok(findingsIn(`${top}${key}: ${value}\n`).length > 0, key)
    for (const section of ['issuers', 'rules', 'targets', 'clients'])
      assert.doesNotThrow(() => findingsIn(withRules, { 'rules/a.yaml': `${section}: ${value}\n` }), section)
    const rowsOf = (each: string) => rows.replace(/each:[^]*/, `each: ${each}\n`)
    const instancesOf = (instances: string) =>
      clusters.replace(/instances:[^]*?targets/, `instances: ${instances}\ntargets`)
    for (const text of [rowsOf(value), instancesOf(value)]) assert.ok(findingsIn(text).length > 0, text)
  })

// instances

const clusters = `${top}issuers:
  eks:
    preset: kubernetes
    max_token_lifetime: 30m
    instances:
      eu: { issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/ABC }
      us: { issuer: https://oidc.eks.us-east-1.amazonaws.com/id/DEF, max_token_lifetime: 10m }
targets:
  api: { audience: https://api.test }
rules:
  all: { issuer: eks, match: { namespace: web }, grant: [{ target: api }] }
  one: { issuer: eks/eu, match: { namespace: reports }, grant: [{ target: api }] }
`

test('instances: several issuers of a kind, of which a rule names all or some', () => {
  const { issuers, rules } = compiled(clusters).configuration
  assert.deepEqual(
    Object.values(issuers).map(({ name, preset, max_token_lifetime, issuer }) => [
      name,
      preset,
      max_token_lifetime,
      issuer,
    ]),
    [
      ['eks/eu', 'kubernetes', 1_800, 'https://oidc.eks.eu-west-1.amazonaws.com/id/ABC'],
      ['eks/us', 'kubernetes', 600, 'https://oidc.eks.us-east-1.amazonaws.com/id/DEF'],
    ],
  )
  assert.deepEqual(
    rules.map(({ name, issuers }) => [name, issuers]),
    [
      ['all', ['eks/eu', 'eks/us']],
      ['one', ['eks/eu']],
    ],
  )
})

for (const [title, from, to, expected] of [
  ['a value of one', 'lifetime: 10m', 'lifetime: 10', /^broker\.yaml:9:90 error unquoted-value/],
  ['a value of all', 'lifetime: 30m', 'lifetime: 2h', /^broker\.yaml:6:25 error replay-off-too-long/],
  [
    'instances of its own',
    'eu: { issuer',
    'eu: { instances: {}, issuer',
    /^broker\.yaml:8:13 error unknown-key instances stands beside instances/,
  ],
  [
    'a preset of its own',
    'eu: { issuer',
    'eu: { preset: kubernetes, issuer',
    /^broker\.yaml:8:13 error unknown-key preset stands beside instances/,
  ],
  [
    'an issuer that is missing',
    '{ issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/ABC }',
    '{}',
    /^broker\.yaml:8:11 error missing-key issuer is required/,
  ],
  [
    'instances that are a list',
    /instances:[^]*targets/,
    'instances: [eu]\ntargets',
    /^broker\.yaml:7:16 error wrong-type instances must be a map of maps/,
  ],
  [
    'an instance of no such name',
    'eks/eu',
    'eks/ap',
    /^broker\.yaml:14:18 error unknown-reference there is no issuer named eks\/ap/,
  ],
  [
    'a name that is too long',
    'eu: {',
    'europe-and-the-rest: {',
    /^broker\.yaml:8:7 error invalid-name an issuer name is 1 to 20/,
  ],
  [
    'the same issuer twice',
    'us-east-1.amazonaws.com/id/DEF',
    'eu-west-1.amazonaws.com/id/ABC',
    /^broker\.yaml:8:\d+ error ambiguous-name eks\/us has the same issuer URL/,
  ],
] as const)
  test(`instances: ${title}: a finding where it stands`, () => {
    assert.match(String(findingsIn(clusters.replace(from, to))[0]), expected)
  })

test('instances: a federated client names one', () => {
  const client = 'clients:\n  batch: { auth: { federated: { issuer: eks, match: { namespace: web } } } }\n'
  assert.match(
    String(findingsIn(clusters + client)[0]),
    /there is no issuer named eks: name one of its instances, eks\/eu, eks\/us/,
  )
  assert.deepEqual(findingsIn(clusters + client.replace('issuer: eks', 'issuer: eks/us')), [])
})

// names beside ids

const pinned = `${top}issuers:
  github: { preset: github-actions, require: { repository_owner: { name: acme, id: "1234567" } } }
targets:
  api: { audience: https://api.test }
rules:
  web: { issuer: github, match: { repository: [{ name: acme/web, id: "987654" }, { name: acme/app, id: "987655" }] }, grant: [{ target: api }] }
`

test('a name with its id: the id decides, and the name is in nothing that is compiled', () => {
  const { configuration } = compiled(pinned)
  assert.deepEqual(configuration.issuers.github?.require, [
    { key: 'repository_owner_id', path: ['repository_owner_id'], operator: { equals: ['1234567'] } },
  ])
  assert.deepEqual(configuration.rules[0]?.match, [
    { key: 'repository_id', path: ['repository_id'], operator: { equals: ['987654', '987655'] } },
  ])
  assert.equal(compiled(pinned.replace('acme/web', 'acme/renamed')).configuration.hash, configuration.hash)
})

test('a name with its id, by an alias', () => {
  const text = clusters.replace('namespace: web', 'service_account: { name: deployer, id: 6f0c }')
  const { rules } = compiled(text).configuration
  assert.deepEqual(rules[0]?.match, [
    {
      key: 'service_account_uid',
      path: ['kubernetes.io', 'serviceaccount', 'uid'],
      operator: { equals: ['6f0c'] },
    },
  ])
})

for (const [title, from, to, expected] of [
  ['without its id', ', id: "987655"', '', /^broker\.yaml:8:47 error missing-key add the id.*token-broker pin/],
  ['with an id that is a number', '"987655"', '987655', /^broker\.yaml:8:\d+ error (?:wrong-type|unquoted-value)/],
  [
    'of a claim that has no id beside it',
    'repository: [',
    'ref: [',
    /^broker\.yaml:8:35 error invalid-value no claim that we know of has the id of ref/,
  ],
  ['among plain values', '{ name: acme/app, id: "987655" }', 'acme/app', /^broker\.yaml:8:\d+ error wrong-type/],
] as const)
  test(`a name ${title} is refused`, () => {
    assert.match(String(findingsIn(pinned.replace(from, to))[0]), expected)
  })
