import { createServer } from 'node:http'
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { listen } from '../../local/loopback.ts'
import { accessTokenVerifier } from '../../verify/access-token.ts'

/** What it says when it is ready: CPU in microseconds of one verification, and verifications a second, medians of its rounds. */
export interface VerifyOffline {
  ours: { cpu: number; rate: number }
  jose: { cpu: number; rate: number }
}

// token-broker/verify and bare jose over one token, one after the other, as a resource server verifies each request.
const [rounds = 1, each = 1] = process.argv.slice(2).map(Number)
const audience = 'https://target.bench.invalid'
const { privateKey, publicKey } = await generateKeyPair('ES256')
const keySet = { keys: [{ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' }] }
const server = createServer((request, response) => {
  const document = request.url === '/jwks' ? keySet : { issuer, jwks_uri: `${issuer}/jwks` }
  response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
})
const issuer = await listen(server, 0)
const claims = { client_id: 'github:repo:1/2', scope: 'write', commit: 'f'.repeat(40), rules: ['granted'] }
const token = await new SignJWT(claims)
  .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'bench' })
  .setIssuer(issuer)
  .setSubject('github:repo:1/2')
  .setAudience(audience)
  .setJti('bench')
  .setIssuedAt()
  .setExpirationTime('1h')
  .sign(privateKey)

const verify = accessTokenVerifier({ issuer, audience })
const keys = createLocalJWKSet(keySet)
const contenders = {
  ours: () => verify(token, { scope: 'write' }),
  jose: () => jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] }),
}

async function measure(work: () => Promise<unknown>): Promise<{ cpu: number; rate: number }> {
  const before = process.cpuUsage()
  const begun = performance.now()
  for (let index = 0; index < each; index++) await work()
  const seconds = (performance.now() - begun) / 1_000
  const { user, system } = process.cpuUsage(before)
  return { cpu: (user + system) / each, rate: each / seconds }
}

const results = { ours: [] as { cpu: number; rate: number }[], jose: [] as { cpu: number; rate: number }[] }
for (const work of Object.values(contenders)) await measure(work)
for (let round = 0; round < rounds; round++) {
  results.ours.push(await measure(contenders.ours))
  results.jose.push(await measure(contenders.jose))
}
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const mediansOf = (list: { cpu: number; rate: number }[]) => ({
  cpu: median(list.map(({ cpu }) => cpu)),
  rate: median(list.map(({ rate }) => rate)),
})
process.on('disconnect', () => process.exit())
process.send?.({ ours: mediansOf(results.ours), jose: mediansOf(results.jose) } satisfies VerifyOffline)
