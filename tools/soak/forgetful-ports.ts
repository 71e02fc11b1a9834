import type { ReceiptStore, Signer } from '../../lib/ports.ts'

export {
  dynamodbAuthorizationCodes,
  dynamodbClient,
  dynamodbConsents,
  dynamodbKeySetItems,
  dynamodbRefreshFamilies,
  dynamodbRegisteredClients,
  dynamodbRevocationRegister,
  dynamodbRevocationStore,
  kmsClient,
  stsClient,
  stsRoles,
} from '../../bench/memory-ports.ts'

// The bench's adapters, but for what those remember: what grows is then the function's.

export function dynamodbReceiptStore(): ReceiptStore {
  return { record: async () => 'recorded', find: async () => undefined, release: async () => {} }
}

export function kmsSigner(): Signer {
  const signature = new Uint8Array(64)
  return { activeKey: (alg) => ({ kid: 'soak', alg }), sign: async () => signature }
}
