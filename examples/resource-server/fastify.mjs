// A resource server on Fastify, each route with the scope that it needs.
import fastify from 'fastify'
import { accessTokenVerifier, bearerToken } from 'token-broker/verify'

const { BROKER = 'http://127.0.0.1:8787', PORT = '8080' } = process.env
const verify = accessTokenVerifier({ issuer: BROKER, audience: 'https://deploy.acme.dev' })
const app = fastify()

app.decorateRequest('accessToken', null)
const needs = (scope) => async (request) => {
  request.accessToken = await verify(bearerToken(request.raw.headersDistinct.authorization), { scope })
}

// What `verify` throws has the status and the headers that Fastify answers an error with.
app.get('/', { onRequest: needs('deploy:read') }, async ({ accessToken: { sub } }) => ({ sub }))
app.post('/', { onRequest: needs('deploy:write') }, async ({ accessToken: { sub } }) => ({ sub }))

const url = await app.listen({ port: Number(PORT), host: '127.0.0.1' })
process.stdout.write(`listening on ${url}\n`)
