import type { JsonObject } from '../../protocol/strict-json.ts'
import { CLIENT_CREDENTIALS_GRANT, TOKEN_EXCHANGE_GRANT } from '../../protocol/urns.ts'
import type { AuthenticatedClient } from '../../tokens/request-client.ts'
import type { VerifiedSubject } from '../../tokens/verify-subject-token.ts'
import { named, type Issuer, type RuleGrant, type Target } from '../configuration.ts'
import { decide, type Decision, type Granted } from '../decide.ts'
import type { Policy } from '../policy.ts'
import { claimsOf, narrowAll, outside, type Asked, type Budget, type Cube } from './cube.ts'
import { evaluated, indexOffers, offersTo, type Offer, type OfferIndex } from './offers.ts'
import { toTerms, type Terms } from './terms.ts'
import { clientOf } from './tests-of.ts'

/** Who would get something: a token of this issuer with these claims, presented by this client or by none, or that came of a login to it. */
export interface Witness {
  issuer: string
  iss: string
  client_id?: string
  /** From this second on (since 1970). Absent: now already. */
  at?: number
  claims: JsonObject
}

/** One of the two files, ready to be asked. */
export interface Side {
  policy: Policy
  now: number
  /** By issuer name, and by the URI of the target. */
  offers: ReadonlyMap<string, ReadonlyMap<string, OfferIndex>>
}

/** Throws Undecided. */
export function toSide(policy: Policy, now: number): Side {
  const offers = Object.values(policy.configuration.issuers).map(
    (issuer) => [issuer.name, indexOffers(offersTo(issuer, policy, now))] as const,
  )
  return { policy, now, offers: new Map(offers) }
}

/** The one whose tokens get the same `sub`: of this name and this `iss`. */
export function sameIssuer({ policy }: Side, { name, issuer }: Pick<Issuer, 'name' | 'issuer'>): Issuer | undefined {
  const same = named(policy.configuration.issuers, name)
  return same?.issuer === issuer ? same : undefined
}

export function mayAsk(client_id: string, grant: string, { policy }: Side): boolean {
  return named(policy.configuration.clients, client_id)?.grants.includes(grant) === true
}

export function logsInAt(client_id: string, issuer: string, { policy }: Side): boolean {
  return named(policy.configuration.clients, client_id)?.login?.issuers.includes(issuer) === true
}

/** Whether rules may be asked for it of what this issuer says of somebody: in a token to exchange, or at a login. */
export function maySpeakFor(client_id: string, issuer: string, side: Side): boolean {
  return mayAsk(client_id, TOKEN_EXCHANGE_GRANT, side) || logsInAt(client_id, issuer, side)
}

export function toWitness(cube: Cube, { name, issuer }: Issuer, now: number): Witness {
  const client_id = clientOf(cube)
  return {
    issuer: name,
    iss: issuer,
    ...(client_id === undefined ? {} : { client_id }),
    ...(cube.from > now ? { at: cube.from } : {}),
    claims: claimsOf(cube),
  }
}

/** What the broker itself would decide; undefined where it would not come to that. */
export function decideFor(witness: Witness, uri: string, side: Side): Decision | undefined {
  const issuer = sameIssuer(side, { name: witness.issuer, issuer: witness.iss })
  const { client_id, claims, at } = witness
  const known = client_id === undefined || maySpeakFor(client_id, witness.issuer, side)
  if (issuer === undefined || !known) return undefined
  // Nobody has verified it, and nothing is issued for it.
  const subject = {
    issuer,
    subject: '',
    sub: '',
    claims,
    jti: undefined,
    exp: 0,
    hash: '',
  } as unknown as VerifiedSubject
  return decide({ subject, client_id, audience: [uri], resource: [], scope: undefined }, side.policy, at ?? side.now)
}

/** What the broker would decide of a client that asks for itself. */
export function decideForClient(client_id: string, uri: string, at: number, side: Side): Decision | undefined {
  if (!mayAsk(client_id, CLIENT_CREDENTIALS_GRANT, side)) return undefined
  const subject = {
    client_id,
    authenticated: true,
    sub: client_id,
    workload: undefined,
  } as unknown as AuthenticatedClient
  return decide({ subject, client_id, audience: [uri], resource: [], scope: undefined }, side.policy, at)
}

export function grantedBy(decision: Decision | undefined): Granted | undefined {
  return decision !== undefined && 'granted' in decision ? decision.granted : undefined
}

export function scopesOf(granted: Granted | undefined): readonly string[] {
  return granted !== undefined && 'scopes' in granted ? granted.scopes : []
}

export function termsGranted({ target, rules }: Granted, { policy: { configuration } }: Side): Terms {
  const rule = configuration.rules.find(({ name }) => name === rules[0])
  const grant = rule?.grant.find((grant) => grant.target === target) as RuleGrant
  return toTerms(grant, configuration.targets[target] as Target)
}

export interface Example {
  offer: Offer
  witness: Witness
  /** Whether the broker would really grant it: what CEL makes of the claims is not known before. */
  certain: boolean
}

/** Somebody who gets anything from these issuers' rules, with all that is asked of them. Throws Undecided. */
export function findGrant(
  side: Side,
  issuers: readonly Issuer[],
  asked: readonly Asked[],
  budget: Budget,
): Example | undefined {
  let doubtful: Example | undefined
  for (const issuer of issuers)
    for (const [uri, index] of side.offers.get(issuer.name) ?? [])
      for (const offer of index.all) {
        const start = narrowAll(offer.cube, [...asked, ...evaluated(offer.grant)])
        if (start === undefined) continue
        const rivals = rivalsOf(offer, start, index)
        let found: Example | undefined
        outside(
          start,
          rivals,
          (rest) => {
            const witness = toWitness(rest, issuer, side.now)
            const certain = grantedBy(decideFor(witness, uri, side)) !== undefined
            if (certain) found = { offer, witness, certain }
            doubtful ??= { offer, witness, certain }
            return certain
          },
          budget,
        )
        if (found !== undefined) return found
      }
  return doubtful
}

/** What else matches there and gives other terms: both together give nothing. */
export function rivalsOf({ kind }: Offer, cube: Cube, index: OfferIndex) {
  return index
    .near(cube)
    .filter((other) => other.kind !== kind)
    .map(({ tests }) => tests)
}
