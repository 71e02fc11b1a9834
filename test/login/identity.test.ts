import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identityOf } from '../../lib/login/identity.ts'
import { loadEvaluate } from '../../lib/trust/expression.ts'
import { loginConfiguration, partnerLogin } from './login-policy.ts'

const evaluate = await loadEvaluate(loginConfiguration())
const domains = new Set(['partner.example', 'other.example'])
const identity = (claims: Record<string, unknown>, login = partnerLogin) => identityOf(login, claims, evaluate, domains)

for (const [title, claims, want] of [
  ['text', { name: 'Ada', groups: ['x'] }, { name: 'Ada' }],
  ['text that is too long', { name: 'x'.repeat(1_001) }, {}],
  ['text that is none', { name: '', given_name: 1, family_name: ['x'], nickname: null, locale: { a: 1 } }, {}],
  [
    'a verified address',
    { email: 'a@partner.example', email_verified: true },
    { email: 'a@partner.example', email_verified: true },
  ],
  [
    'a verified address, as some write it',
    { email: 'a@partner.example', email_verified: 'true' },
    { email: 'a@partner.example', email_verified: true },
  ],
  [
    'an address that nobody verified',
    { email: 'a@partner.example', email_verified: 'false' },
    { email: 'a@partner.example', email_verified: false },
  ],
  ['verified in a way that is none', { email: 'a@partner.example', email_verified: 1 }, { email: 'a@partner.example' }],
  [
    'an address of somebody else’s domain',
    { email: 'a@acme.dev', email_verified: true },
    { email: 'a@acme.dev', email_verified: false },
  ],
  [
    'an address of a domain below',
    { email: 'a@x.partner.example', email_verified: true },
    { email: 'a@x.partner.example', email_verified: false },
  ],
  [
    'an address in upper case',
    { email: 'A@PARTNER.example', email_verified: true },
    { email: 'A@PARTNER.example', email_verified: true },
  ],
  [
    'an address with two signs',
    { email: 'a@partner.example@acme.dev', email_verified: true },
    { email: 'a@partner.example@acme.dev', email_verified: false },
  ],
  ['verified without an address', { email_verified: true }, { email_verified: false }],
  ['a time', { updated_at: 17 }, { updated_at: 17 }],
  ['a time that is text', { updated_at: '17' }, {}],
  ['a postal address', { address: { country: 'DE', x: 1, locality: 2 } }, { address: { country: 'DE' } }],
  ['a postal address that is text', { address: 'x' }, {}],
  ['an empty postal address', { address: { x: 1 } }, {}],
] as const)
  test(title, () => assert.deepEqual(identity(claims), want))

for (const email of [
  'ceo@acme.dev,x@partner.example',
  'ceo@acme.dev x@partner.example',
  'ceo@acme.dev;@partner.example',
  'a\n@partner.example',
  'a\u0000@partner.example',
  '"a b"@partner.example',
  '<a@partner.example>',
  '@partner.example',
  `${'x'.repeat(65)}@partner.example`,
])
  test(`what is no one address is verified by nobody: ${JSON.stringify(email).slice(0, 40)}`, () =>
    assert.equal(identity({ email, email_verified: true }).email_verified, false))

test('an issuer without domains speaks for no other issuer’s', () => {
  const login = { ...partnerLogin, domains: [] }
  for (const email of ['ceo@other.example', 'ceo@OTHER.example'])
    assert.equal(identity({ email, email_verified: true }, login).email_verified, false)
})

test('an issuer without domains speaks for every address that is nobody’s', () => {
  const claims = { email: 'a@acme.dev', email_verified: true }
  assert.deepEqual(identity(claims, { ...partnerLogin, domains: [] }), claims)
})

test('only what is mapped, from where it is mapped', () => {
  const login = { ...partnerLogin, claims: { email: { path: ['upn'] } } }
  assert.deepEqual(identity({ upn: 'a@b.example', name: 'Ada' }, login), { email: 'a@b.example' })
})
