import type { Face } from './refusals.ts'

export const invalidRequest = (phrase: string, status = 400): Face<'invalid_request'> => [
  status,
  'invalid_request',
  phrase,
]

/** Of what is not even a request to an endpoint: all that a static document can answer, so that /jwks carries no more. */
export const httpFaces = {
  method_not_allowed: invalidRequest('this method is not allowed here', 405),
  not_found: invalidRequest('there is nothing here', 404),
} as const
