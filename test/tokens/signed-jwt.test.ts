import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { jwtVerify } from 'jose'
import { signingInput, toCompactJws } from '../../lib/tokens/signed-jwt.ts'

test('what we sign, others verify: the header is alg, typ and kid, and the claims are ours to the letter', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // Characters of several bytes, and bytes that base64 and base64url spell differently.
  const claims = { sub: 'farm:jöb', scope: 'read write', odd: '>>>???', exp: 1_790_000_300 }
  const input = signingInput({ kid: 'ES256.1', alg: 'ES256' }, 'at+jwt', claims)
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const { protectedHeader, payload } = await jwtVerify(toCompactJws(input, signature), publicKey, {
    currentDate: new Date(1_790_000_000_000),
  })
  assert.deepEqual(protectedHeader, { alg: 'ES256', typ: 'at+jwt', kid: 'ES256.1' })
  assert.deepEqual(payload, claims)
})
