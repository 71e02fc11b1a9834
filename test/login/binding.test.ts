import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindingOf, consentProof, isSame, readState } from '../../lib/login/binding.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'

const secret = 's'.repeat(43)
const id = 'i'.repeat(22)

test('state names the login and the issuer, and every value is its own', () => {
  const binding = bindingOf(secret, id, 'acme-partner')
  assert.deepEqual(readState(binding.state), { login_id: id, issuer_name: 'acme-partner' })
  assert.deepEqual(binding, bindingOf(secret, id, 'acme-partner'))
  // RFC 7636 section 4.1: 43 to 128 characters.
  assert.match(binding.code_verifier, /^[A-Za-z0-9_-]{43}$/)
  const others = [
    bindingOf('t'.repeat(43), id, 'acme-partner'),
    bindingOf(secret, 'j'.repeat(22), 'acme-partner'),
    bindingOf(secret, id, 'okta/eu'),
    bindingOf(secret, id, 'okta'),
  ]
  const values = [binding, ...others].flatMap(({ state, nonce, code_verifier }) => [
    state.slice(state.lastIndexOf('.')),
    nonce,
    code_verifier,
    consentProof(secret, id, 'k'),
  ])
  assert.equal(new Set(values).size, 3 * 5 + 1)
})

test('nothing of the secret can be read in it', () => {
  const { state, nonce, code_verifier } = bindingOf(secret, id, 'acme-partner')
  for (const value of [state, nonce, code_verifier, hashOfSecret(secret), consentProof(secret, id, 'k')])
    assert.ok(!value.includes(secret.slice(0, 8)))
})

test('a proof is for one login and one session in one browser', () => {
  const proofs = [
    consentProof(secret, id, 'k'),
    consentProof('t'.repeat(43), id, 'k'),
    consentProof(secret, 'j'.repeat(22), 'k'),
    consentProof(secret, id, 'l'),
  ]
  assert.equal(new Set(proofs).size, 4)
})

for (const state of [
  '',
  'x',
  `${id}.acme`,
  `${id}..${secret}`,
  `${id}.ACME.${secret}`,
  `${id}.acme.${secret}x`,
  ` ${id}.acme.${secret}`,
  `${id}.acme.${secret}\n`,
])
  test(`a state that is none of ours: ${JSON.stringify(state)}`, () => assert.equal(readState(state), undefined))

test('texts are the same or not, of whatever length', () => {
  assert.equal(isSame('a', 'a'), true)
  assert.equal(isSame('a', 'b'), false)
  assert.equal(isSame('a', 'aa'), false)
  assert.equal(isSame('', ''), true)
})
