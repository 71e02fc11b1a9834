// What `token-broker/verify` exports, for resource servers: docs/verify.md.
export { accessTokenVerifier, verifyAccessToken } from './access-token-verifier.ts'
export { bearerToken, type RequestHeaders } from './bearer-token.ts'
export type { AccessTokenClaims } from './claims.ts'
export {
  AccessTokenError,
  InsufficientScopeError,
  InvalidTokenError,
  MissingTokenError,
  VerifierUnavailableError,
} from './errors.ts'
export { lambdaAuthorizer, type SimpleAuthorizerResponse } from './lambda-authorizer.ts'
export type { AccessTokenOptions, AccessTokenVerifierOptions, IntrospectionOptions } from './options.ts'
export { requireAccessToken, type AccessTokenMiddleware, type HttpResponse } from './require-access-token.ts'
export type { AccessTokenVerifier } from './verifier.ts'
