import { parseJsonObject, type JsonObject } from '../protocol/strict-json.ts'
import { FetchError, guardedFetch, type Guards } from './guarded-fetch.ts'

/** OpenID Connect Discovery 1.0 section 4.1. */
export function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

/** The issuer's own document. Throws FetchError, and SyntaxError for what is no JSON object; they quote nothing of it. */
export async function fetchDiscovery(issuer: string, guards: Guards): Promise<JsonObject> {
  const fetched = await guardedFetch(discoveryUrl(issuer), guards)
  const document = parseJsonObject(fetched.status === 200 ? fetched.body : '')
  // Section 4.3: it MUST be the same, and exactly.
  if (document.issuer !== issuer) throw new FetchError('the document names another issuer')
  return document
}
