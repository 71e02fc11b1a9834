import { RefusedError } from '../lib/protocol/errors.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import { parseJsonObject, type JsonObject } from '../lib/protocol/strict-json.ts'
import { parseCompactJws, type CompactJws } from '../lib/tokens/compact-jws.ts'
import { CommandError, UsageError } from './command.ts'
import { readText } from './read-text.ts'

/** What a token says, and nobody has verified. Of claims alone the header is empty. */
export type Unverified = Pick<CompactJws, 'header' | 'payload'>

/** Of --token, or of --claims. Throws UsageError and CommandError, which quote no token. */
export async function readUnverified(given: {
  token?: string | undefined
  claims?: string | undefined
}): Promise<Unverified> {
  const { token, claims } = given
  if (token !== undefined && claims === undefined) {
    const { text, name } = await readText(token)
    return parseUnverified(text.trim(), name)
  }
  if (claims !== undefined && token === undefined) return { header: {}, payload: await claimsOf(claims) }
  throw new UsageError('give --token or --claims, one of the two')
}

async function claimsOf(file: string): Promise<JsonObject> {
  const { text, name } = await readText(file)
  try {
    return parseJsonObject(Buffer.from(text))
  } catch (error) {
    throw new CommandError(`${name} is no JSON object of claims: ${toOneLine((error as SyntaxError).message)}`)
  }
}

/** A token that may have expired. Throws CommandError. */
export function parseUnverified(token: string, name: string): Unverified {
  try {
    return parseCompactJws(token)
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    throw new CommandError(`${name} is no JWT that the broker could read`)
  }
}
