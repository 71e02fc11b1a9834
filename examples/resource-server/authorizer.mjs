// A Lambda authorizer of an HTTP API: payload format 2.0, simple responses, identity source $request.header.Authorization.
import { lambdaAuthorizer } from 'token-broker/verify'

export const handler = lambdaAuthorizer({
  issuer: process.env.BROKER,
  audience: 'https://deploy.acme.dev',
  scope: 'deploy:write',
})
