import { createHash } from 'node:crypto'
import type { IntrospectionContext } from '../../lib/grants/introspect.ts'
import type { RevokeContext } from '../../lib/grants/revoke-token.ts'
import type { Revocation, RevocationEntry, RevocationKey } from '../../lib/ports.ts'
import { TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import type { Client } from '../../lib/trust/configuration.ts'
import { toPolicy, type Policy } from '../../lib/trust/policy.ts'
import { now, ourIssuer, testIssuer, type TestIssuer } from '../tokens/issuer-fixture.ts'
import { ownTokens, type OwnTokens } from '../tokens/own-tokens.ts'
import { configuration, equals } from '../trust/policy-fixture.ts'
import { fakePorts, type FakePorts } from './ports-fixture.ts'

const secret = 'a secret of 256 random bits'
const sha256 = [createHash('sha256').update(secret).digest('base64url')]

/** Whose authentication a test can choose. */
export const clients: Record<string, Client> = {
  'orders-api': bySecret(['api']),
  'plain-api': bySecret(['plain']),
  gateway: bySecret(['api', 'plain']),
  idle: bySecret([]),
  pod: {
    type: 'confidential',
    auth: {
      kind: 'federated',
      rule: { name: 'pod', issuers: ['farm'], match: [equals('job', 'pod')], mode: 'enforce', grant: [] },
    },
    grants: [],
    introspect: ['api'],
  },
  app: { type: 'public', grants: [TOKEN_EXCHANGE_GRANT], introspect: ['api'] },
}

function bySecret(introspect: string[]): Client {
  return {
    type: 'confidential',
    auth: { kind: 'client_secret', sha256, methods: ['basic', 'post'] },
    grants: [TOKEN_EXCHANGE_GRANT],
    introspect,
  }
}

export interface IntrospectionWorld {
  ours: OwnTokens
  farm: TestIssuer
  policy: Policy
  ports: FakePorts & RevokeContext['ports']
  /** What was asked to be revoked, in order. */
  entries: RevocationEntry[]
  context(): IntrospectionContext & RevokeContext
}

const [ours, farm] = await Promise.all([ownTokens(), testIssuer()])
const policy = await toPolicy(configuration([], { clients }), ourIssuer)

/** In memory, and new: only the keys stay the same. */
export function introspectionWorld(): IntrospectionWorld {
  const entries: RevocationEntry[] = []
  const alone = fakePorts(farm)
  const sign: OwnTokens['signer']['sign'] = (...asked) => {
    ports.calls.push('sign')
    return ports.fail.sign ? Promise.reject(ports.fail.sign) : ours.signer.sign(...asked)
  }
  const register: RevokeContext['ports']['register'] = {
    revoke(entry) {
      ports.calls.push('revoke')
      if (ports.fail.record) return Promise.reject(ports.fail.record)
      entries.push(entry)
      return Promise.resolve({ ...entry, id: String(entries.length) })
    },
  }
  const ports = Object.assign(alone, { register, signer: { ...ours.signer, sign } })
  let serial = 0
  return {
    ours,
    farm,
    policy,
    ports,
    entries,
    context: () => ({
      policy,
      ports,
      keys: ours.keys,
      decision_id: `decision-${serial++}`,
      signal: new AbortController().signal,
    }),
  }
}

export const basic = (client_id: string, given = secret) =>
  `Basic ${Buffer.from(`${client_id}:${encodeURIComponent(given)}`).toString('base64')}`

export function form(fields: Record<string, string | undefined>): Map<string, string[]> {
  return new Map(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, [value]]])))
}

/** As the store answers it. */
export function row(key: RevocationKey, times: Partial<Omit<Revocation, keyof RevocationKey>> = {}): Revocation {
  return { ...key, not_before: 0, blocked_until: 0, expires_at: now + 900, ...times }
}
