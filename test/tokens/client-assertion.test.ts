import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import type { SigningAlgorithm } from '../../lib/protocol/algorithms.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { signedClientAssertions } from '../../lib/tokens/client-assertion.ts'
import { publicKeys, signal, signer } from '../http/upstream-fixture.ts'

const now = 1_800_000_000
const upstream = { name: 'acme', issuer: 'https://login.acme.example', client_id: 'our client' }
const issue = (algorithms: SigningAlgorithm[], accepted?: string[]) =>
  signedClientAssertions({ signer, algorithms, now: () => now, newId: () => 'an id' }).issue(upstream, accepted, signal)

test('it says who we are, to this issuer alone, once and for a minute (RFC 7523 section 3)', async () => {
  const assertion = await issue(['ES256', 'RS256'])
  const { payload, protectedHeader } = await jwtVerify(assertion, createLocalJWKSet({ keys: publicKeys }), {
    currentDate: new Date(now * 1000),
  })
  assert.deepEqual(protectedHeader, { alg: 'RS256', typ: 'JWT', kid: 'our-RS256' })
  assert.deepEqual(payload, {
    iss: 'our client',
    sub: 'our client',
    aud: 'https://login.acme.example',
    jti: 'an id',
    iat: now,
    exp: now + 60,
  })
})

for (const [title, ours, accepted, alg] of [
  ['RS256 where the issuer does not say', ['ES256', 'RS256'], undefined, 'RS256'],
  ['what there is where it does not say, and there is no RS256', ['ES256'], undefined, 'ES256'],
  ['the first of ours that it takes', ['ES256', 'RS256'], ['RS256', 'ES256'], 'ES256'],
  ['the only one that it takes', ['ES256', 'RS256'], ['PS256', 'RS256'], 'RS256'],
] as [string, SigningAlgorithm[], string[] | undefined, string][]) {
  test(`it is signed by ${title}`, async () => {
    const assertion = await issue(ours, accepted)
    assert.equal(decodeProtectedHeader(assertion).alg, alg)
    await jwtVerify(assertion, createLocalJWKSet({ keys: publicKeys }), { currentDate: new Date(now * 1000) })
  })
}

for (const accepted of [['PS256', 'EdDSA'], ['none'], []]) {
  test(`an issuer that takes ${accepted.join(' or ') || 'nothing'} gets none`, async () => {
    await assert.rejects(
      issue(['ES256', 'RS256'], accepted),
      new UnavailableError('upstream', 'acme: token endpoint: it takes none of our signature algorithms'),
    )
  })
}
