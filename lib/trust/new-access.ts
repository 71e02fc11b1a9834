import type { Configuration, Issuer } from './configuration.ts'
import { compareClient } from './new-access/compare-client.ts'
import { compareIssuer } from './new-access/compare-issuer.ts'
import { compareOffer, toComparison } from './new-access/compare-offer.ts'
import { Budget } from './new-access/cube.ts'
import type { NewAccess } from './new-access/finding.ts'
import { toSide } from './new-access/side.ts'
import { Undecided } from './new-access/undecided.ts'

/**
 * All that `after` grants and `before` did not, from `now` (seconds since 1970) on. None means that there is none: what
 * cannot be decided is among the findings.
 */
export async function findNewAccess(before: Configuration, after: Configuration, now: number): Promise<NewAccess[]> {
  const comparison = toComparison(await toSide(before, now), await toSide(after, now), new Budget())
  const issuers = Object.values(after.issuers)
  const findings = [
    ...ourselves(before, after),
    ...issuers.flatMap((issuer) => decided({ issuer: issuer.name }, () => compareIssuer(issuer, comparison))),
    ...Object.keys(after.clients).flatMap((client) => decided({ client }, () => compareClient(client, comparison))),
    ...issuers.flatMap((issuer) => ofRules(issuer, comparison)),
  ]
  return merged(findings)
}

/** Whoever trusts our tokens trusts them by this. */
function ourselves({ issuer: before }: Configuration, { issuer: after }: Configuration): NewAccess[] {
  const what = `what is issued says iss ${after} instead of ${before}, which others may trust otherwise`
  return before === after ? [] : [{ rules: [], what, certain: false }]
}

function ofRules(issuer: Issuer, comparison: ReturnType<typeof toComparison>): NewAccess[] {
  const targets = comparison.after.offers.get(issuer.name)?.values() ?? []
  return [...targets].flatMap(({ all }) =>
    all.flatMap((offer) =>
      decided({ rules: [offer.rule.name], issuer: issuer.name, target: offer.grant.target }, () =>
        compareOffer(offer, issuer, comparison),
      ),
    ),
  )
}

function decided(about: Partial<NewAccess>, compare: () => NewAccess[]): NewAccess[] {
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
