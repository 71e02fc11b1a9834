import { isDeepStrictEqual } from 'node:util'
import type { Receipt } from '../lib/ports.ts'
import type { Decision, Granted } from '../lib/trust/decide.ts'
import type { Replayed } from '../lib/trust/replay.ts'
import { grantors } from '../lib/trust/explain.ts'
import { refusalText } from './outcome-text.ts'
import { counted, iso } from './revocation-text.ts'
import { notThere } from './rule-lines.ts'

/** What another policy does with an exchange. */
export type Flip =
  | { kind: 'refused'; reason: string; why: string[] }
  | { kind: 'granted'; by: string[] }
  | { kind: 'changed'; by: string[]; fewer_scopes: string[]; more_scopes: string[]; terms: string[] }
  | { kind: 'untold'; claims: string[] }

/** What was granted. `terms` is absent where only the receipt is left to tell. */
interface Before {
  rules: readonly string[]
  scopes: readonly string[]
  terms?: Record<string, unknown>
}

/** Undefined where nothing changes. The receipt speaks where it cannot be told what the first policy says. */
export function flipOf(
  receipt: Pick<Receipt, 'rules' | 'scopes'>,
  before: Replayed,
  after: Replayed,
): Flip | undefined {
  if ('untold' in after) return { kind: 'untold', claims: [...after.untold] }
  const was = 'untold' in before ? undefined : before
  const { decision } = after
  if (was !== undefined && 'refused' in was.decision)
    return 'granted' in decision ? { kind: 'granted', by: [...decision.granted.rules] } : undefined
  const granted = was === undefined ? receipt : beforeOf(was.decision as { granted: Granted }, was.sub)
  if ('refused' in decision)
    return { kind: 'refused', reason: refusalText(decision.refused), why: whyNot(granted.rules, decision) }
  return changeOf(granted, beforeOf(decision, after.sub))
}

function beforeOf({ granted }: { granted: Granted }, sub: string | undefined): Required<Before> {
  const { rules, target: _, ...terms } = granted
  const scopes = 'scopes' in granted ? granted.scopes : []
  return { rules, scopes, terms: { ...terms, scopes: undefined, sub } }
}

function changeOf(before: Before, after: Required<Before>): Flip | undefined {
  const { terms } = before
  const names = terms === undefined ? [] : [...new Set([...Object.keys(terms), ...Object.keys(after.terms)])]
  const change = {
    by: [...after.rules],
    fewer_scopes: before.scopes.filter((scope) => !after.scopes.includes(scope)),
    // The receipt alone does not say whether fewer were asked for.
    more_scopes: terms === undefined ? [] : after.scopes.filter((scope) => !before.scopes.includes(scope)),
    terms: names.filter((name) => !isDeepStrictEqual(terms?.[name], after.terms[name])),
  }
  const same =
    isDeepStrictEqual(before.rules, after.rules) &&
    change.fewer_scopes.length + change.more_scopes.length + change.terms.length === 0
  return same ? undefined : { kind: 'changed', ...change }
}

/** Of each rule that granted, what keeps it from that now. */
function whyNot(rules: readonly string[], { trace }: Decision): string[] {
  if (trace.requirement_failed !== undefined) return [`the issuer's require fails at ${trace.requirement_failed}`]
  return rules.flatMap((name) => {
    const fared = trace.rules.find(({ rule }) => rule === name)
    if (fared === undefined) return [`rule ${name} is no longer a rule for it`]
    if (fared.failed !== undefined) return [`rule ${name} does not match: ${fared.failed}`]
    return fared.mode === 'shadow' ? [`rule ${name} is in shadow`] : []
  })
}

/** What changes, in one line. */
export function flipText(flip: Flip): string {
  if (flip.kind === 'untold') return `cannot be told: ${notThere(flip.claims)}`
  if (flip.kind === 'granted') return `granted by ${grantors(flip.by)}`
  if (flip.kind === 'refused') return [flip.reason, ...flip.why].join('; ')
  const { by, fewer_scopes, more_scopes, terms } = flip
  return [
    `by ${grantors(by)}`,
    ...(fewer_scopes.length > 0 ? [`without the scopes ${fewer_scopes.join(' ')}`] : []),
    ...(more_scopes.length > 0 ? [`with the scopes ${more_scopes.join(' ')} too`] : []),
    ...(terms.length > 0 ? [`with another ${terms.join(', ')}`] : []),
  ].join(', ')
}

/** Flips of one kind, of one subject at one target by the same rules. */
export type FlipGroup = Flip & {
  subject: string
  target: string
  /** Those that granted. */
  rules: string[]
  count: number
  /** What `detail` is of. */
  newest: { decision_id: string; at: number }
}

export interface FlipGroups {
  add(receipt: Receipt, flip: Flip): void
  /** The most first. */
  list(): FlipGroup[]
}

export function flipGroups(): FlipGroups {
  const groups = new Map<string, FlipGroup>()
  return {
    add({ sub, target, rules, decision_id, at }, flip) {
      const key = JSON.stringify([sub, target, rules, flip.kind === 'refused' ? flip.kind : flip])
      const group = groups.get(key)
      const count = (group?.count ?? 0) + 1
      if (group !== undefined && group.newest.at >= at) group.count = count
      else groups.set(key, { ...flip, subject: sub, target, rules, count, newest: { decision_id, at } })
    },
    list: () => [...groups.values()].toSorted((a, b) => b.count - a.count || (a.subject < b.subject ? -1 : 1)),
  }
}

const headings: Readonly<Record<Flip['kind'], string>> = {
  refused: 'would be refused',
  changed: 'would be granted otherwise',
  granted: 'would be granted, and are not now',
  untold: 'cannot be told',
}

export function groupLines(groups: readonly FlipGroup[]): string[] {
  return (Object.keys(headings) as Flip['kind'][]).flatMap((kind) => {
    const ofKind = groups.filter((group) => group.kind === kind)
    return ofKind.length === 0 ? [] : [headings[kind], ...ofKind.flatMap(linesOf)]
  })
}

function linesOf(group: FlipGroup): string[] {
  const { subject, target, rules, count, newest } = group
  return [
    `  ${count} × ${subject}, target ${target}, by ${grantors(rules)}`,
    `      ${flipText(group)}`,
    `      newest: decision ${newest.decision_id}, ${iso(newest.at)}`,
  ]
}

/** How many of each kind, in one line. */
export function flipCounts(groups: readonly FlipGroup[], receipts: number): string {
  const of = (kind: Flip['kind']) =>
    groups.filter((group) => group.kind === kind).reduce((sum, { count }) => sum + count, 0)
  const flipped = groups.reduce((sum, { count }) => sum + count, 0)
  return [
    `${counted(receipts, 'receipt')}: ${receipts - flipped} as before`,
    ...(Object.keys(headings) as Flip['kind'][]).flatMap((kind) =>
      of(kind) > 0 ? [`${of(kind)} ${headings[kind]}`] : [],
    ),
  ].join(', ')
}
