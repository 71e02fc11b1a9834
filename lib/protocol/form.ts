import { RefusedError } from './errors.ts'

/** Parameters in the order they first came, each with its values; those without a value are left out. */
export type Form = ReadonlyMap<string, readonly string[]>

/** Two tokens of 16 KiB and room for the rest, percent-encoded. */
export const MAX_FORM_BYTES = 64 * 1024
const MAX_PARAMETERS = 100

/** RFC 8693 section 2.1: these two may be repeated, and no other (RFC 6749 section 3.2). */
const repeatable = new Set(['audience', 'resource'])

/**
 * Reads an application/x-www-form-urlencoded body strictly: broken percent-encoding and invalid UTF-8 are refused, not
 * guessed at. RFC 6749 section 3.2: unknown parameters are kept (their readers ignore them), an empty value counts as
 * absent, a repeated parameter is refused.
 */
export function parseForm(body: string): Form {
  const { form, repeated } = readForm(body, MAX_FORM_BYTES)
  const [parameter] = repeated
  if (parameter !== undefined) throw new RefusedError({ reason: 'parameter_repeated', parameter })
  return form
}

/** The same for those who look at what is repeated before they say so. Throws RefusedError for the rest. */
export function readForm(body: string, mostBytes: number): { form: Form; repeated: ReadonlySet<string> } {
  const bytes = Buffer.byteLength(body)
  if (bytes > mostBytes) throw new RefusedError({ reason: 'request_too_large', bytes })
  const form = new Map<string, string[]>()
  const seen = new Set<string>()
  const repeated = new Set<string>()
  const pairs = body.split('&', MAX_PARAMETERS + 1)
  if (pairs.length > MAX_PARAMETERS)
    throw new RefusedError({ reason: 'form_malformed', detail: `more than ${MAX_PARAMETERS} parameters` })
  for (const pair of pairs) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1))
    if (seen.has(name) && !repeatable.has(name)) repeated.add(name)
    seen.add(name)
    if (value === '') continue
    const values = form.get(name)
    if (values) values.push(value)
    else form.set(name, [value])
  }
  return { form, repeated }
}

/** The value of a parameter that may not be repeated. */
export function parameter(form: Form, name: string): string | undefined {
  return form.get(name)?.[0]
}

/** The same of one that must be there. Throws RefusedError. */
export function requiredParameter(form: Form, name: string): string {
  const value = parameter(form, name)
  if (value === undefined) throw new RefusedError({ reason: 'parameter_missing', parameter: name })
  return value
}

function decode(text: string): string {
  // A token is long, and has neither.
  if (!/[%+]/.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new RefusedError({ reason: 'form_malformed', detail: 'broken percent-encoding' })
  }
}
