import type { Configuration } from '../lib/trust/configuration.ts'

/** The same, with every shadow rule enforced. */
export function enforced(configuration: Configuration): Configuration {
  return { ...configuration, rules: configuration.rules.map((rule) => ({ ...rule, mode: 'enforce' as const })) }
}
