// A Lambda function behind API Gateway, a function URL or a load balancer, that verifies for itself.
import middy from '@middy/core'
import { requireAccessToken } from 'token-broker/verify'

export const handler = middy()
  .use(
    requireAccessToken({
      issuer: process.env.BROKER,
      audience: 'https://deploy.acme.dev',
      scope: 'deploy:write',
    }),
  )
  .handler(async ({ accessToken }) => ({ statusCode: 200, body: JSON.stringify({ sub: accessToken.sub }) }))
