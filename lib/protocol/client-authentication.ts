import { RefusedError } from './errors.ts'
import { parameter, type Form } from './form.ts'
import { JWT_BEARER_ASSERTION } from './urns.ts'

/** By what a request says who its client is, before anything of it is believed. */
export type PresentedClient =
  | { method: 'none'; client_id: string | undefined }
  | { method: 'basic' | 'post'; client_id: string; client_secret: string }
  | { method: 'assertion'; client_id: string | undefined; assertion: string }

/**
 * RFC 6749 section 2.3, RFC 7523 section 2.2: one method a request. Whoever tries to authenticate and cannot is refused,
 * never taken for an anonymous caller. Throws RefusedError.
 */
export function presentedClient(form: Form, authorization: string | undefined): PresentedClient {
  const client_id = parameter(form, 'client_id')
  const client_secret = parameter(form, 'client_secret')
  const assertion = parameter(form, 'client_assertion')
  const type = parameter(form, 'client_assertion_type')
  const methods = [authorization, client_secret, assertion ?? type].filter((each) => each !== undefined)
  if (methods.length > 1) throw new RefusedError({ reason: 'client_methods_several' })
  if (authorization !== undefined) return { method: 'basic', ...basicCredentials(authorization, client_id) }
  if (client_secret !== undefined) {
    if (client_id === undefined) throw authenticationFailed('client_secret came without client_id')
    return { method: 'post', client_id, client_secret }
  }
  if (assertion === undefined && type === undefined) return { method: 'none', client_id }
  if (assertion === undefined) throw authenticationFailed('client_assertion_type came without client_assertion')
  if (type !== JWT_BEARER_ASSERTION) throw authenticationFailed(`client_assertion_type is not ${JWT_BEARER_ASSERTION}`)
  return { method: 'assertion', client_id, assertion }
}

/** RFC 7617 section 2; RFC 6749 section 2.3.1: id and secret are each form-encoded first. */
function basicCredentials(
  authorization: string,
  client_id: string | undefined,
): { client_id: string; client_secret: string } {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? []
  const basic = /^basic\b/i.test(authorization)
  if (encoded === undefined) throw authenticationFailed('the Authorization header is not Basic', basic)
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  const id = formDecoded(text.slice(0, Math.max(colon, 0)))
  const secret = formDecoded(text.slice(colon + 1))
  if (colon === -1 || !id || !secret) throw authenticationFailed('the Authorization header cannot be read', basic)
  if (client_id !== undefined && client_id !== id)
    throw authenticationFailed('client_id is not the one in Authorization', basic)
  return { client_id: id, client_secret: secret }
}

function formDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

/** `basic`: whether it was tried by Basic, which the answer then asks for (RFC 6749 section 5.2). */
export function authenticationFailed(detail: string, basic = false): RefusedError {
  return new RefusedError({ reason: 'client_authentication_failed', detail, basic })
}
