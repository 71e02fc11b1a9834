import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import type { RunningBroker } from './running-broker.ts'

export const verbose = process.argv.includes('--verbose')

export interface Answer {
  status: number
  body: Record<string, unknown>
  decisionId: string
}

export async function jobToken(broker: RunningBroker, changes: Record<string, string> = {}): Promise<string> {
  const query = new URLSearchParams({ audience: broker.url, ...changes })
  const response = await fetch(`${broker.issuer}/token?${query.toString()}`)
  return response.text()
}

/** What the kubelet writes into a pod. */
export async function podToken(broker: RunningBroker): Promise<string> {
  const response = await fetch(`${broker.issuer}/cluster/token?audience=${encodeURIComponent(broker.url)}`)
  return response.text()
}

export async function exchange(broker: RunningBroker, subject_token: string, audience = 'deploy-api'): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    subject_token,
    audience,
  })
  const response = await fetch(`${broker.url}/token`, { method: 'POST', body: form })
  const body = (await response.json()) as Record<string, unknown>
  if (verbose) {
    process.stdout.write(
      `\n> POST ${broker.url}/token\n> ${[...form].map(([name, value]) => `${name}=${shortened(value)}`).join('\n> ')}\n`,
    )
    process.stdout.write(
      `< ${response.status}\n< ${JSON.stringify(body, (_, value: unknown) => (typeof value === 'string' ? shortened(value) : value))}\n`,
    )
  }
  return { status: response.status, body, decisionId: response.headers.get('x-decision-id') ?? '' }
}

export function shortened(value: string): string {
  return value.length > 120 ? `${value.slice(0, 60)}…` : value
}
