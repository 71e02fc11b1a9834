import { RefusedError } from './errors.ts'
import { parameter, requiredParameter, type Form } from './form.ts'
import { ACCESS_TOKEN_TYPE, AWS_CREDENTIALS_TYPE, ID_TOKEN_TYPE, JWT_TYPE } from './urns.ts'

export const subjectTokenTypes = [JWT_TYPE, ID_TOKEN_TYPE, ACCESS_TOKEN_TYPE] as const
export type SubjectTokenType = (typeof subjectTokenTypes)[number]

/** What is asked for (RFC 8693 section 2.1, RFC 8707 section 2). */
export interface TargetRequest {
  audience: readonly string[]
  resource: readonly string[]
  /** Absent: all that is granted. */
  scope: readonly string[] | undefined
}

/** RFC 8693 section 2.1, as far as it is about form; nothing here has been believed yet. */
export interface TokenExchangeRequest extends TargetRequest {
  subject_token: string
  subject_token_type: SubjectTokenType
  /** What requested_token_type asks for. Absent: whatever the target issues. */
  wanted: 'token' | 'credentials' | undefined
}

const requestable: Readonly<Record<string, TokenExchangeRequest['wanted']>> = {
  [ACCESS_TOKEN_TYPE]: 'token',
  [JWT_TYPE]: 'token',
  [AWS_CREDENTIALS_TYPE]: 'credentials',
}

/** Throws RefusedError. None of these checks depends on our configuration. */
export function parseTokenExchangeRequest(form: Form): TokenExchangeRequest {
  const subject_token = requiredParameter(form, 'subject_token')
  const subject_token_type = requiredParameter(form, 'subject_token_type')
  if (!isSubjectTokenType(subject_token_type))
    throw unsupported('subject_token_type', `it must be one of ${subjectTokenTypes.join(' ')}`)
  // RFC 8693 section 2.1: actor_token_type is REQUIRED with an actor_token and MUST NOT be there without one.
  if (parameter(form, 'actor_token') !== undefined) throw unsupported('actor_token', 'delegation is not supported')
  if (parameter(form, 'actor_token_type') !== undefined)
    throw unsupported('actor_token_type', 'it came without an actor_token')
  const requested = parameter(form, 'requested_token_type')
  if (requested !== undefined && !Object.hasOwn(requestable, requested))
    throw unsupported('requested_token_type', `it must be one of ${Object.keys(requestable).join(' ')}`)
  return {
    subject_token,
    subject_token_type,
    ...parseTargetRequest(form),
    wanted: requested === undefined ? undefined : requestable[requested],
  }
}

export function parseTargetRequest(form: Form): TargetRequest {
  const scope = parameter(form, 'scope')?.split(' ').filter(Boolean)
  return {
    audience: form.get('audience') ?? [],
    resource: form.get('resource') ?? [],
    scope: scope?.length ? [...new Set(scope)] : undefined,
  }
}

function isSubjectTokenType(value: string): value is SubjectTokenType {
  return (subjectTokenTypes as readonly string[]).includes(value)
}

function unsupported(name: string, detail: string): RefusedError {
  return new RefusedError({ reason: 'parameter_unsupported', parameter: name, detail })
}
