import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { compile } from '../../lib/config/compile.ts'
import { cachedKeySets } from '../../lib/http/key-sets.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { refusal } from '../protocol/refused.ts'
import { now, ourIssuer, testIssuer } from '../tokens/issuer-fixture.ts'
import { asking } from './asking-fixture.ts'
import { fakePorts, type FakePorts } from './ports-fixture.ts'

const iss = 'https://kubernetes.default.svc.cluster.local'
const uid = '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798'

/** Two private clusters that call themselves the same. */
async function cluster(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'RS256' }
  /** The same claims in both: only kid and key differ. */
  const token = (header: Record<string, unknown> = {}) =>
    new SignJWT({
      iss,
      sub: 'system:serviceaccount:web:api',
      aud: ourIssuer,
      exp: now + 300,
      iat: now,
      jti: 'j1',
      'kubernetes.io': { namespace: 'web', serviceaccount: { name: 'api', uid } },
    })
      .setProtectedHeader({ alg: 'RS256', kid, ...header })
      .sign(privateKey)
  return { jwk, token }
}
const [berlin, paris] = await Promise.all([cluster('b'), cluster('p')])

const file = `version: 1
issuer: ${ourIssuer}
issuers:
  berlin: { preset: kubernetes, issuer: ${iss}, shares_issuer: true, replay: once, jwks: { keys: [${JSON.stringify(berlin.jwk)}] } }
  paris: { preset: kubernetes, issuer: ${iss}, shares_issuer: true, replay: once, jwks: { keys: [${JSON.stringify(paris.jwk)}] } }
targets:
  api: { audience: https://api.test }
rules:
  web-of-berlin: { issuer: berlin, match: { namespace: web }, grant: [{ target: api }] }
  web-of-paris: { issuer: paris, match: { namespace: web }, grant: [{ target: api }] }
  nightly-batch: { client: nightly, grant: [{ target: api }] }
clients:
  nightly:
    auth: { federated: { issuer: berlin, match: { namespace: web } } }
    grants: [client_credentials]
`
const policy = await toPolicy(compile(file, 'broker.yaml', { now }).configuration, ourIssuer)

let ports: FakePorts
beforeEach(async () => {
  ports = fakePorts(await testIssuer())
  const nothing = () => assert.fail('keys that were uploaded are looked for')
  const items = { find: nothing, claimFetch: nothing, store: nothing }
  ports.keySets = cachedKeySets({ fetcher: { fetch: nothing }, items, now: () => now })
  ports.revocations = {
    find: (keys) =>
      Promise.resolve(
        ports.revoked.filter(({ dimension, value }) =>
          keys.some((key) => key.dimension === dimension && key.value === value),
        ),
      ),
  }
})

const { exchange, authenticate } = asking(() => ({ policy, ports }))

test('one service account’s claims of two clusters are two subjects, by two rules, with two records of their one jti', async () => {
  const issued = [await exchange(await berlin.token()), await exchange(await paris.token())]
  assert.deepEqual(
    issued.map(({ access_token }) => decodeJwt(access_token)).map(({ sub, rules }) => [sub, rules]),
    [
      [`berlin:serviceaccount:${uid}`, ['web-of-berlin']],
      [`paris:serviceaccount:${uid}`, ['web-of-paris']],
    ],
  )
  assert.deepEqual([...ports.stored.keys()], ['berlin#jti:j1', 'paris#jti:j1'])
})

test('a token that is used up in one cluster’s name is used up in that one alone', async () => {
  await exchange(await berlin.token())
  assert.deepEqual(await refusal(exchange(await berlin.token())), { reason: 'subject_token_replayed' })
  await exchange(await paris.token())
})

for (const revocation of [
  { dimension: 'issuer', value: 'berlin' },
  { dimension: 'subject', value: `berlin:serviceaccount:${uid}` },
] as const)
  test(`revoking the ${revocation.dimension} ${revocation.value} leaves paris alone`, async () => {
    ports.revoked = [{ ...revocation, not_before: now, blocked_until: 0, expires_at: now + 900 }]
    assert.deepEqual(await refusal(exchange(await berlin.token())), { reason: 'issuance_blocked', ...revocation })
    await exchange(await paris.token())
  })

for (const [what, token, expected, ofClient] of [
  [
    'a token of one cluster under the other’s kid',
    () => berlin.token({ kid: 'p' }),
    { reason: 'signature_invalid' },
    { reason: 'issuer_unknown', iss },
  ],
  ['a token with a kid of neither', () => berlin.token({ kid: 'x' }), { reason: 'key_unknown', kid: 'x' }],
  ['a token without a kid', () => berlin.token({ kid: undefined }), { reason: 'key_unknown', kid: '' }],
] as const)
  test(`${what} is refused, also as a client’s proof`, async () => {
    assert.deepEqual(await refusal(exchange(await token())), expected)
    assert.deepEqual(await refusal(authenticate(await token())), {
      reason: 'client_assertion_refused',
      client_id: 'nightly',
      cause: ofClient ?? expected,
    })
    assert.deepEqual([...ports.stored.keys()], [])
  })

test('a client is known by the tokens of its own cluster, and by no other’s', async () => {
  assert.equal(decodeJwt((await authenticate(await berlin.token())).access_token).sub, 'nightly')
  assert.deepEqual(await refusal(authenticate(await paris.token())), {
    reason: 'client_assertion_refused',
    client_id: 'nightly',
    cause: { reason: 'issuer_unknown', iss },
  })
})
