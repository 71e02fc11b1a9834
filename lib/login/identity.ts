import { identityClaims } from '../protocol/identity.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import type { UpstreamLogin } from '../trust/configuration.ts'
import type { Evaluate } from '../trust/expression.ts'

const MAX_TEXT_CHARACTERS = 1_000

/** OpenID Connect Core section 5.1: of which type each claim is, beside text. */
const types: Readonly<Record<string, (value: unknown) => unknown>> = {
  email_verified: toBoolean,
  phone_number_verified: toBoolean,
  updated_at: (value) => (Number.isSafeInteger(value) ? value : undefined),
  address: toAddress,
}

/**
 * What clients may read of a person, as broker.yaml maps it. A value of the wrong type is left out. An issuer speaks for the
 * addresses of its own domains, and one that has none for those of nobody else's (`domains`: of all issuers): of another it
 * does not say that it has verified it.
 */
export function identityOf(
  login: UpstreamLogin,
  claims: JsonObject,
  evaluate: Evaluate,
  domains: ReadonlySet<string>,
): JsonObject {
  const identity: JsonObject = {}
  for (const name of identityClaims) {
    const expression = login.claims[name]
    const result = expression === undefined ? undefined : evaluate(expression, claims)
    if (result === undefined || 'failed' in result) continue
    const value = (types[name] ?? toText)(result.value)
    if (value !== undefined) identity[name] = value
  }
  if (identity.email_verified === true && !speaksFor(login, identity.email, domains)) identity.email_verified = false
  return identity
}

/** One address, and no list of some: readers take the first or the last of what stands there. */
const oneAddress = /^[^\s@,;:<>()[\]"\\\p{C}]{1,64}@([^\s@,;:<>()[\]"\\\p{C}]{1,253})$/u

function speaksFor(login: UpstreamLogin, email: unknown, domains: ReadonlySet<string>): boolean {
  const domain = typeof email === 'string' ? oneAddress.exec(email)?.[1]?.toLowerCase() : undefined
  if (domain === undefined) return false
  return login.domains.length === 0 ? !domains.has(domain) : login.domains.includes(domain)
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_CHARACTERS ? value : undefined
}

/** Some issuers write it as text. */
function toBoolean(value: unknown): boolean | undefined {
  if (value === 'true' || value === 'false') return value === 'true'
  return typeof value === 'boolean' ? value : undefined
}

/** OpenID Connect Core section 5.1.1 */
const addressMembers = ['formatted', 'street_address', 'locality', 'region', 'postal_code', 'country']

function toAddress(value: unknown): JsonObject | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const parts = addressMembers.flatMap((name) => {
    const text = toText((value as JsonObject)[name])
    return text === undefined ? [] : [[name, text] as const]
  })
  return parts.length === 0 ? undefined : Object.fromEntries(parts)
}
