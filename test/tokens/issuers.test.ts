import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusedError } from '../../lib/protocol/errors.ts'
import type { VerificationKey } from '../../lib/protocol/key-set.ts'
import { findIssuer, toIssuers } from '../../lib/tokens/issuers.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import { ourIssuer } from './issuer-fixture.ts'

const iss = 'https://kubernetes.default.svc.cluster.local'

function issuer(name: string, url: string, kids?: readonly (string | undefined)[]): TrustedIssuer {
  const keys = kids?.map((kid): VerificationKey => ({ kid, algorithms: ['RS256'], jwk: { kty: 'RSA' } }))
  return {
    name,
    issuer: url,
    jwks: keys ? { keys: { keys } } : { discovery: true },
    algorithms: ['RS256'],
    subject: [{ claim: ['sub'] }],
    replay: 'off',
    clock_tolerance: 60,
    max_token_lifetime: 3_600,
  }
}

const issuers = toIssuers([
  issuer('farm', 'https://ci.test'),
  issuer('berlin', iss, ['b1', 'b2']),
  issuer('paris', iss, ['p1']),
  issuer('porto', iss, ['o1']),
])

function found(payload: Record<string, unknown>, header: Record<string, unknown> = {}): unknown {
  try {
    return findIssuer(issuers, ourIssuer, { header, payload }).name
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    return error.refusal
  }
}

test('an issuer with a URL of its own is found by iss, whatever the kid', () => {
  for (const header of [{}, { kid: 'b1' }, { kid: 7 }]) assert.equal(found({ iss: 'https://ci.test' }, header), 'farm')
})

for (const [kid, name] of [
  ['b1', 'berlin'],
  ['b2', 'berlin'],
  ['p1', 'paris'],
  ['o1', 'porto'],
] as const)
  test(`of those that share an iss, ${kid} is a key of ${name}`, () => {
    assert.equal(found({ iss }, { kid }), name)
  })

for (const [what, header, kid] of [
  ['no kid', {}, ''],
  ['an empty kid', { kid: '' }, ''],
  ['a kid of nobody', { kid: 'x' }, 'x'],
  ['a kid in other case', { kid: 'B1' }, 'B1'],
  ['a kid that every map has', { kid: 'constructor' }, 'constructor'],
  ['a list of kids', { kid: ['b1'] }, ''],
  ['a kid of great length', { kid: 'x'.repeat(65) }, 'x'.repeat(64)],
] as const)
  test(`of those that share an iss, ${what} is nobody’s`, () => {
    assert.deepEqual(found({ iss }, header), { reason: 'key_unknown', kid })
  })

test('a kid finds nobody without their iss, nor under another', () => {
  assert.deepEqual(found({ iss: 'https://other.test' }, { kid: 'b1' }), {
    reason: 'issuer_unknown',
    iss: 'https://other.test',
  })
  assert.deepEqual(found({}, { kid: 'b1' }), { reason: 'claim_malformed', claim: 'iss', detail: 'not a string' })
})

test('a key without a kid makes nobody of a token without one', () => {
  const nameless = toIssuers([issuer('berlin', iss, [undefined]), issuer('paris', iss, ['p1'])])
  assert.throws(() => findIssuer(nameless, ourIssuer, { header: {}, payload: { iss } }), {
    refusal: { reason: 'key_unknown', kid: '' },
  })
})

test('our own URL is nobody’s, whoever is configured to have it', () => {
  const ours = toIssuers([issuer('farm', ourIssuer)])
  assert.throws(() => findIssuer(ours, ourIssuer, { header: {}, payload: { iss: ourIssuer } }), {
    refusal: { reason: 'issuer_unknown', iss: ourIssuer },
  })
})
