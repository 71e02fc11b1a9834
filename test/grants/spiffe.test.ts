import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, beforeEach, test } from 'node:test'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import { compile } from '../../lib/config/compile.ts'
import { httpKeySetFetcher } from '../../lib/http/key-set-fetcher.ts'
import { cachedKeySets } from '../../lib/http/key-sets.ts'
import { toPolicy, type Policy } from '../../lib/trust/policy.ts'
import { close, listen } from '../../local/loopback.ts'
import { World } from '../http/key-sets-fixture.ts'
import { refusal } from '../protocol/refused.ts'
import { now, ourIssuer, testIssuer } from '../tokens/issuer-fixture.ts'
import { asking } from './asking-fixture.ts'
import { fakePorts, type FakePorts } from './ports-fixture.ts'

const web = 'spiffe://acme.example/ns/prod/sa/web'
const [jwtKey, x509Key, farmKey] = await Promise.all([1, 2, 3].map(() => generateKeyPair('ES256')))
const published = async (pair: { publicKey: CryptoKey }, kid: string, use: string) => ({
  ...(await exportJWK(pair.publicKey)),
  kid,
  use,
})
const bundle = {
  spiffe_sequence: 1,
  spiffe_refresh_hint: 300,
  keys: [await published(jwtKey!, 'jwt', 'jwt-svid'), await published(x509Key!, 'x509', 'x509-svid')],
}
const farmJwk = await published(farmKey!, 'farm', 'sig')

/** A bundle endpoint, and a broker that trusts it for one trust domain, and an issuer of another kind. */
let requests = 0
const endpoint = createServer((_, response) => response.end(JSON.stringify(bundle), () => requests++))
let policy: Policy
before(async () => {
  const file = `version: 1
issuer: ${ourIssuer}
issuers:
  acme: { preset: spiffe, issuer: spiffe://acme.example, jwks: { uri: "${await listen(endpoint, 0)}/bundle.json" } }
  farm: { issuer: https://ci.test, algorithms: [ES256], jwks: { keys: [${JSON.stringify(farmJwk)}] } }
targets: { api: { audience: https://api.test } }
rules:
  web: { issuer: acme, match: { sub: { glob: "spiffe://acme.example/ns/*/sa/web" } }, grant: [{ target: api }] }
  jobs: { issuer: farm, match: { sub: [job, ${web}, "spiffe://other.example/web"] }, grant: [{ target: api }] }
  nightly-batch: { client: nightly, grant: [{ target: api }] }
clients:
  nightly:
    auth: { federated: { issuer: acme, match: { sub: ${web} } } }
    grants: [client_credentials]
`
  policy = await toPolicy(compile(file, 'broker.yaml', { now, local: true }).configuration, ourIssuer)
})
after(() => close(endpoint))

let ports: FakePorts
beforeEach(async () => {
  ports = fakePorts(await testIssuer())
  const fetcher = httpKeySetFetcher({ local: true })
  ports.keySets = cachedKeySets({ fetcher, items: new World().items(), now: () => now })
  requests = 0
})

function svid(claims: Record<string, unknown> = {}, kid = 'jwt', key = jwtKey): Promise<string> {
  const said = { sub: web, aud: [ourIssuer], exp: now + 300, iat: now, ...claims }
  return new SignJWT(said).setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid }).sign(key!.privateKey)
}

const { exchange, authenticate } = asking(() => ({ policy, ports }))

test('a JWT-SVID without iss and jti becomes a token for its SPIFFE ID, as often as it is presented', async () => {
  const token = await svid()
  for (let time = 0; time < 2; time++) assert.equal(decodeJwt((await exchange(token)).access_token).sub, `acme:${web}`)
  assert.equal(requests, 1)
})

test('it proves a federated client, and that of another workload does not', async () => {
  const { sub, client_sub } = decodeJwt((await authenticate(await svid())).access_token)
  assert.deepEqual([sub, client_sub], ['nightly', `acme:${web}`])
  const other = await refusal(authenticate(await svid({ sub: 'spiffe://acme.example/ns/test/sa/web' })))
  assert.deepEqual(other.reason === 'client_assertion_refused' && other.cause, { reason: 'no_rule_matches' })
})

test('a key that the bundle has for X.509 signs no token', async () => {
  assert.deepEqual(await refusal(exchange(await svid({}, 'x509', x509Key))), { reason: 'key_unknown', kid: 'x509' })
  assert.deepEqual(await refusal(exchange(await svid({}, 'jwt', x509Key))), { reason: 'signature_invalid' })
})

test('no other issuer speaks for the trust domain, and it for no other', async () => {
  const ofFarm = (claims: Record<string, unknown>) => svid({ iss: 'https://ci.test', ...claims }, 'farm', farmKey)
  assert.deepEqual(await refusal(exchange(await ofFarm({}))), { reason: 'key_unknown', kid: 'farm' })
  assert.deepEqual(await refusal(exchange(await ofFarm({ iss: 'spiffe://acme.example' }))), {
    reason: 'key_unknown',
    kid: 'farm',
  })
  assert.equal(decodeJwt((await exchange(await ofFarm({ sub: 'job' }))).access_token).sub, 'farm:job')
  // Of a trust domain that nobody here has, it is text like any other.
  const sub = 'spiffe://other.example/web'
  assert.equal(decodeJwt((await exchange(await ofFarm({ sub }))).access_token).sub, `farm:${sub}`)
  assert.deepEqual(await refusal(exchange(await svid({ iss: 'https://ci.test', sub: 'job' }))), {
    reason: 'key_unknown',
    kid: 'jwt',
  })
})

test('a trust domain that nobody here has costs no request', async () => {
  for (const sub of ['spiffe://other.example/web', 'spiffe://ACME.example/web', 'spiffe://x.acme.example/web', 'job'])
    for (const iss of [undefined, 'spiffe://acme.example', 'spiffe://other.example'])
      assert.match((await refusal(exchange(await svid({ sub, iss })))).reason, /^(?:issuer_unknown|claim_malformed)$/)
  assert.equal(requests, 0)
})
