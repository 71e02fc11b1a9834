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

/** Offers by the values they ask for, so that those of other repositories are never looked at. */
export class OfferIndex {
  readonly all: readonly Offer[]
  readonly #dimensions = new Map<string, { byValue: Map<Scalar, Offer[]>; others: Offer[] }>()

  constructor(offers: readonly Offer[]) {
    this.all = offers
    const dimensions = new Set(offers.flatMap(({ cube }) => [...cube.values.keys()]))
    for (const dimension of dimensions) {
      const byValue = new Map<Scalar, Offer[]>()
      const others: Offer[] = []
      for (const offer of offers) {
        const values = valuesOf(offer.cube, dimension)
        if (values === undefined) others.push(offer)
        for (const value of values ?? []) {
          const known = byValue.get(value)
          if (known) known.push(offer)
          else byValue.set(value, [offer])
        }
      }
      if (byValue.size > 0) this.#dimensions.set(dimension, { byValue, others })
    }
  }

  /** All that may share something with the cube, and some that do not. */
  near(cube: Cube): readonly Offer[] {
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
