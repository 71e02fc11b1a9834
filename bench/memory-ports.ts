import { createPrivateKey, subtle } from 'node:crypto'
import type {
  Accounts,
  AuthorizationCodes,
  Consents,
  KeySetItems,
  ReceiptStore,
  RefreshFamilies,
  RegisteredClients,
  RevocationRegister,
  RevocationStore,
  Roles,
  Signer,
} from '../lib/ports.ts'
import { UnavailableError } from '../lib/protocol/errors.ts'
import type { SigningKey } from '../lib/protocol/signing-keys.ts'

// What lib/aws/ is to the functions, without AWS: the same promises, kept in this process.

/** Imports of the adapters to AWS, in whose place this stands. */
export const awsAdapters =
  /\/aws\/(?:accounts|authorization-codes|clients|consents|key-set-items|receipts|refresh-families|registered-clients|revocation-register|revocations|roles|signer)\.ts$/

export const dynamodbClient = () => undefined
export const kmsClient = () => undefined
export const stsClient = () => undefined

export function dynamodbReceiptStore(): ReceiptStore {
  const recorded = new Set<string>()
  return {
    async record({ key }) {
      if (recorded.has(key)) return 'replayed'
      recorded.add(key)
      return 'recorded'
    },
    async find(key) {
      return recorded.has(key) ? { decision_id: 'first', state: 'recorded' } : undefined
    },
    async release({ key }) {
      recorded.delete(key)
    },
  }
}

/** Nobody logs in here. */
export function dynamodbAuthorizationCodes(): AuthorizationCodes {
  return { record: async () => {}, find: async () => undefined }
}

export function dynamodbRefreshFamilies(): RefreshFamilies {
  return { record: async () => {}, find: async () => undefined, rotate: async () => false, revoke: async () => {} }
}

export function dynamodbConsents(): Pick<Consents, 'find'> {
  return { find: async () => undefined }
}

export function dynamodbRegisteredClients(): RegisteredClients {
  return { find: async () => undefined }
}

export function dynamodbAccounts(): Accounts {
  return { record: async () => {}, find: async () => undefined }
}

export function dynamodbRevocationStore(): RevocationStore {
  return { find: async () => [] }
}

export function dynamodbRevocationRegister(): RevocationRegister {
  return { revoke: async (entry) => ({ ...entry, id: 'only' }) }
}

/** A table in which nobody has written keys: who asks fetches them. */
export function dynamodbKeySetItems(): KeySetItems {
  return {
    find: async () => ({ item: undefined, attempted_at: undefined }),
    claimFetch: async () => true,
    store: async () => {},
  }
}

/** No role is assumed here. */
export function stsRoles(): Roles {
  return { assume: () => Promise.reject(new UnavailableError('sts', 'there is none in memory')) }
}

/** By WebCrypto, as jose signs: off the main thread, as KMS is. */
export function kmsSigner(_: unknown, signingKeys: readonly SigningKey[]): Signer {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const pkcs8 = createPrivateKey(process.env.BENCH_PRIVATE_KEY ?? '').export({ format: 'der', type: 'pkcs8' })
  const privateKey = subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
  const key = signingKeys.find(({ alg }) => alg === 'ES256') as SigningKey
  return {
    activeKey: () => ({ kid: key.kid, alg: key.alg }),
    sign: async (_, input) => new Uint8Array(await subtle.sign(algorithm, await privateKey, Buffer.from(input))),
  }
}
