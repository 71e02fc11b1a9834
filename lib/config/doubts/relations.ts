import { groupBy } from '../../protocol/group-by.ts'
import { TOKEN_EXCHANGE_GRANT } from '../../protocol/urns.ts'
import { named, type Configuration, type Issuer, type Rule } from '../../trust/configuration.ts'
import { claimDimension, claimsOf, everything, whereAll, whereNot, type Cube } from '../../trust/new-access/cube.ts'
import { indexOffers, offersTo, type Offer, type OfferIndex } from '../../trust/new-access/offers.ts'
import { clientOf, testsOf } from '../../trust/new-access/tests-of.ts'
import { Undecided } from '../../trust/new-access/undecided.ts'
import { rulesByIssuer } from '../../trust/policy.ts'
import { doubt, type Doubt } from './finding.ts'

/** How a rule, for one target and the tokens of one issuer, stands to the others that grant it. */
interface Relation {
  rule: Rule
  target: string
  /** Rules that give as much to all of these tokens. */
  wider: readonly Rule[]
  /** Rules that give something else to all of these tokens, so that none gets anything. */
  against: readonly Rule[]
  /** Rules that give something else to some of them, each with one for example. */
  apart: readonly { rule: Rule; example: string }[]
}

/** Rules that nothing can meet, that another makes needless, and that contradict another. `now` in seconds since 1970. */
export function ofRelations(configuration: Configuration, now: number): Doubt[] {
  try {
    return foundRelations(configuration, now)
  } catch (error) {
    // Patterns that would take too long to tell apart are nobody's mistake.
    if (error instanceof Undecided) return [notCompared]
    throw error
  }
}

function foundRelations(configuration: Configuration, now: number): Doubt[] {
  const relations = relationsIn(configuration, now)
  return [
    // What has a relation is met by some token.
    ...configuration.rules.flatMap((rule) => neverMatches(rule, configuration, relations?.has(rule) === true)),
    ...(relations === undefined
      ? [notCompared]
      : [...shadowed(relations), ...[...relations.values()].flatMap(contradicted)]),
  ]
}

const notCompared = doubt(
  'overlapping-rules',
  ['rules'],
  'too many of these rules are too much alike to be compared with each other',
)

/** So many pairs of rules that may meet are compared, and of two with patterns for one claim so many: a second or two. */
const MAX_PAIRS = 20_000
const MAX_PATTERNS = 300

function relationsIn(configuration: Configuration, now: number): Map<Rule, Relation[]> | undefined {
  const rules = rulesByIssuer(configuration.rules)
  const relations: Relation[] = []
  let pairs = 0
  let patterns = 0
  for (const issuer of Object.values(configuration.issuers)) {
    const offers = offersTo(issuer, { configuration, rules }, now)
    const indexes = indexOffers(offers)
    for (const offer of offers) {
      const near = (indexes.get(offer.uri) as OfferIndex).near(offer.cube)
      const others = near.filter((other) => other.rule !== offer.rule)
      pairs += others.length
      patterns += others.filter((other) => other.kind !== offer.kind && comparesPatterns(other, offer)).length
      if (pairs > MAX_PAIRS || patterns > MAX_PATTERNS) return undefined
      relations.push(relate(offer, others))
    }
  }
  return groupBy(relations, ({ rule }) => [rule])
}

function relate(offer: Offer, others: readonly Offer[]): Relation {
  const wider = others.filter((other) => covers(other, offer))
  const against = wider.filter(({ kind }) => kind !== offer.kind)
  const apart = others.filter((other) => other.kind !== offer.kind && !against.includes(other) && !covers(offer, other))
  return {
    rule: offer.rule,
    target: offer.grant.target,
    wider: wider.filter((other) => other.kind === offer.kind && grantsAll(other, offer)).map(({ rule }) => rule),
    against: against.map(({ rule }) => rule),
    apart: apart.flatMap((other) => {
      const both = other.rule.name < offer.rule.name ? meeting(other, offer) : undefined
      return both === undefined ? [] : [{ rule: other.rule, example: exampleOf(both) }]
    }),
  }
}

/** Whether two patterns have a text in common is the one question that takes long. */
function comparesPatterns({ rule: { match } }: Offer, { rule }: Offer): boolean {
  return match.some(
    ({ path, operator }) =>
      'glob' in operator &&
      rule.match.some((other) => 'glob' in other.operator && claimDimension(other.path) === claimDimension(path)),
  )
}

/** Every token that meets `narrow` meets `wide` too. */
function covers(wide: Offer, narrow: Offer): boolean {
  return wide.tests.every((test) => whereNot(narrow.cube, test) === undefined)
}

function grantsAll(wide: Offer, narrow: Offer): boolean {
  return narrow.grant.scopes.every((scope) => wide.grant.scopes.includes(scope))
}

/** Tokens that meet both. Of two expressions in CEL nobody knows whether both can hold. */
function meeting(one: Offer, other: Offer): Cube | undefined {
  const [first, second] = [one, other].map(({ rule: { when } }) => (when && 'cel' in when ? when.cel : undefined))
  if (first !== undefined && second !== undefined && first !== second) return undefined
  return whereAll(other.cube, one.tests)
}

function exampleOf(cube: Cube): string {
  const client_id = clientOf(cube)
  const from = client_id === undefined ? '' : ` from client ${client_id}`
  return `${from} with ${JSON.stringify(claimsOf(cube))}, for example,`
}

/** A rule of a client has nothing to match. One in shadow mode is tried out, and should be possible too. */
function neverMatches(rule: Rule, { issuers, clients }: Configuration, isMet: boolean): Doubt[] {
  if (rule.issuers.length === 0) return []
  const path = ['rules', rule.name]
  // That it has expired is another finding.
  const { expires_at: _, ...always } = rule
  const met =
    isMet ||
    rule.issuers.some((name) => whereAll(everything(0), testsOf(always, named(issuers, name) as Issuer)) !== undefined)
  if (!met) return [doubt('never-matches', path, 'no token can meet all that this rule and its issuer ask')]
  const bySubject = (id: string) =>
    named(clients, id)?.grants.includes(TOKEN_EXCHANGE_GRANT) === true ||
    named(clients, id)?.login?.issuers.some((name) => rule.issuers.includes(name)) === true
  const mute = rule.clients?.some(bySubject) === false
  const message =
    'none of these clients may trade tokens, or logs people of these issuers in: see its grants, and login'
  return mute ? [doubt('never-matches', [...path, 'clients'], message)] : []
}

function shadowed(relations: ReadonlyMap<Rule, readonly Relation[]>): Doubt[] {
  /** By one and the same rule, whatever is granted to whichever issuer's tokens. */
  const isWider = (candidate: Rule, rule: Rule) =>
    relations.get(rule)?.every(({ wider }) => wider.includes(candidate)) === true
  return [...relations].flatMap(([rule, [first]]) => {
    // Of two that are equal, the one whose name comes later.
    const wider = first?.wider.find((one) => isWider(one, rule) && (one.name < rule.name || !isWider(rule, one)))
    if (wider === undefined) return []
    const message = `${wider.name} grants all of this to everybody whom it admits: remove one of the two, or narrow ${wider.name}`
    return [doubt('shadowed-rule', ['rules', rule.name], message)]
  })
}

function contradicted(relations: readonly Relation[]): Doubt[] {
  const targets = [...new Set(relations.map(({ target }) => target))]
  return targets.flatMap((target) => {
    const ofTarget = relations.filter((relation) => relation.target === target)
    const [{ rule }] = ofTarget as [Relation]
    const path = ['rules', rule.name]
    const differs = `which differs in the claims, tags or policies of ${target}`
    if (ofTarget.every(({ against }) => against.length > 0)) {
      const names = namesOf(ofTarget.flatMap(({ against }) => against))
      return [doubt('ambiguous-rules', path, `whoever matches this matches ${names} too, ${differs}: nobody gets it`)]
    }
    const met = ofTarget.flatMap(({ apart, against }) => [...apart, ...against.map((rule) => ({ rule, example: '' }))])
    const [example] = met
    if (example === undefined) return []
    const names = namesOf(met.map(({ rule }) => rule))
    return [
      doubt(
        'overlapping-rules',
        path,
        `a token${example.example} can match ${names} too, ${differs}, and is then refused`,
      ),
    ]
  })
}

function namesOf(rules: readonly Rule[]): string {
  return [...new Set(rules.map(({ name }) => name))].toSorted().join(', ')
}
