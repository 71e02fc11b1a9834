import { randomUUID } from 'node:crypto'
import type { Receipt } from '../../lib/ports.ts'

/** In seconds since 1970. */
export const now = 1_800_000_000

/** Another presentation of the same token unless `changes` says otherwise: a decision of its own. */
export function receipt(key: string, changes: Partial<Receipt> = {}): Receipt {
  return {
    key,
    decision_id: randomUUID(),
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    issuer_name: 'github',
    iss: 'https://issuer.example',
    subject: 'repo:1/2',
    sub: 'github:repo:1/2',
    client_id: 'github:repo:1/2',
    subject_jti: undefined,
    subject_hash: 'hash',
    rules: ['web-deploys', 'another'],
    config_hash: 'config',
    target: 'deploy-api',
    scopes: [],
    kid: 'kid-1',
    issued_exp: now + 900,
    parents: [],
    claims: { repository_id: '2', nested: { list: [1, null, ''] } },
    shadow: [],
    at: now,
    expires_at: now + 3_600,
    ...changes,
  }
}
