import { RefusedError } from '../protocol/errors.ts'
import { parameter, type Form } from '../protocol/form.ts'
import type { Configuration } from '../trust/configuration.ts'

/**
 * The client a request names, or undefined: a workload that presents its own token is its own client.
 * RFC 6749 section 2.3: whoever tries to authenticate and cannot is refused, never taken for an anonymous caller.
 */
export function findClient(
  form: Form,
  authorization: string | undefined,
  configuration: Configuration,
): string | undefined {
  if (authorization !== undefined) {
    const basic = /^basic\b/i.test(authorization)
    throw authenticationFailed('an Authorization header, and no client authenticates by one', basic)
  }
  for (const name of ['client_secret', 'client_assertion', 'client_assertion_type']) {
    if (form.has(name)) throw authenticationFailed(`${name} was given, and no client authenticates by it`, false)
  }
  const client_id = parameter(form, 'client_id')
  if (client_id === undefined) return undefined
  if (!Object.hasOwn(configuration.clients, client_id)) throw new RefusedError({ reason: 'client_unknown' })
  return client_id
}

/** Throws RefusedError: unauthorized_client (RFC 6749 section 5.2). */
export function checkGrantAllowed(
  client_id: string | undefined,
  grant_type: string,
  configuration: Configuration,
): void {
  if (client_id === undefined) return
  if (!configuration.clients[client_id]?.grants.includes(grant_type))
    throw new RefusedError({ reason: 'grant_type_not_allowed', client_id })
}

function authenticationFailed(detail: string, basic: boolean): RefusedError {
  return new RefusedError({ reason: 'client_authentication_failed', detail, basic })
}
