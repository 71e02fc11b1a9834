import type { Upstream } from '../ports.ts'
import { toIssuers } from '../tokens/issuers.ts'
import type { Verification } from '../tokens/verify-subject-token.ts'
import { named, type Issuer, type UpstreamLogin } from '../trust/configuration.ts'
import type { Policy } from '../trust/policy.ts'
import type { LoginContext } from './context.ts'

/** An issuer at which people log in. */
export type LoginIssuer = Issuer & { login: UpstreamLogin }

/** Those at which a client's people log in, in order of display. */
export function loginIssuers(names: readonly string[], { configuration }: Policy): LoginIssuer[] {
  return names.flatMap((name) => {
    const issuer = named(configuration.issuers, name)
    return issuer?.login === undefined ? [] : [issuer as LoginIssuer]
  })
}

/** As its client sees it. */
export function toUpstream({ name, issuer, login: { client_id, auth, scopes } }: LoginIssuer): Upstream {
  return { name, issuer, client_id, auth, scopes }
}

/** What it says of people is for us, by what it calls us, and by its own keys. */
export function verificationOf(issuer: LoginIssuer, { policy, ports, signal }: LoginContext): Verification {
  return {
    issuers: toIssuers([{ ...issuer, audiences: [issuer.login.client_id] }]),
    ourIssuer: policy.ourIssuer,
    keySets: ports.keySets,
    now: ports.now(),
    signal,
  }
}

/** The issuer that an e-mail address, a domain or a name means; undefined where it means none, or several. */
export function issuerMeant(hint: string | undefined, issuers: readonly LoginIssuer[]): LoginIssuer | undefined {
  if (hint === undefined) return undefined
  const domain = hint.slice(hint.lastIndexOf('@') + 1).toLowerCase()
  const meant = issuers.filter(({ name, login }) => name === hint || login.domains.includes(domain))
  return meant.length === 1 ? meant[0] : undefined
}

/** All domains for which some issuer speaks. */
export function domainsOf({ configuration }: Policy): ReadonlySet<string> {
  return new Set(Object.values(configuration.issuers).flatMap(({ login }) => login?.domains ?? []))
}
