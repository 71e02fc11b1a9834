import { RefusedError } from '../lib/protocol/errors.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import { parseJsonObject, type JsonObject } from '../lib/protocol/strict-json.ts'
import { parseCompactJws } from '../lib/tokens/compact-jws.ts'
import { CommandError, UsageError } from './command.ts'
import { readText } from './read-text.ts'

/** Claims that nobody has verified: of --token, or of --claims. Throws UsageError and CommandError, which quote no token. */
export async function readClaimsOption(given: {
  token?: string | undefined
  claims?: string | undefined
}): Promise<JsonObject> {
  const { token, claims } = given
  if (token !== undefined && claims === undefined) return claimsOfToken(token)
  if (claims !== undefined && token === undefined) return claimsOf(claims)
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

async function claimsOfToken(file: string): Promise<JsonObject> {
  const { text, name } = await readText(file)
  return payloadOf(text.trim(), name)
}

/** What a token says, which may have expired. Throws CommandError. */
export function payloadOf(token: string, name: string): JsonObject {
  try {
    return parseCompactJws(token).payload
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    throw new CommandError(`${name} is no JWT that the broker could read`)
  }
}
