import type { Configuration, Issuer } from './configuration.ts'
import { compareClient } from './new-access/compare-client.ts'
import { compareClientLogin, compareUpstream } from './new-access/compare-login.ts'
import { compareIssuer } from './new-access/compare-issuer.ts'
import { compareRegistration } from './new-access/compare-registration.ts'
import { compareOffer, toComparison, type Comparison } from './new-access/compare-offer.ts'
import { Budget } from './new-access/cube.ts'
import type { NewAccess } from './new-access/finding.ts'
import { toSide, type Side } from './new-access/side.ts'
import { Undecided } from './new-access/undecided.ts'
import { toPolicy } from './policy.ts'

/**
 * All that `after` grants and `before` did not, from `now` (seconds since 1970) on. None means that there is none: what
 * cannot be decided is among the findings.
 */
export async function findNewAccess(before: Configuration, after: Configuration, now: number): Promise<NewAccess[]> {
  const policies = [await toPolicy(before, before.issuer), await toPolicy(after, after.issuer)] as const
  const budget = new Budget()
  return decided({}, budget, () => {
    const [old, new_] = policies.map((policy) => toSide(policy, now)) as [Side, Side]
    const comparison = toComparison(old, new_, budget)
    const issuers = Object.values(after.issuers)
    const clients = Object.keys(after.clients)
    return merged([
      ...ourselves(before, after),
      ...issuers.flatMap((issuer) => decided({ issuer: issuer.name }, budget, () => compareIssuer(issuer, comparison))),
      ...issuers.flatMap((issuer) =>
        decided({ issuer: issuer.name }, budget, () => compareUpstream(issuer, comparison)),
      ),
      ...clients.flatMap((client) => decided({ client }, budget, () => compareClient(client, comparison))),
      ...clients.flatMap((client) => compareClientLogin(client, comparison)),
      ...compareRegistration(comparison),
      ...issuers.flatMap((issuer) => ofRules(issuer, comparison)),
    ])
  })
}

/** Whoever trusts our tokens trusts them by this. */
function ourselves({ issuer: before }: Configuration, { issuer: after }: Configuration): NewAccess[] {
  const what = `what is issued says iss ${after} instead of ${before}, which others may trust otherwise`
  return before === after ? [] : [{ rules: [], what, certain: false }]
}

function ofRules(issuer: Issuer, comparison: Comparison): NewAccess[] {
  const targets = comparison.after.offers.get(issuer.name)?.values() ?? []
  return [...targets].flatMap(({ all }) =>
    all.flatMap((offer) =>
      decided({ rules: [offer.rule.name], issuer: issuer.name, target: offer.grant.target }, comparison.budget, () =>
        compareOffer(offer, issuer, comparison),
      ),
    ),
  )
}

function decided(about: Partial<NewAccess>, budget: Budget, compare: () => NewAccess[]): NewAccess[] {
  budget.begin()
  try {
    return compare()
  } catch (error) {
    if (!(error instanceof Undecided)) throw error
    const what = 'it could not be decided, because too many conditions overlap'
    return [{ rules: [], ...about, what, certain: false }]
  }
}

/** One change may show in many rules, and is told once. */
function merged(findings: readonly NewAccess[]): NewAccess[] {
  const groups = new Map<string, NewAccess>()
  for (const finding of findings) {
    const { issuer, client, target, what, certain } = finding
    const key = JSON.stringify([issuer, client, target, what, certain])
    const known = groups.get(key)
    groups.set(key, known ? { ...known, rules: [...new Set([...known.rules, ...finding.rules])] } : finding)
  }
  return [...groups.values()]
}
