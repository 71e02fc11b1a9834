import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition, Configuration, PresetName, Scalar } from '../../lib/trust/configuration.ts'
import { ofPreset, rulesOf, safe, withIssuer } from './guardrails-fixture.ts'
import { equals, farm, rule } from './policy-fixture.ts'

const tenant = '6f1b3c52-0d0e-4c83-9c9e-3f3d6d0f7a11'

/** An issuer of each kind that has people, with its pin. */
const people = {
  'google-workspace': ['https://accounts.google.com', [equals('hd', 'acme.test')]],
  'entra-id': [`https://login.microsoftonline.com/${tenant}/v2.0`, []],
  okta: ['https://acme.okta.com', []],
  auth0: ['https://acme.auth0.com/', []],
  keycloak: ['https://id.acme.test/realms/staff', []],
  cognito: ['https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aB3', []],
} as const satisfies Partial<Record<PresetName, readonly [string, readonly Condition[]]>>

type People = keyof typeof people

const kinds = Object.keys(people) as People[]
const verifying = kinds.filter((preset) => preset !== 'entra-id')

function matching(preset: People, match: Condition[], require: Condition[] = []): Configuration {
  const [url, pin] = people[preset]
  return { ...withIssuer(ofPreset(preset, url, [...pin, ...require])), rules: [rule('r', { match })] }
}

function either(key: string, ...operators: Condition['operator'][]): Condition[] {
  return operators.map((operator) => ({ key, path: [key], operator }))
}

const own: readonly (readonly [string, Scalar])[] = [
  ['name', 'Ada'],
  ['given_name', 'Ada'],
  ['family_name', 'Lovelace'],
  ['middle_name', 'x'],
  ['nickname', 'ada'],
  ['preferred_username', 'ada'],
  ['profile', 'https://ada.test'],
  ['picture', 'https://ada.test/a.png'],
  ['website', 'https://ada.test'],
  ['gender', 'f'],
  ['birthdate', '1815-12-10'],
  ['zoneinfo', 'Europe/London'],
  ['locale', 'en'],
  ['address', 'London'],
  ['updated_at', 1],
  ['nonce', 'n'],
  ['email_verified', true],
  ['phone_number_verified', true],
]

for (const preset of kinds)
  for (const [claim, value] of own)
    test(`${preset}: ${claim} alone is everybody who writes it, or is so`, () => {
      assert.deepEqual(rulesOf(matching(preset, [equals(claim, value)])), ['rule-constrains-nothing'])
      assert.deepEqual(rulesOf(matching(preset, [equals(claim, value), equals('group', 'x')])), [])
    })

for (const [preset, claim] of [
  ['entra-id', 'email'],
  ['entra-id', 'phone_number'],
  ['entra-id', 'upn'],
  ['entra-id', 'unique_name'],
  ['entra-id', 'login_hint'],
  ['cognito', 'custom:role'],
  ['cognito', 'cognito:username'],
  ['cognito', 'token_use'],
] as const)
  test(`${preset}: ${claim} alone is everybody who writes it`, () => {
    assert.deepEqual(rulesOf(matching(preset, [equals(claim, 'x')])), ['rule-constrains-nothing'])
    assert.deepEqual(rulesOf(matching(preset, [equals(claim, 'x'), equals('group', 'x')])), [])
  })

test('cognito: only the pool’s own attributes begin with custom:', () => {
  for (const claim of ['customer', 'x-custom:role', 'cognito:groups'])
    assert.deepEqual(rulesOf(matching('cognito', [equals(claim, 'x')])), [], claim)
})

test('entra-id: no claim says that an address was verified', () => {
  const match = [equals('email', 'ada@acme.test'), equals('email_verified', true)]
  assert.deepEqual(rulesOf(matching('entra-id', match)), ['rule-constrains-nothing'])
})

for (const preset of verifying)
  for (const [claim, verifier] of [
    ['email', 'email_verified'],
    ['phone_number', 'phone_number_verified'],
  ] as const) {
    const address = equals(claim, 'ada@acme.test')
    test(`${preset}: ${claim} says nothing unless ${verifier} is true`, () => {
      const group = equals('group', 'x')
      assert.deepEqual(rulesOf(matching(preset, [address])), ['unverified-claim'])
      assert.deepEqual(rulesOf(matching(preset, [address, group])), ['unverified-claim'])
      for (const condition of either(claim, { glob: 'ada@*' }, { contains: 'x' }, { not: ['x'] }))
        assert.deepEqual(rulesOf(matching(preset, [condition, group])), ['unverified-claim'], JSON.stringify(condition))
    })

    test(`${preset}: ${claim} says who it is where ${verifier} is true, in the rule or for the issuer`, () => {
      const verified = equals(verifier, true)
      assert.deepEqual(rulesOf(matching(preset, [address, verified])), [])
      assert.deepEqual(rulesOf(matching(preset, [address], [verified])), [])
    })

    test(`${preset}: nothing but true is ${verifier}`, () => {
      const group = equals('group', 'x')
      const below = { key: `/${verifier}/x`, path: [verifier, 'x'], operator: { equals: [true] } }
      const others = either(
        verifier,
        { equals: [false] },
        { equals: ['true'] },
        { equals: [true, false] },
        { equals: [] },
        { not: [false] },
        { contains: true },
      )
      for (const other of [...others, below, equals('verified', true)])
        assert.deepEqual(
          rulesOf(matching(preset, [address, other, group])),
          ['unverified-claim'],
          JSON.stringify(other),
        )
    })

    test(`${preset}: ${claim} in require needs ${verifier} there, too`, () => {
      const verified = equals(verifier, true)
      const match = [equals('group', 'x')]
      assert.deepEqual(rulesOf(matching(preset, match, [address])), ['unverified-claim'])
      assert.deepEqual(rulesOf(matching(preset, [...match, verified], [address])), ['unverified-claim'])
      assert.deepEqual(rulesOf(matching(preset, match, [address, verified])), [])
    })
  }

test('google-service-account: an email counts only where it is verified', () => {
  const pin = [equals('sub', '1')]
  const google = withIssuer(ofPreset('google-service-account', 'https://accounts.google.com', pin))
  const email = equals('email', 'a@acme.iam.gserviceaccount.com')
  const matched = (...match: Condition[]) => rulesOf({ ...google, rules: [rule('r', { match })] })
  assert.deepEqual(matched(email), ['unverified-claim'])
  assert.deepEqual(matched(equals('email_verified', true)), ['rule-constrains-nothing'])
  assert.deepEqual(matched(email, equals('email_verified', true)), [])
})

test('a rule of two issuers is as weak as the weaker', () => {
  const okta = ofPreset('okta', 'https://acme.okta.com')
  const barn = { ...farm, ...ofPreset('okta', 'https://barn.okta.com', [equals('email_verified', true)]), name: 'barn' }
  const issuers = { farm: { ...farm, ...okta }, barn }
  const match = [equals('email', 'ada@acme.test')]
  assert.deepEqual(rulesOf({ ...safe, issuers, rules: [rule('r', { issuers: ['farm', 'barn'], match })] }), [
    'unverified-claim',
  ])
  assert.deepEqual(rulesOf({ ...safe, issuers, rules: [rule('r', { issuers: ['barn'], match })] }), [])
})

test('a client is not proved by an address that nobody verified', () => {
  const [url] = people.okta
  const proved = (...match: Condition[]): Configuration => ({
    ...withIssuer(ofPreset('okta', url)),
    rules: [],
    clients: {
      app: {
        type: 'confidential',
        auth: { kind: 'federated', rule: rule('app', { match, grant: [] }) },
        grants: [],
        introspect: [],
      },
    },
  })
  assert.deepEqual(rulesOf(proved(equals('email', 'ada@acme.test'))), ['unverified-claim'])
  assert.deepEqual(rulesOf(proved(equals('email', 'ada@acme.test'), equals('email_verified', true))), [])
})

test('without a preset a claim is whatever it is', () => {
  const configured = { ...withIssuer({}), rules: [rule('r', { match: [equals('email', 'ada@acme.test')] })] }
  assert.deepEqual(rulesOf(configured), [])
})
