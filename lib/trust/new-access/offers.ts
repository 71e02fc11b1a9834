import { groupBy } from '../../protocol/group-by.ts'
import {
  uriOf,
  type Expression,
  type Issuer,
  type Rule,
  type RuleGrant,
  type Scalar,
  type Target,
} from '../configuration.ts'
import { termsOf } from '../decide.ts'
import type { Policy } from '../policy.ts'
import { claimDimension, everything, whereAll, type Asked, type Cube, type Test } from './cube.ts'
import { toTerms, type Terms } from './terms.ts'
import { beginDifferently, hasPatterns } from './string-set.ts'
import { testsOf } from './tests-of.ts'
import { listed, present, tagValues, type ValueSet } from './value-set.ts'

/** What one rule grants of one target to the tokens of one issuer. */
export interface Offer {
  rule: Rule
  grant: RuleGrant
  /** What the target is, whatever it is called. */
  uri: string
  terms: Terms
  /** Two that differ here are `ambiguous_rules` where both match. */
  kind: string
  tests: readonly Test[]
  /** Where all its tests hold. */
  cube: Cube
}

/** All that is enforced and can ever match, from `now` on. */
export function offersTo(issuer: Issuer, policy: Pick<Policy, 'configuration' | 'rules'>, now: number): Offer[] {
  const { targets } = policy.configuration
  return (policy.rules.get(issuer.name) ?? []).flatMap((rule) => {
    if (rule.mode !== 'enforce') return []
    const tests = testsOf(rule, issuer)
    const cube = whereAll(everything(now), tests)
    if (cube === undefined) return []
    return rule.grant.map((grant) => {
      const target = targets[grant.target] as Target
      return { rule, grant, uri: uriOf(target), terms: toTerms(grant, target), kind: termsOf(grant), tests, cube }
    })
  })
}

/** What a token must have for what the grant takes from it. Of CEL that is not known. */
export function evaluated({ claims, session }: RuleGrant): Asked[] {
  const asked = (expressions: Readonly<Record<string, Expression>>, set: ValueSet) =>
    Object.values(expressions).flatMap((expression) =>
      'path' in expression ? [{ dimension: claimDimension(expression.path), path: expression.path, set }] : [],
    )
  return [...asked(claims, present), ...asked(session?.tags ?? {}, tagValues)]
}

/** By the URI of the target. */
export function indexOffers(offers: readonly Offer[]): Map<string, OfferIndex> {
  return new Map([...groupBy(offers, ({ uri }) => [uri])].map(([uri, list]) => [uri, new OfferIndex(list)]))
}

/** Offers by the values they ask for, so that those of other repositories are never looked at. */
export class OfferIndex {
  readonly all: readonly Offer[]
  readonly #dimensions = new Map<string, { byValue: Map<Scalar, Offer[]>; others: Offer[] }>()

  constructor(offers: readonly Offer[]) {
    this.all = offers
    const dimensions = new Set(offers.flatMap(({ cube }) => [...cube.values.keys()]))
    for (const dimension of dimensions) {
      const byValue = groupBy(offers, ({ cube }) => valuesOf(cube, dimension) ?? [])
      const others = offers.filter(({ cube }) => valuesOf(cube, dimension) === undefined)
      if (byValue.size > 0) this.#dimensions.set(dimension, { byValue, others })
    }
  }

  /** All that may share something with the cube, and some that do not. */
  near(cube: Cube): readonly Offer[] {
    const patterns = [...cube.values].filter(([, { set }]) => hasPatterns(set.strings))
    const near = this.#nearByValue(cube)
    // Cheaper to see than by comparing them: two patterns that begin differently have no text in common.
    return patterns.length === 0
      ? near
      : near.filter((offer) =>
          patterns.every(([dimension, { set }]) => {
            const other = offer.cube.values.get(dimension)?.set.strings
            return other === undefined || !beginDifferently(set.strings, other)
          }),
        )
  }

  #nearByValue(cube: Cube): readonly Offer[] {
    let fewest: (readonly Offer[])[] = [this.all]
    const count = (lists: readonly (readonly Offer[])[]) => lists.reduce((sum, { length }) => sum + length, 0)
    for (const [dimension, { byValue, others }] of this.#dimensions) {
      const values = valuesOf(cube, dimension)
      if (values === undefined) continue
      const lists = [others, ...values.map((value) => byValue.get(value) ?? [])]
      if (count(lists) < count(fewest)) fewest = lists
    }
    return fewest.length === 1 ? (fewest[0] as readonly Offer[]) : [...new Set(fewest.flat())]
  }
}

function valuesOf({ values }: Cube, dimension: string): Scalar[] | undefined {
  const constraint = values.get(dimension)
  return constraint && listed(constraint.set)
}
