import { named, type Configuration, type Rule } from '../../trust/configuration.ts'
import { forbiddenEvents } from '../../trust/presets.ts'
import { doubt, type Doubt } from './finding.ts'

/** A role that opens for an event which its preset would refuse, had the rule not named it. */
export function ofPublicEvent(
  { name, issuers: names, match, grant }: Rule,
  { issuers, targets }: Configuration,
): Doubt[] {
  const roles = grant.filter(({ target }) => 'role' in (named(targets, target) ?? {})).map(({ target }) => target)
  if (roles.length === 0) return []
  const found = names.flatMap((issuer) => {
    const events = forbiddenEvents(named(issuers, issuer)?.preset)
    return match.flatMap(({ key, path, operator }) => {
      if (events === undefined || path.length > 1 || path[0] !== events.claim || !('equals' in operator)) return []
      const caused = operator.equals.filter((value) => events.values.some((event) => event === value))
      if (caused.length === 0) return []
      const message = `who causes ${key} ${caused.join(', ')} need not be anybody you trust, and ${roles.join(', ')} is then theirs`
      return [doubt('public-event-role', ['rules', name, 'match', key], message)]
    })
  })
  return found.slice(0, 1)
}
