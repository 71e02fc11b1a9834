import type { Configuration, Issuer } from '../../trust/configuration.ts'
import { verifiedBy } from '../../trust/presets/preset.ts'
import { doubt, type Doubt } from './finding.ts'

/** Of where people log in, and what they log in to. */
export function ofLogins({ issuers, clients }: Configuration): Doubt[] {
  const named = new Set(Object.values(clients).flatMap(({ login }) => login?.issuers ?? []))
  return [
    ...Object.values(issuers).flatMap((issuer) => ofIssuer(issuer, named.has(issuer.name))),
    ...Object.entries(clients).flatMap(([id, { type, login }]) => {
      // RFC 8252 section 8.6: another app on the device can say that it is this one, and listen there too.
      const own = login?.redirect_uris.find((uri) => !uri.startsWith('https:'))
      if (type !== 'public' || login?.consent !== 'never' || own === undefined) return []
      const message = `any app on somebody's device can take codes at ${own}, and would have them unasked: write consent: first_time, or always`
      return [doubt('unproven-client', ['clients', id, 'consent'], message)]
    }),
  ]
}

function ofIssuer({ name, login }: Issuer, isNamed: boolean): Doubt[] {
  if (login === undefined) return []
  const path = ['issuers', name, 'login']
  return [
    ...(isNamed ? [] : [doubt('unused-login', path, `no client names it: add login: [${name}] to one`)]),
    ...Object.entries(verifiedBy).flatMap(([claim, verifier]) => {
      if (!Object.hasOwn(login.claims, claim) || Object.hasOwn(login.claims, verifier)) return []
      const message = `clients learn ${claim}, and not whether anybody has verified it: map ${verifier} too`
      return [doubt('unverified-identity', [...path, 'claims', claim], message)]
    }),
  ]
}
