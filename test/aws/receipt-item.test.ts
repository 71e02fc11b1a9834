import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { toItem, toReceipt } from '../../lib/aws/receipt-item.ts'
import type { AssertionReceipt } from '../../lib/ports.ts'
import { receipt } from '../contracts/receipt.ts'

const full = receipt('github#jti:a#b', {
  subject_jti: 'a#b',
  client_id: 'app',
  client_sub: 'cluster:serviceaccount:1',
  scopes: ['read'],
  shadow: ['trial'],
  claims_left_out: ['groups'],
})

for (const [what, one] of [
  ['all that a token can have', full],
  ['no jti, no client, no claim left out', receipt('github#hash:x')],
  ['a session', receipt('k', { role: 'arn', source_identity: 's', session_name: 'n' })],
] as const)
  test(`a receipt is read back as it was written: ${what}`, () => {
    const { state, ...read } = toReceipt(toItem(one, 'w', 1))!
    const written = Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined))
    assert.deepEqual([read, state], [written, 'recorded'])
  })

test('a client’s proof is no receipt, nor is a row of another kind', () => {
  const proof: AssertionReceipt = {
    key: 'github#jti:a',
    decision_id: 'd',
    use: 'client_assertion',
    client_id: 'app',
    issuer_name: 'github',
    iss: 'https://issuer.example',
    subject: 's',
    subject_jti: 'a',
    subject_hash: 'h',
    at: 1,
    expires_at: 2,
  }
  assert.equal(toReceipt(toItem(proof, 'w', 1)), undefined)
  assert.equal(toReceipt({ ...toItem(full, 'w', 1), pk: { S: 'revocation#rule#x' } }), undefined)
})

describe('a row that lacks what every receipt has is refused', () => {
  const whole = toItem(full, 'w', 1)
  for (const name of ['decision_id', 'sub', 'rules', 'config_hash', 'target', 'claims', 'shadow', 'at', 'state'])
    test(name, () => {
      const { [name]: _, ...rest } = whole
      assert.throws(() => toReceipt(rest), { message: `a receipt without ${name}` })
      assert.throws(() => toReceipt({ ...whole, [name]: { BOOL: true } }), { message: `a receipt without ${name}` })
    })
})
