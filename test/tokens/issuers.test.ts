import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
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

describe('of a trust domain', () => {
  const domain = 'spiffe://acme.example'
  const spiffe = toIssuers([
    issuer('farm', 'https://ci.test'),
    issuer('acme', domain),
    issuer('west', 'spiffe://west.example', ['w']),
    issuer('east', 'spiffe://west.example', ['e']),
  ])
  const of = (payload: Record<string, unknown>, kid?: string): unknown => {
    try {
      return findIssuer(spiffe, ourIssuer, { header: kid ? { kid } : {}, payload }).name
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error
      return error.refusal.reason
    }
  }
  for (const [what, payload, expected] of [
    ['a token without iss', {}, 'acme'],
    ['a token with any iss', { iss: 'https://spire.test' }, 'acme'],
    ['a token with the iss of another', { iss: 'https://ci.test' }, 'acme'],
    ['a token with the trust domain as iss', { iss: domain }, 'acme'],
    ['a token with another trust domain as iss', { iss: 'spiffe://west.example' }, 'acme'],
    ['a token whose path is yet to be looked at', { sub: `${domain}/../x` }, 'acme'],
    ['a token without a path', { sub: domain }, 'acme'],
    ['a token with our own iss', { iss: ourIssuer }, 'issuer_unknown'],
    ['a token with a list of iss', { iss: ['https://ci.test'] }, 'claim_malformed'],
    ['a token with iss null', { iss: null }, 'claim_malformed'],
    ['a token that has it in iss alone', { iss: domain, sub: 'web' }, 'issuer_unknown'],
    ['a token that has it in iss, and no sub', { iss: domain, sub: undefined }, 'issuer_unknown'],
    ['a token with a list of sub', { sub: [`${domain}/web`] }, 'claim_malformed'],
    ['a token of a trust domain in upper case', { sub: 'spiffe://ACME.example/web' }, 'claim_malformed'],
    ['a token of a scheme in upper case', { sub: 'SPIFFE://acme.example/web' }, 'claim_malformed'],
    ['a token of the trust domain with a port', { sub: `${domain}:443/web` }, 'claim_malformed'],
    ['a token of a trust domain below', { sub: 'spiffe://x.acme.example/web' }, 'claim_malformed'],
    ['a token of an unknown trust domain', { sub: 'spiffe://other.example/web' }, 'claim_malformed'],
    ['one of those with a known iss', { sub: 'spiffe://other.example/web', iss: 'https://ci.test' }, 'farm'],
  ] as const)
    test(`${what}: ${expected}`, () => assert.equal(of({ sub: `${domain}/web`, ...payload }), expected))

  test('that two share: by the kid', () => {
    const sub = 'spiffe://west.example/web'
    assert.deepEqual(
      [of({ sub }, 'w'), of({ sub }, 'e'), of({ sub }, 'x'), of({ sub })],
      ['west', 'east', 'key_unknown', 'key_unknown'],
    )
  })
})

test('our own URL is nobody’s, whoever is configured to have it', () => {
  const ours = toIssuers([issuer('farm', ourIssuer)])
  assert.throws(() => findIssuer(ours, ourIssuer, { header: {}, payload: { iss: ourIssuer } }), {
    refusal: { reason: 'issuer_unknown', iss: ourIssuer },
  })
})
