import type { Ports, RegistrationBook } from '../ports.ts'
import type { Policy } from '../trust/policy.ts'

/** One request of a client about itself, and what it may use. */
export interface RegistrationContext {
  policy: Pick<Policy, 'configuration' | 'ourIssuer'>
  ports: Pick<Ports, 'now' | 'log' | 'random'> & { registered: RegistrationBook }
  decision_id: string
  signal: AbortSignal
}
