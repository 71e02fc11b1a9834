import type * as z from 'zod'
import type { Path, Problem } from './document.ts'
import { knownKeys, notYet } from './schema.ts'
import type { Source } from './source.ts'
import { suggestion } from './suggest.ts'

/** What zod found, in words for the person who writes the file. */
export function toProblems(error: z.ZodError, source: Source): Problem[] {
  return error.issues.flatMap((issue) => toProblem(issue, source))
}

const secretKeys = /secret|password|private_key|passphrase|api_key/i

function toProblem(issue: z.core.$ZodIssue, source: Source): Problem[] {
  const { path } = issue
  const problem = (rule: Problem['rule'], message: string, at: Path = path, atKey = false): Problem => ({
    severity: 'error',
    rule,
    message,
    path: at,
    atKey,
  })
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, path, problem))
    case 'invalid_key':
      return [problem('invalid-name', issue.issues[0]?.message ?? 'this name is not allowed', path, true)]
    case 'invalid_type':
    case 'invalid_union':
    case 'invalid_value':
      return [wrongValue(issue, source, problem)]
    default:
      // Of an issuer: what is no reference to a secret may be one.
      if (path.at(-1) === 'client_secret') return [problem('inline-secret', `client_secret: ${issue.message}`)]
      return [problem('invalid-value', `${String(path.at(-1) ?? 'the file')}: ${issue.message}`)]
  }
}

function unknownKey(
  key: string,
  path: Path,
  problem: (rule: Problem['rule'], message: string, at: Path, atKey: boolean) => Problem,
): Problem {
  const place = placeOf(path)
  const at = [...path, key]
  if (notYet[place]?.includes(key)) return problem('not-supported-yet', notYetMessage(key), at, true)
  if (secretKeys.test(key)) return problem('inline-secret', `${key}: secrets never stand in this file`, at, true)
  const known = knownKeys[place] ?? []
  return problem(
    'unknown-key',
    `unknown key "${key}"${suggestion(key, known)}${known.length > 0 ? `; known here: ${known.join(', ')}` : ''}`,
    at,
    true,
  )
}

function notYetMessage(what: string): string {
  return `${what} is not supported yet: this version does not have it`
}

const maps: readonly unknown[] = ['issuers', 'targets', 'rules', 'clients']

/** `rules.web.grant.0` to `rules.*.grant.*`. */
function placeOf(path: Path): string {
  const [section] = path
  const isName = (index: number) => index === 1 && maps.includes(section)
  return path.map((name, index) => (isName(index) || typeof name === 'number' ? '*' : String(name))).join('.')
}

function wrongValue(
  issue: z.core.$ZodIssue,
  source: Source,
  problem: (rule: Problem['rule'], message: string) => Problem,
): Problem {
  const { path } = issue
  // An item of a list goes by the list's name.
  const name = path.findLast((part) => typeof part === 'string') ?? 'the file'
  const value = valueAt(source.value, path)
  if (value === undefined) return problem('missing-key', `${name} is required`)
  if (
    issue.code === 'invalid_type' &&
    issue.expected === 'string' &&
    (typeof value === 'number' || typeof value === 'boolean')
  ) {
    return problem(
      'unquoted-value',
      `write "${source.sourceOf(path) ?? `${value}`}": unquoted, YAML reads ${typeof value === 'number' ? 'a number' : 'a boolean'}`,
    )
  }
  if (name === 'client_secret' && typeof value === 'string')
    return problem(
      'inline-secret',
      'client_secret: secrets never stand in this file: make one, and its hash, with `token-broker clients secret`',
    )
  if (issue.code === 'invalid_type')
    return problem(
      'wrong-type',
      `${name} must be ${issue.expected === 'array' ? 'a list' : issue.expected === 'object' || issue.expected === 'record' ? 'a map' : `a ${issue.expected}`}`,
    )
  if (issue.code === 'invalid_value') {
    const allowed = issue.values.map((one) => String(one))
    const hint =
      typeof value !== 'string' ? '' : allowed.includes(value) ? ', without quotes' : suggestion(value, allowed)
    return problem('invalid-value', `${name} must be ${allowed.join(' or ')}${hint}`)
  }
  if (path.includes('match') || path.includes('require'))
    return problem(
      'wrong-type',
      `${name} must be a value, a list of values, or one of { glob: }, { contains: }, { not: }`,
    )
  if (name === 'auth')
    return problem('wrong-type', 'auth must be private_key_jwt or { client_secret: <the ARN of a secret> }')
  if (name === 'jwks') return problem('wrong-type', 'jwks must be { uri: <https URL> } or { keys: [<JWK>] }')
  return problem('wrong-type', `${name} must be text, or a list of texts`)
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[name] : undefined,
    value,
  )
}
