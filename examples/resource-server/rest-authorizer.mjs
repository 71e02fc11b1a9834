// A Lambda authorizer of a REST API, of the type TOKEN: it answers by an IAM policy.
import {
  AccessTokenError,
  accessTokenVerifier,
  bearerToken,
  InsufficientScopeError,
  VerifierUnavailableError,
} from 'token-broker/verify'

const verify = accessTokenVerifier({
  issuer: process.env.BROKER,
  audience: 'https://deploy.acme.dev',
  scope: 'deploy:write',
})

export async function handler({ authorizationToken, methodArn }) {
  // API Gateway may remember the policy for the token, whatever method it comes with next: so it is for all of this stage.
  const resource = `${methodArn.split('/', 2).join('/')}/*`
  try {
    const { sub, client_id, jti, scope } = await verify(bearerToken(authorizationToken))
    return { ...policy('Allow', resource, sub), context: { client_id, jti, scope } }
  } catch (error) {
    if (error instanceof InsufficientScopeError) return policy('Deny', resource, 'nobody')
    if (!(error instanceof AccessTokenError) || error instanceof VerifierUnavailableError) throw error
    // The one message that API Gateway answers with 401, and not 500.
    throw new Error('Unauthorized', { cause: error })
  }
}

function policy(Effect, Resource, principalId) {
  const Statement = [{ Action: 'execute-api:Invoke', Effect, Resource }]
  return { principalId, policyDocument: { Version: '2012-10-17', Statement } }
}
