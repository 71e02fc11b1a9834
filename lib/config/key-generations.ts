import type { SigningKey } from '../protocol/signing-keys.ts'
import type { Configuration } from '../trust/configuration.ts'

export interface KeyGeneration extends Pick<SigningKey, 'alg' | 'state'> {
  generation: string
}

/** Every KMS key that broker.yaml asks for: one for each algorithm and generation, each once. */
export function keyGenerations({ algorithms, keys }: Configuration['signing']): KeyGeneration[] {
  return algorithms.flatMap((alg) => {
    const { active = '1', published = [] } = keys[alg] ?? {}
    const generations = new Set([active, ...published])
    return [...generations].map((generation) => ({ alg, generation, state: stateOf(generation, active) }))
  })
}

/** Generations are named in the order they come: 9 is before 10, 2026-04 before 2026-10. */
const order = new Intl.Collator('en', { numeric: true })

function stateOf(generation: string, active: string): SigningKey['state'] {
  if (generation === active) return 'active'
  return order.compare(generation, active) < 0 ? 'retiring' : 'pending'
}
