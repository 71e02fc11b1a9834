import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pinIds } from '../../lib/config/pin.ts'
import type { JsonObject } from '../../lib/protocol/strict-json.ts'

const claims = {
  iss: 'https://token.actions.githubusercontent.com',
  repository: 'acme/web',
  repository_id: '987654',
  repository_owner: 'acme',
  repository_owner_id: '1234567',
  actor: '1e3',
  actor_id: '42',
}

const top = `issuers:
  github: { preset: github-actions } # ours
  mirror: { preset: github-actions, issuer: https://token.actions.githubusercontent.com/acme }
  odd: { preset: toString, issuer: https://token.actions.githubusercontent.com }
  other: null
clients: { a: null, b: { auth: null }, c: { auth: { federated: { issuer: mirror, match: { repository: acme/web } } } } }
rules:
  odd: null
`

/** What a rule's text becomes, and what is said of it. */
function pinned(rule: string, of: JsonObject = claims) {
  const { files, places, issuers } = pinIds({ file: 'broker.yaml', text: top + rule }, of)
  assert.deepEqual(issuers, of.iss === claims.iss ? ['github'] : [])
  assert.ok(files.length <= 1)
  const text = files[0]?.text ?? top + rule
  assert.ok(text.startsWith(top))
  return { text: text.slice(top.length), outcomes: places.map(({ outcome }) => outcome) }
}

for (const [title, rule, expected] of [
  [
    'a name',
    'a: { issuer: github, match: { repository: acme/web } }',
    'a: { issuer: github, match: { repository: { name: acme/web, id: "987654" } } }',
  ],
  [
    'a name in quotes',
    'a: { issuer: github, match: { repository: "acme/web" } }',
    'a: { issuer: github, match: { repository: { name: acme/web, id: "987654" } } }',
  ],
  [
    'a name that YAML would read as a number',
    'a: { issuer: github, match: { actor: "1e3" } }',
    'a: { issuer: github, match: { actor: { name: "1e3", id: "42" } } }',
  ],
  [
    'a list of one',
    'a: { issuer: [github], match: { repository: [acme/web] } }',
    'a: { issuer: [github], match: { repository: [{ name: acme/web, id: "987654" }] } }',
  ],
  [
    'a name that waits for its id',
    'a: { issuer: github, match: { repository: { name: acme/web } } }',
    'a: { issuer: github, match: { repository: { name: acme/web, id: "987654" } } }',
  ],
  [
    'lines, with their comments',
    'a:\n    issuer: github\n    match:\n      repository: acme/web # the site\n      repository_owner:\n        name: acme\n      # the end\n      ref: refs/heads/main',
    'a:\n    issuer: github\n    match:\n      repository: { name: acme/web, id: "987654" } # the site\n      repository_owner:\n        { name: acme, id: "1234567" }\n      # the end\n      ref: refs/heads/main',
  ],
  [
    'a row',
    'a: { issuer: github, match: { repository: $r }, each: { x: { r: acme/web }, y: { r: acme/api } } }',
    'a: { issuer: github, match: { repository: $r }, each: { x: { r: { name: acme/web, id: "987654" } }, y: { r: acme/api } } }',
  ],
] as const)
  test(`${title} gets its id`, () => {
    const { text, outcomes } = pinned(`  ${rule}\n`)
    assert.equal(text, `  ${expected}\n`)
    assert.ok(outcomes.length > 0 && outcomes.every((outcome) => outcome === 'pinned'))
    // What is done is not done again.
    assert.deepEqual(pinned(text), { text, outcomes: [] })
  })

for (const [title, rule, of, outcomes] of [
  ['a rule of a preset that is none', '{ issuer: odd, match: { repository: acme/web } }', claims, []],
  ['a rule without a match', '{ issuer: github }', claims, []],
  ['a name that is no text', '{ issuer: github, match: { repository: 7 } }', { ...claims, repository: 7 }, []],
  ['another name', '{ issuer: github, match: { repository: acme/api } }', claims, []],
  ['a name in other letters', '{ issuer: github, match: { repository: Acme/Web } }', claims, []],
  ['a rule of another issuer', '{ issuer: mirror, match: { repository: acme/web } }', claims, []],
  ['a pattern', '{ issuer: github, match: { repository: { glob: acme/web } } }', claims, []],
  ['a name that is excluded', '{ issuer: github, match: { repository: { not: acme/web } } }', claims, []],
  ['a claim that has no id', '{ issuer: github, match: { ref: acme/web } }', claims, []],
  [
    'a token without the id',
    '{ issuer: github, match: { repository: acme/web } }',
    { ...claims, repository_id: undefined },
    [],
  ],
  [
    'a token whose id is a number',
    '{ issuer: github, match: { repository: acme/web } }',
    { ...claims, repository_id: 987654 },
    [],
  ],
  [
    'a token of another issuer',
    '{ issuer: github, match: { repository: acme/web } }',
    { ...claims, iss: 'https://gitlab.com' },
    [],
  ],
  ['what has its id', '{ issuer: github, match: { repository: { name: acme/web, id: "987654" } } }', claims, []],
  [
    'what has another id',
    '{ issuer: github, match: { repository: { name: acme/web, id: "1" } } }',
    claims,
    [{ otherId: '"1"' }],
  ],
  [
    'a rule of several issuers, whose ids are others',
    '{ issuer: [mirror, github], match: { repository: acme/web } }',
    claims,
    ['of_several_issuers'],
  ],
  ['a list of names', '{ issuer: github, match: { repository: [acme/web, acme/api] } }', claims, ['one_of_several']],
] as const)
  test(`${title} is left as it is`, () => {
    const { text, outcomes: found } = pinned(`  a: ${rule}\n`, of)
    assert.equal(text, `  a: ${rule}\n`)
    assert.deepEqual(found, outcomes)
  })

test('the require of an issuer, its instances and a federated client get ids, each written once', () => {
  const text = `issuers:
  eks:
    preset: kubernetes
    require: { service_account: deployer }
    instances: { eu: { issuer: https://eu.test }, us: { issuer: https://us.test } }
clients:
  batch: { auth: { federated: { issuer: eks/eu, match: { pod: worker-1 } } } }
rules: {}
`
  const kubernetes = { serviceaccount: { name: 'deployer', uid: '6f0c' }, pod: { name: 'worker-1', uid: '7a1d' } }
  const { files, places } = pinIds(
    { file: 'broker.yaml', text },
    { iss: 'https://eu.test', 'kubernetes.io': kubernetes },
  )
  assert.equal(
    files[0]?.text,
    text
      .replace('service_account: deployer', 'service_account: { name: deployer, id: "6f0c" }')
      .replace('pod: worker-1', 'pod: { name: worker-1, id: "7a1d" }'),
  )
  assert.deepEqual(
    places.map(({ where, line }) => [where, line]),
    [
      ['require of eks/eu', 4],
      ['client batch', 7],
    ],
  )
})

test('an included file is changed where the name stands, and the others are not', () => {
  const text = `include: [rules/*.yaml]\n${top}  x: { issuer: github, match: { ref: main } }\n`
  const part = 'rules:\n  a: { issuer: github, match: { repository: acme/web } }\n'
  const { files } = pinIds({ file: 'broker.yaml', text }, claims, () => [{ file: 'rules/a.yaml', text: part }])
  assert.deepEqual(files, [
    { file: 'rules/a.yaml', text: part.replace('acme/web', '{ name: acme/web, id: "987654" }') },
  ])
})

test('what is no YAML is changed in nothing', () => {
  assert.throws(() => pinIds({ file: 'broker.yaml', text: 'a: [' }, claims), /^SyntaxError: broker\.yaml:1:\d+ /)
})

test('of two issuers with one iss the kid of the token says whose names are meant', () => {
  const cluster = (kid: string) =>
    `{ preset: kubernetes, issuer: https://kubernetes.test, shares_issuer: true, jwks: { keys: [{ kid: ${kid} }] } }`
  const rule = (issuer: string) => `{ issuer: ${issuer}, match: { service_account: deployer } }`
  const text = `issuers: { eu: ${cluster('a')}, us: ${cluster('b')} }\nrules: { x: ${rule('eu')}, y: ${rule('us')} }\n`
  const kubernetes = {
    iss: 'https://kubernetes.test',
    'kubernetes.io': { serviceaccount: { name: 'deployer', uid: '6f0c' } },
  }
  const pinnedBy = (kid?: string) =>
    pinIds({ file: 'broker.yaml', text }, kubernetes, undefined, kid).places.map(({ where }) => where)
  assert.deepEqual(pinnedBy('b'), ['y'])
  assert.deepEqual(pinnedBy('c'), [])
  assert.deepEqual(pinnedBy(), [])
})
