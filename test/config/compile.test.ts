import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import * as z from 'zod'
import { compile } from '../../lib/config/compile.ts'
import { includedFiles } from '../../lib/config/included-files.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { jsonSchema } from '../../tools/generate-schema.ts'
import { brokerFile } from './broker-file.ts'

const now = Date.parse('2026-11-24T12:00:00Z') / 1000
const examples = new URL('../../examples/', import.meta.url)

function compiled(text: string): Configuration {
  return compile(text, 'broker.yaml', { now }).configuration
}

function matchOf(key: string): unknown {
  const text = brokerFile.replace('{ ref: main }', `{ ref: main, ${key} }`)
  return compiled(text).rules[0]?.match.find(({ key: claim }) => claim !== 'ref')
}

for (const name of readdirSync(examples).filter((name) => existsSync(new URL(`${name}/broker.yaml`, examples)))) {
  test(`examples/${name} compiles without a finding, and its JSON Schema agrees`, () => {
    const file = fileURLToPath(new URL(`${name}/broker.yaml`, examples))
    const text = readFileSync(file, 'utf8')
    const { findings } = compile(text, file, {
      now,
      local: ['quickstart', 'conformance-suite'].includes(name),
      include: includedFiles(file),
    })
    assert.deepEqual(findings, [])
    const schema = z.fromJSONSchema(JSON.parse(jsonSchema()) as Parameters<typeof z.fromJSONSchema>[0])
    const value = parse(text) as Record<string, unknown>
    assert.equal(schema.safeParse(value).success, true)
    assert.equal(schema.safeParse({ ...value, isuers: {} }).success, false)
  })
}

test('what is left out gets its default, and durations become seconds', () => {
  const { issuers, targets, rules, clients, receipts, signing } = compiled(brokerFile)
  assert.deepEqual(issuers.farm, {
    name: 'farm',
    issuer: 'https://ci.test',
    algorithms: ['RS256'],
    jwks: { discovery: true },
    subject: [{ claim: ['sub'] }],
    replay: 'once',
    clock_tolerance: 60,
    max_token_lifetime: 3_600,
    require: [],
  })
  assert.deepEqual(targets.plain, { audience: 'https://plain.test', scopes: [], lifetime: 900 })
  assert.deepEqual(
    rules.find(({ name }) => name === 'deploys'),
    {
      name: 'deploys',
      issuers: ['github'],
      match: [
        { key: 'event_name', path: ['event_name'], operator: { equals: ['push'] } },
        { key: 'repository_id', path: ['repository_id'], operator: { equals: ['987654'] } },
      ],
      mode: 'enforce',
      grant: [{ target: 'api', scopes: ['write'], claims: {}, expires_with_subject: false }],
    },
  )
  const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
  assert.deepEqual(clients.app, { type: 'public', grants: [exchange], introspect: [] })
  assert.deepEqual(receipts, { retention: 30 * 86_400 })
  assert.deepEqual(signing, { algorithms: ['ES256', 'RS256'], keys: {} })
})

test('clients: each with its one way to authenticate, and what it may do', () => {
  const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const { clients, rules } = compiled(brokerFile)
  assert.deepEqual(clients.nightly, {
    type: 'confidential',
    auth: {
      kind: 'client_secret',
      sha256: ['LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'],
      methods: ['basic'],
    },
    grants: ['client_credentials'],
    introspect: [],
  })
  assert.deepEqual(clients['orders-api'], {
    type: 'confidential',
    auth: {
      kind: 'private_key_jwt',
      signer: {
        name: 'client:orders-api',
        issuer: 'orders-api',
        algorithms: ['ES256', 'RS256'],
        jwks: { uri: 'https://orders.test/jwks' },
        subject: [{ claim: ['sub'] }],
        replay: 'once',
        clock_tolerance: 60,
        max_token_lifetime: 3_600,
      },
    },
    grants: [exchange],
    introspect: ['api'],
  })
  assert.deepEqual(clients.batch, {
    type: 'confidential',
    auth: {
      kind: 'federated',
      rule: {
        name: 'batch',
        issuers: ['cluster'],
        match: [
          {
            key: 'service_account_uid',
            path: ['kubernetes.io', 'serviceaccount', 'uid'],
            operator: { equals: ['6f0c'] },
          },
        ],
        mode: 'enforce',
        grant: [],
      },
    },
    grants: ['client_credentials', exchange],
    introspect: [],
  })
  assert.deepEqual(
    rules.find(({ name }) => name === 'nightly-batch'),
    {
      name: 'nightly-batch',
      issuers: [],
      client: 'nightly',
      match: [],
      mode: 'enforce',
      grant: [{ target: 'api', scopes: ['read'], claims: {}, expires_with_subject: false }],
    },
  )
})

test('a preset gives what is left out, and the file may say otherwise', () => {
  const { github, cluster } = compiled(brokerFile).issuers
  assert.equal(github?.issuer, 'https://token.actions.githubusercontent.com')
  assert.deepEqual(github.subject, ['repo:', { claim: ['repository_owner_id'] }, '/', { claim: ['repository_id'] }])
  assert.deepEqual([cluster?.replay, cluster?.algorithms], ['off', ['RS256', 'ES256']])
  const changed = compiled(brokerFile.replace('preset: kubernetes', 'preset: kubernetes\n    replay: once'))
  assert.equal(changed.issuers.cluster?.replay, 'once')
})

for (const [title, written, path, operator] of [
  ['a literal name with dots and slashes', '"oidc.test/org-id": a', ['oidc.test/org-id'], { equals: ['a'] }],
  ['a JSON Pointer', '/kubernetes.io/namespace: a', ['kubernetes.io', 'namespace'], { equals: ['a'] }],
  ['an escaped JSON Pointer', '/a~1b/m~0n: a', ['a/b', 'm~n'], { equals: ['a'] }],
  ['~01, which is no /', '/a~01: a', ['a~1'], { equals: ['a'] }],
  ['a list', 'x: [a, b]', ['x'], { equals: ['a', 'b'] }],
  ['a number and a boolean', 'x: [1, true]', ['x'], { equals: [1, true] }],
  ['a pattern', 'x: { glob: "a*" }', ['x'], { glob: 'a*' }],
  ['a member', 'x: { contains: a }', ['x'], { contains: 'a' }],
  ['not one', 'x: { not: a }', ['x'], { not: ['a'] }],
  ['none of a list', 'x: { not: [a, b] }', ['x'], { not: ['a', 'b'] }],
] as const) {
  test(`match reads ${title}`, () => {
    const { path: read, operator: meant } = matchOf(written) as { path: unknown; operator: unknown }
    assert.deepEqual([read, meant], [path, operator])
  })
}

test('a preset’s short names mean its claims, and another issuer’s do not', () => {
  const match = (issuer: string) =>
    compiled(
      brokerFile.replace('issuer: farm\n    match: { ref: main }', `issuer: ${issuer}\n    match: { namespace: web }`),
    ).rules[0]?.match[0]?.path
  assert.deepEqual(match('cluster'), ['kubernetes.io', 'namespace'])
  assert.deepEqual(match('farm'), ['namespace'])
})

test('a subject is the path of any claim', () => {
  const { farm } = compiled(
    brokerFile.replace('https://ci.test', 'https://ci.test\n    subject: claims.job.uid'),
  ).issuers
  assert.deepEqual(farm?.subject, [{ claim: ['job', 'uid'] }])
})

test('an issuer named twice by a rule counts once', () => {
  assert.deepEqual(compiled(brokerFile.replace('issuer: farm', 'issuer: [farm, farm]')).rules[0]?.issuers, ['farm'])
})

test('a path needs no engine, anything else is CEL', () => {
  const claims = (text: string) =>
    compiled(brokerFile.replace('{ commit: claims.sha }', `{ x: ${text} }`)).rules[0]?.grant[0]?.claims.x
  assert.deepEqual(claims('claims.sha'), { path: ['sha'] })
  assert.deepEqual(claims(`'claims["kubernetes.io"].pod.name'`), { path: ['kubernetes.io', 'pod', 'name'] })
  assert.deepEqual(claims(`'claims.ref + "x"'`), { cel: 'claims.ref + "x"' })
})

test('the issuer may be given from outside, and is then in the hash', () => {
  const options = { now, local: true, issuer: 'http://127.0.0.1:9' }
  const { configuration } = compile(brokerFile, 'broker.yaml', options)
  assert.equal(configuration.issuer, 'http://127.0.0.1:9')
  assert.notEqual(configuration.hash, compiled(brokerFile).hash)
})

test('the hash names the policy: not how it is written, but everything it says', () => {
  const { hash } = compiled(brokerFile)
  const reversed = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .toReversed()
            .map(([name, member]) => [name, reversed(member)]),
        )
      : value
  const parsed = parse(brokerFile) as Record<string, unknown>
  assert.equal(compiled(`# a comment\n${stringify(reversed(parsed))}`).hash, hash)
  for (const [from, to] of [
    ['ref: main', 'ref: dev'],
    ['https://ci.test', 'https://ci2.test'],
    ['"987654"', '"987655"'],
    ['lifetime: 15m', 'lifetime: 16m'],
    ['scopes: [write]', 'scopes: [read]'],
    ['retention: 30d', 'retention: 31d'],
    ['claims.sha', 'claims.sha1'],
  ] as const) {
    assert.notEqual(compiled(brokerFile.replace(from, to)).hash, hash, to)
  }
})

test('nothing of it can be changed any more', () => {
  const configuration = compiled(brokerFile) as unknown as Record<string, Record<string, { scopes: string[] }>>
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
  assert.ok(frozen(configuration))
  assert.throws(() => configuration.targets!.api!.scopes.push('admin'), TypeError)
})

test('it survives the bundle: JSON and back is the same', () => {
  const { configuration } = compile(brokerFile, 'broker.yaml', { now })
  assert.deepEqual(JSON.parse(JSON.stringify(configuration)), configuration)
})

test('a session policy is the same policy in whatever order its members stand', () => {
  const policies = [
    '{ Effect: Allow, Action: "s3:*", Resource: "*" }',
    '{ Resource: "*", Action: "s3:*", Effect: Allow }',
  ].map((statement) => {
    const text = brokerFile.replaceAll('Statement: []', `Statement: [${statement}]`)
    const { rules } = compile(text, 'broker.yaml', { now: 0 }).configuration
    return JSON.stringify(rules.find(({ name }) => name === 'publishes')?.grant[0]?.session?.policy)
  })
  assert.match(policies[0] ?? '', /"Effect":"Allow"/)
  assert.equal(policies[0], policies[1])
})
