import type { Expression, Issuer, Operator, Rule } from '../configuration.ts'
import { namesLiterally } from '../evaluate-rule.ts'
import { forbiddenEvents } from '../presets.ts'
import { claimDimension, type Asked, type Cube, type Test } from './cube.ts'
import { among, containing, like, ofTypeExcept, plainValue, scalarExcept, type Split } from './value-set.ts'

const CLIENT = 'client'

/** All that a rule asks of a token of this issuer and of who presents it, as `decide` does. */
export function testsOf(rule: Rule, issuer: Issuer): Test[] {
  const conditions = [...issuer.require, ...rule.match]
  return [
    ...conditions.map(({ path, operator }) => ({ dimension: claimDimension(path), path, ...splitOf(operator) })),
    ...(rule.when === undefined ? [] : [isTrue(rule.when)]),
    ...trustedEvent(rule, issuer),
    ...(rule.clients === undefined ? [] : [{ dimension: CLIENT, path: undefined, ...among(rule.clients) }]),
    ...(rule.expires_at === undefined ? [] : [{ until: rule.expires_at }]),
  ]
}

function splitOf(operator: Operator): Split {
  if ('equals' in operator) return among(operator.equals)
  if ('not' in operator) return scalarExcept(operator.not)
  return 'glob' in operator ? like(operator.glob) : containing(operator.contains)
}

/** What CEL makes of claims is not known: the same text means the same, and anything else may be so or not. */
function isTrue(when: Expression): Test {
  return 'path' in when
    ? { dimension: claimDimension(when.path), path: when.path, ...among([true]) }
    : { dimension: `when ${when.cel}`, path: undefined, ...among([true]) }
}

function trustedEvent(rule: Rule, { preset }: Issuer): Test[] {
  const events = forbiddenEvents(preset)
  if (events === undefined) return []
  const type = typeof events.values[0] === 'boolean' ? 'boolean' : 'string'
  const path = [events.claim]
  const excluded = namesLiterally(rule, events.claim) ? [] : events.values
  return [{ dimension: claimDimension(path), path, ...ofTypeExcept(type, excluded) }]
}

/** Any of these clients, or none. */
export function clientAmong(clients: Iterable<string>): Asked {
  return { dimension: CLIENT, path: undefined, set: { ...among([...clients]).holds, absent: true } }
}

export function clientIs(client: string): Asked {
  return { dimension: CLIENT, path: undefined, set: among([client]).holds }
}

/** One that the cube allows; undefined where the workload may be its own client. */
export function clientOf({ values }: Cube): string | undefined {
  const constraint = values.get(CLIENT)
  return constraint && (plainValue(constraint.set) as string | undefined)
}
