import type { Configuration } from '../../trust/configuration.ts'
import { federatedRules } from '../../trust/expression.ts'
import { ofClaims, ofRequirements } from './claims.ts'
import type { Doubt } from './finding.ts'
import { ofLogins } from './logins.ts'
import { ofPublicEvent } from './public-event.ts'
import { ofRelations } from './relations.ts'

/** What in a safe configuration is seldom meant. `now` in seconds since 1970. */
export function findDoubts(configuration: Configuration, now: number): Doubt[] {
  return [
    ...ofRequirements(configuration),
    ...configuration.rules.flatMap((rule) => [
      ...ofClaims(rule, ['rules', rule.name], configuration),
      ...ofPublicEvent(rule, configuration),
    ]),
    ...ofRelations(configuration, now),
    ...ofLogins(configuration),
    ...federatedRules(configuration).flatMap((rule) =>
      ofClaims(rule, ['clients', rule.name, 'auth', 'federated'], configuration),
    ),
  ]
}
