import type { Issuer } from '../configuration.ts'
import { isWithinOne, narrowAll, outside, whereAll, type Asked, type Budget, type Cube, type Test } from './cube.ts'
import type { NewAccess } from './finding.ts'
import { evaluated, type Offer, type OfferIndex } from './offers.ts'
import {
  decideFor,
  grantedBy,
  maySpeakFor,
  rivalsOf,
  sameIssuer,
  scopesOf,
  termsGranted,
  toWitness,
  type Side,
  type Witness,
} from './side.ts'
import { gainsOf } from './terms.ts'
import { clientAmong } from './tests-of.ts'

/** Both files, and what may be spent on telling them apart. */
export interface Comparison {
  before: Side
  after: Side
  /** For an issuer, by its name: no client, or one that may come with what it says in both. */
  client: (issuer: string) => Asked
  budget: Budget
}

export function toComparison(before: Side, after: Side, budget: Budget): Comparison {
  const known = new Map<string, Asked>()
  const ofBoth = (issuer: string) =>
    Object.keys(after.policy.configuration.clients).filter((id) =>
      [before, after].every((side) => maySpeakFor(id, issuer, side)),
    )
  const client = (issuer: string) => {
    const asked = known.get(issuer) ?? clientAmong(ofBoth(issuer))
    known.set(issuer, asked)
    return asked
  }
  return { before, after, client, budget }
}

/** After so many examples that do not hold there is something that we cannot see. */
const MAX_EXAMPLES = 16

/**
 * How one grant of the new file goes beyond the old, for the tokens of one issuer and the clients of both. Whoever it is for
 * had it before where an old grant with terms as good matched, and no other one with other terms did: what lies outside
 * all of the former, or inside of one of the latter, is new. Throws Undecided.
 */
export function compareOffer(offer: Offer, issuer: Issuer, comparison: Comparison): NewAccess[] {
  const { before, after, client, budget } = comparison
  const start = narrowAll(offer.cube, [client(issuer.name), ...evaluated(offer.grant)])
  if (start === undefined) return []
  const rivals = rivalsOf(offer, start, after.offers.get(issuer.name)?.get(offer.uri) as OfferIndex)
  const near = sameIssuer(before, issuer) ? (before.offers.get(issuer.name)?.get(offer.uri)?.near(start) ?? []) : []
  const [enough, others] = split(near, ({ terms }) => gainsOf(terms, offer.terms).length === 0)
  const look = (cube: Cube, except: readonly (readonly Test[])[], scope?: string) =>
    findNew(cube, [...rivals, ...except], { offer, scope }, issuer, comparison)

  const found: Found[] = []
  for (const scope of offer.grant.scopes.length > 0 ? offer.grant.scopes : [undefined]) {
    if (scope !== undefined && found.some(({ scopes }) => scopes.includes(scope))) continue
    const covering = enough.filter(({ grant }) => scope === undefined || grant.scopes.includes(scope))
    // Most rules are as they were: their own first.
    const ordered = split(covering, ({ rule }) => rule.name === offer.rule.name).flat()
    const one = look(
      start,
      ordered.map(({ tests }) => tests),
      scope,
    )
    if (one) found.push(one)
  }
  for (const cube of contradicted(start, enough, others, budget)) {
    if (found.some(({ access }) => access.certain)) break
    const one = look(cube, [])
    if (one) found.push(one)
  }
  return found.map(({ access }) => access)
}

/** Where an old grant matched that gave less, or other terms: two that differ give nothing together. */
function* contradicted(
  start: Cube,
  enough: readonly Offer[],
  others: readonly Offer[],
  budget: Budget,
): Generator<Cube> {
  const mixed = new Set(enough.map(({ kind }) => kind)).size > 1 ? enough : []
  const pairs = [
    ...others.map(({ tests }) => tests),
    ...mixed.flatMap((one, index) => {
      budget.spend(mixed.length)
      const against = mixed.slice(index + 1).filter(({ kind }) => kind !== one.kind)
      return against.map((other) => [...one.tests, ...other.tests])
    }),
  ]
  for (const tests of pairs) {
    const cube = whereAll(start, tests)
    if (cube) yield cube
  }
}

interface Found {
  access: NewAccess
  /** Those that the example has told of. */
  scopes: readonly string[]
}

function findNew(
  cube: Cube,
  except: readonly (readonly Test[])[],
  sought: { offer: Offer; scope: string | undefined },
  issuer: Issuer,
  { before, after, budget }: Comparison,
): Found | undefined {
  let examples = 0
  let doubtful: Found | undefined
  let found: Found | undefined
  const compare = (rest: Cube) => compareAt(toWitness(rest, issuer, after.now), sought, before, after)
  if (isWithinOne(cube, except, budget)) return undefined
  // The simplest of all is often new, and then nothing need be told apart.
  const simplest = compare(cube)
  if (simplest?.access.certain && (sought.scope === undefined || simplest.scopes.includes(sought.scope)))
    return simplest
  outside(
    cube,
    except,
    (rest) => {
      const seen = compare(rest)
      if (seen?.access.certain) found = seen
      doubtful ??= seen ?? unseen(sought, issuer)
      return found !== undefined || ++examples >= MAX_EXAMPLES
    },
    budget,
  )
  return found ?? doubtful
}

/** What the broker itself would make of an example, by each file. Undefined where it would give nothing new. */
function compareAt(
  witness: Witness,
  { offer: { rule, grant, uri } }: { offer: Offer },
  before: Side,
  after: Side,
): Found | undefined {
  const granted = grantedBy(decideFor(witness, uri, after))
  if (granted === undefined) return undefined
  const decision = decideFor(witness, uri, before)
  const earlier = grantedBy(decision)
  const scopes = scopesOf(granted).filter((scope) => grant.scopes.includes(scope) && !scopesOf(earlier).includes(scope))
  const ofScopes = scopes.length > 0 ? `scope ${scopes.join(' ')} is granted, which was not` : undefined
  const gains =
    earlier === undefined
      ? [
          {
            what: `${ofScopes ?? 'it is granted, which it was not'}${whyNot(witness, decision, before)}`,
            certain: true,
          },
        ]
      : [
          ...(ofScopes === undefined ? [] : [{ what: ofScopes, certain: true }]),
          ...gainsOf(termsGranted(earlier, before), termsGranted(granted, after)),
        ]
  if (gains.length === 0) return undefined
  const certain = gains.some(({ certain }) => certain)
  const what = gains.map(({ what }) => what).join('; ')
  return {
    access: { rules: [rule.name], issuer: witness.issuer, target: grant.target, what, certain, witness },
    scopes,
  }
}

function whyNot({ issuer, iss }: Witness, decision: ReturnType<typeof decideFor>, { policy }: Side): string {
  if (decision !== undefined && 'refused' in decision && decision.refused.reason === 'ambiguous_rules')
    return `: ${decision.refused.rules.join(' and ')} contradicted each other`
  const name = Object.values(policy.configuration.issuers).find((known) => known.issuer === iss)?.name
  return name === undefined || name === issuer ? '' : `: the issuer was called ${name}, which is part of every sub`
}

function unseen({ offer: { rule, grant }, scope }: { offer: Offer; scope: string | undefined }, issuer: Issuer): Found {
  const what = `${scope === undefined ? 'it' : `scope ${scope}`} may be granted where it was not: what CEL makes of claims is not compared`
  return {
    access: { rules: [rule.name], issuer: issuer.name, target: grant.target, what, certain: false },
    scopes: [],
  }
}

function split<T>(list: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  const yes: T[] = []
  const no: T[] = []
  for (const item of list) (test(item) ? yes : no).push(item)
  return [yes, no]
}
