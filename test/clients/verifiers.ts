import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JwtVerifier } from 'aws-jwt-verify'
import {
  JwtInvalidAudienceError,
  JwtInvalidIssuerError,
  JwtInvalidScopeError,
  JwtInvalidSignatureError,
} from 'aws-jwt-verify/error'
import { SimpleJwksCache } from 'aws-jwt-verify/jwk'
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import type { SigningAlgorithm } from '../../lib/protocol/algorithms.ts'
import { blackBox } from '../conformance/broker-fixture.ts'

const audience = 'https://deploy.acme.dev'
const other = 'https://billing.acme.dev'

/** The last character of a signature may hold unused bits: the first never does. */
function forge(token: string): string {
  const [header, payload, signature = ''] = token.split('.')
  return `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
}

/** What other people's verifiers must make of our tokens. A broker a process, so a file for each algorithm. */
export function verifierContract(alg: SigningAlgorithm): void {
  const box = blackBox((text) =>
    text.replace('algorithms: [ES256, RS256]', `algorithms: [${alg}, ${alg === 'ES256' ? 'RS256' : 'ES256'}]`),
  )

  async function accessToken(): Promise<string> {
    const token = String((await box.exchange()).body.access_token)
    assert.equal(decodeProtectedHeader(token).alg, alg)
    return token
  }

  /** It fetches over https only, and this is loopback: the fetch is Node's, everything else its own. */
  function awsVerifier(changes: { issuer?: string } = {}) {
    const issuer = changes.issuer ?? box.broker.url
    const jwksCache = new SimpleJwksCache({
      fetcher: { fetch: async (uri) => (await fetch(uri)).arrayBuffer() },
    })
    return JwtVerifier.create({ issuer, audience, jwksUri: `${box.broker.url}/jwks` }, { jwksCache })
  }

  test(`aws-jwt-verify accepts a token signed by ${alg}, by the key set it fetches and by one it is given`, async () => {
    const token = await accessToken()
    const claims = await awsVerifier().verify(token, { scope: 'deploy:write' })
    assert.deepEqual([claims.sub, claims.client_id], ['github:repo:1234567/987654', 'github:repo:1234567/987654'])
    const offline = awsVerifier()
    offline.cacheJwks((await (await fetch(`${box.broker.url}/jwks`)).json()) as never)
    assert.deepEqual(offline.verifySync(token), claims)
  })

  test(`aws-jwt-verify refuses a token signed by ${alg} that is spoilt, or for another audience, issuer or scope`, async () => {
    const token = await accessToken()
    await assert.rejects(awsVerifier().verify(forge(token)), JwtInvalidSignatureError)
    await assert.rejects(awsVerifier().verify(token, { audience: other }), JwtInvalidAudienceError)
    await assert.rejects(awsVerifier().verify(token, { scope: 'deploy:read' }), JwtInvalidScopeError)
    await assert.rejects(awsVerifier({ issuer: box.issuer.url }).verify(token), JwtInvalidIssuerError)
  })

  test(`jose accepts a token signed by ${alg}, and refuses it spoilt, or for another audience or issuer`, async () => {
    const token = await accessToken()
    const keys = createRemoteJWKSet(new URL(`${box.broker.url}/jwks`))
    const options = { issuer: box.broker.url, audience, typ: 'at+jwt', algorithms: ['ES256', 'RS256'] }
    const { payload } = await jwtVerify(token, keys, options)
    assert.equal(payload.sub, 'github:repo:1234567/987654')
    await assert.rejects(jwtVerify(forge(token), keys, options), errors.JWSSignatureVerificationFailed)
    for (const changes of [{ audience: other }, { issuer: box.issuer.url }])
      await assert.rejects(jwtVerify(token, keys, { ...options, ...changes }), errors.JWTClaimValidationFailed)
  })
}
