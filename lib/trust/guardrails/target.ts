import { uriOf, type Configuration, type Target } from '../configuration.ts'
import { bounds, finding, HOUR, MINUTE, type GuardrailFinding } from './finding.ts'
import { unsafePolicy } from './session.ts'

export function ofTargets({ issuer, targets }: Configuration): GuardrailFinding[] {
  const entries = Object.entries(targets)
  return entries.flatMap(([name, target]) => {
    const path = ['targets', name]
    const kind = 'role' in target ? 'role' : 'audience'
    const twin = entries.find(([other, settings]) => other !== name && uriOf(settings) === uriOf(target))
    const namesake = entries.find(([other, settings]) => other !== name && uriOf(settings) === name)
    return [
      ...(twin
        ? [finding('ambiguous-name', [...path, kind], `${twin[0]} has the same ${kind}: a request could mean either`)]
        : []),
      ...(uriOf(target) === issuer
        ? [
            finding(
              'ambiguous-name',
              [...path, kind],
              'this is our own issuer URL: a token for a target must not look like one for us',
            ),
          ]
        : []),
      ...(namesake ? [finding('ambiguous-name', path, `the name is also the audience of ${namesake[0]}`)] : []),
      ...ofKind(target, path),
    ]
  })
}

function ofKind(target: Target, path: readonly string[]): GuardrailFinding[] {
  if (!('role' in target)) return bounds([...path, 'lifetime'], target.lifetime, [MINUTE, '1m'], [24 * HOUR, '24h'])
  return [
    // What STS gives at least, and at most to a role that assumes another.
    ...bounds([...path, 'lifetime'], target.lifetime, [15 * MINUTE, '15m'], [HOUR, '1h']),
    ...(target.session_policy ? unsafePolicy(target.session_policy, [...path, 'session_policy']) : []),
  ]
}
