import type {
  AuthorizationCode,
  Ports,
  Receipt,
  Revocation,
  RevocationEntry,
  RevocationKey,
  RoleSession,
} from '../../lib/ports.ts'
import { memoryStores, type MemoryStores } from '../login/memory-stores.ts'
import type { TestIssuer } from '../tokens/issuer-fixture.ts'
import { now } from '../tokens/issuer-fixture.ts'

export interface FakePorts extends Ports {
  /** What is in the store, by key: of a client's assertion, less than a receipt has. */
  stored: Map<string, { receipt: Receipt; state: 'recorded' | 'released' }>
  calls: string[]
  logged: { message: string; fields: Record<string, unknown> }[]
  revocationKeys: RevocationKey[]
  fail: { record?: Error; find?: Error; sign?: Error; assume?: Error; release?: Error }
  /** What roles were asked for, in order. */
  assumed: RoleSession[]
  revoked: Revocation[]
  /** What was revoked. */
  entries: RevocationEntry[]
  codesStored: Map<string, AuthorizationCode>
  /** What else logins keep. */
  memory: MemoryStores
}

/** The world in memory, each call countable and each able to fail. */
export function fakePorts(farm: TestIssuer): FakePorts {
  const memory = memoryStores()
  let serial = 0
  const ports: FakePorts = {
    memory,
    stored: new Map(),
    calls: [],
    logged: [],
    revocationKeys: [],
    fail: {},
    assumed: [],
    revoked: [],
    entries: [],
    codesStored: new Map(),
    now: () => now,
    keySets: farm.keySets,
    receipts: {
      record(receipt) {
        ports.calls.push('record')
        if (ports.fail.record) return Promise.reject(ports.fail.record)
        if (ports.stored.get(receipt.key)?.state === 'recorded') return Promise.resolve('replayed')
        ports.stored.set(receipt.key, { receipt: receipt as Receipt, state: 'recorded' })
        return Promise.resolve('recorded')
      },
      find(key) {
        ports.calls.push('find receipt')
        const row = ports.stored.get(key)
        return Promise.resolve(row && { decision_id: row.receipt.decision_id, state: row.state })
      },
      release(receipt) {
        ports.calls.push('release')
        if (ports.fail.release) return Promise.reject(ports.fail.release)
        const row = ports.stored.get(receipt.key)
        if (row?.receipt.decision_id === receipt.decision_id) row.state = 'released'
        return Promise.resolve()
      },
    },
    revocations: {
      find(keys) {
        ports.calls.push('find')
        ports.revocationKeys = keys
        return ports.fail.find ? Promise.reject(ports.fail.find) : Promise.resolve(ports.revoked)
      },
    },
    register: {
      revoke(entry) {
        ports.calls.push('revoke')
        ports.entries.push(entry)
        return Promise.resolve({ ...entry, id: 'r' })
      },
    },
    codes: {
      record(code) {
        ports.codesStored.set(code.key, code)
        return Promise.resolve()
      },
      find(key, at) {
        ports.calls.push('find code')
        const code = ports.codesStored.get(key)
        return Promise.resolve(code !== undefined && code.expires_at > at ? code : undefined)
      },
    },
    families: {
      record: (...asked) => called('record family', () => memory.families.record(...asked)),
      find: (...asked) => called('find family', () => memory.families.find(...asked)),
      rotate: (...asked) => called('rotate', () => memory.families.rotate(...asked)),
      revoke: (...asked) => called('revoke family', () => memory.families.revoke(...asked)),
    },
    consents: { find: (...asked) => called('find consent', () => memory.consents.find(...asked)) },
    registered: { find: (...asked) => called('find client', () => memory.registered.find(...asked)) },
    // No two are the same.
    random: (bytes) => Buffer.alloc(bytes, `${serial++}|`).toString('base64url'),
    signer: {
      activeKey: (alg) => ({ kid: `${alg}-kid`, alg }),
      sign() {
        ports.calls.push('sign')
        return ports.fail.sign ? Promise.reject(ports.fail.sign) : Promise.resolve(new Uint8Array([1, 2, 3]))
      },
    },
    roles: {
      assume(session) {
        ports.calls.push('assume')
        ports.assumed.push(session)
        if (ports.fail.assume) return Promise.reject(ports.fail.assume)
        return Promise.resolve({
          AccessKeyId: `ASIA${ports.assumed.length}`,
          SecretAccessKey: 'secret',
          SessionToken: session.source_identity,
          // As STS answers: in its own time, not ours.
          expires_at: now + session.lifetime - 2,
        })
      },
    },
    log: { info: log, warn: log, error: log },
  }
  function called<T>(what: string, work: () => Promise<T>): Promise<T> {
    ports.calls.push(what)
    return work()
  }
  function log(message: string, fields: Record<string, unknown>): void {
    ports.logged.push({ message, fields })
  }
  return ports
}
