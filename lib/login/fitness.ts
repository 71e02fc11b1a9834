import type { Authentication } from '../ports.ts'
import type { Refusal } from '../protocol/refusals.ts'
import { named } from '../trust/configuration.ts'
import type { Policy } from '../trust/policy.ts'
import type { Asked } from './asked.ts'

/** How far an issuer's clock may be from ours where it says when somebody logged in, in seconds. */
const CLOCK_TOLERANCE = 60

/**
 * Why a login does not do for what is asked, or undefined. One that was made for it (`fresh`) is as good as it gets: then
 * only what must hold is asked of it. `since`: the second at which it was asked (OpenID Connect Core section 3.1.2.1).
 */
export function whyUnfit(
  { request, client, to, sub }: Pick<Asked, 'request' | 'client' | 'to' | 'sub'>,
  { issuer_name, auth_time, acr, ...authentication }: Authentication,
  { fresh, since }: { fresh: boolean; since: number },
  policy: Policy,
): Refusal | undefined {
  const { prompt, max_age, acr_values, claims } = request
  if (!client.issuers.includes(issuer_name))
    return { reason: 'issuer_not_offered', client_id: to.client_id, issuer: issuer_name }
  if (sub !== undefined && authentication.sub !== sub) return { reason: 'another_person', issuer: issuer_name }
  // OpenID Connect Core section 3.1.2.1: a max_age of 0 asks the same as prompt=login.
  const anew = prompt.has('login') || prompt.has('select_account') || max_age === 0
  if (!fresh && anew) return { reason: 'login_needed' }
  const oldest = prompt.has('login') ? 0 : max_age
  // An issuer that was asked by max_age has to say when (OpenID Connect Core section 3.1.2.1): what asks it, passes through the browser.
  if (oldest !== undefined && (auth_time ?? 0) < since - oldest - (fresh ? CLOCK_TOLERANCE : 0))
    return { reason: 'login_too_old', issuer: issuer_name }
  const reached = (values: readonly string[]) => values.some((value) => acr.includes(value))
  if (claims.acr?.essential && !reached(claims.acr.values))
    return { reason: 'acr_unmet', issuer: issuer_name, acr_values: [...claims.acr.values] }
  if (acr_values.length === 0 || reached(acr_values)) return undefined
  // RFC 9470 section 5: to be tried, where the issuer knows how.
  const known = named(policy.configuration.issuers, issuer_name)?.login?.acr ?? {}
  return !fresh && !prompt.has('none') && acr_values.some((value) => Object.hasOwn(known, value))
    ? { reason: 'login_needed' }
    : undefined
}
