import { createServer, type IncomingMessage } from 'node:http'
import { createLocalJWKSet, generateKeyPair, jwtVerify, SignJWT, type JWK } from 'jose'
import { ourIssuer } from '../workload.ts'
import { serve } from './serve.ts'

// The least that an exchange can be: jose verifies RS256 and signs ES256, over bare node:http. No policy, no replay, no receipt.
const keys = createLocalJWKSet({ keys: [JSON.parse(process.env.BENCH_ISSUER_JWK ?? '') as JWK] })
const { privateKey } = await generateKeyPair('ES256')

await serve(
  createServer((request, response) => {
    void exchange(request).then(
      (body) => response.writeHead(200, { 'content-type': 'application/json' }).end(body),
      () => response.writeHead(400).end(),
    )
  }),
)

async function exchange(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const form = new URLSearchParams(Buffer.concat(chunks).toString())
  const { payload } = await jwtVerify(form.get('subject_token') ?? '', keys, { audience: ourIssuer })
  const access_token = await new SignJWT({ scope: 'write', client_id: 'bench' })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'bench' })
    .setIssuer(ourIssuer)
    .setSubject(payload.sub ?? '')
    .setAudience('https://target.bench.invalid')
    .setJti(String(payload.jti))
    .setIssuedAt()
    .setExpirationTime('15m')
    .sign(privateKey)
  return JSON.stringify({ access_token, token_type: 'Bearer', expires_in: 900, scope: 'write' })
}
