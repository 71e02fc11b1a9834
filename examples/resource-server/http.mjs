// A resource server on node:http, without a framework.
import { createServer } from 'node:http'
import { AccessTokenError, accessTokenVerifier, bearerToken } from 'token-broker/verify'

const { BROKER = 'http://127.0.0.1:8787', PORT = '8080' } = process.env
const verify = accessTokenVerifier({ issuer: BROKER, audience: 'https://deploy.acme.dev' })
const needed = { GET: 'deploy:read', POST: 'deploy:write' }

async function answer({ method, headersDistinct }) {
  const scope = needed[method]
  if (scope === undefined) return { status: 405, headers: { allow: 'GET, POST' } }
  try {
    // All of them: a second Authorization header is refused, and not overlooked.
    const { sub } = await verify(bearerToken(headersDistinct.authorization), { scope })
    return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ sub }) }
  } catch (error) {
    return error instanceof AccessTokenError ? error : { status: 500 }
  }
}

const server = createServer((request, response) => {
  void answer(request).then(({ status, headers = {}, body }) => response.writeHead(status, headers).end(body))
})
server.listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`)
})
