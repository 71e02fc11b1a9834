import type { Configuration } from '../configuration.ts'
import { bounds, finding, HOUR, MINUTE, type GuardrailFinding } from './finding.ts'

export function ofTargets({ issuer, targets }: Configuration): GuardrailFinding[] {
  const entries = Object.entries(targets)
  return entries.flatMap(([name, target]) => {
    const path = ['targets', name]
    const twin = entries.find(([other, { audience }]) => other !== name && audience === target.audience)
    const namesake = entries.find(([other, { audience }]) => other !== name && audience === name)
    return [
      ...(twin
        ? [
            finding(
              'ambiguous-name',
              [...path, 'audience'],
              `${twin[0]} has the same audience: a request could mean either`,
            ),
          ]
        : []),
      ...(target.audience === issuer
        ? [
            finding(
              'ambiguous-name',
              [...path, 'audience'],
              'this is our own issuer URL: a token for a target must not look like one for us',
            ),
          ]
        : []),
      ...(namesake ? [finding('ambiguous-name', path, `the name is also the audience of ${namesake[0]}`)] : []),
      ...bounds([...path, 'lifetime'], target.lifetime, [MINUTE, '1m'], [24 * HOUR, '24h']),
    ]
  })
}
