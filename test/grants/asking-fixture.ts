import { grantToken } from '../../lib/grants/index.ts'
import {
  CLIENT_CREDENTIALS_GRANT,
  JWT_BEARER_ASSERTION,
  JWT_TYPE,
  TOKEN_EXCHANGE_GRANT,
} from '../../lib/protocol/urns.ts'
import type { Policy } from '../../lib/trust/policy.ts'
import type { FakePorts } from './ports-fixture.ts'

/** Asks for a token of `api`: for a token of somebody, or as the federated client `nightly`. Each request is a decision of its own. */
export function asking(world: () => { policy: Policy; ports: FakePorts }) {
  let serial = 0
  const ask = (form: Record<string, string>) => {
    const signal = new AbortController().signal
    const context = { ...world(), decision_id: `d${serial++}`, signal }
    return grantToken(new Map(Object.entries(form).map(([name, value]) => [name, [value]])), undefined, context)
  }
  return {
    exchange: (subject_token: string) =>
      ask({ grant_type: TOKEN_EXCHANGE_GRANT, subject_token, subject_token_type: JWT_TYPE, audience: 'api' }),
    authenticate: (client_assertion: string) =>
      ask({
        grant_type: CLIENT_CREDENTIALS_GRANT,
        client_id: 'nightly',
        client_assertion,
        client_assertion_type: JWT_BEARER_ASSERTION,
        audience: 'api',
      }),
  }
}
