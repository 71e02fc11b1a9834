import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { RefusedError } from '../protocol/errors.ts'
import { parameter } from '../protocol/form.ts'
import { formOf, header, method } from './request.ts'

/**
 * RFC 6750 sections 2.1 and 2.2: the access token in the Authorization header of a GET or POST, or in the form of a POST. In a
 * URL it is not looked for (RFC 9700 section 4.3.2). Throws RefusedError.
 */
export function bearerToken(event: APIGatewayProxyEventV2): string {
  const inHeader = findInHeader(event)
  const hasForm = method(event) === 'POST' && header(event, 'content-type') !== undefined
  const inForm = hasForm ? parameter(formOf(event), 'access_token') : undefined
  if (inHeader !== undefined && inForm !== undefined)
    throw new RefusedError({ reason: 'form_malformed', detail: 'two access tokens' })
  const token = inHeader ?? inForm
  if (token === undefined) throw new RefusedError({ reason: 'bearer_token_missing' })
  return token
}

/** The same where it may stand nowhere else: of a request whose body is no form. Throws RefusedError. */
export function bearerInHeader(event: APIGatewayProxyEventV2): string {
  const token = findInHeader(event)
  if (token === undefined) throw new RefusedError({ reason: 'bearer_token_missing' })
  return token
}

function findInHeader(event: APIGatewayProxyEventV2): string | undefined {
  const authorization = header(event, 'authorization')
  if (authorization === undefined) return undefined
  const [, token] = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization) ?? []
  if (token === undefined) throw new RefusedError({ reason: 'bearer_token_invalid' })
  return token
}
