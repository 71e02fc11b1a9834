import type { KeySetItems, ReceiptStore, RevocationStore, Signer } from '../../lib/ports.ts'

// What lib/aws/ is to the token function, without AWS and without a memory of its own: what grows is then the function's.

export const dynamodbClient = () => undefined
export const kmsClient = () => undefined

export function dynamodbReceiptStore(): ReceiptStore {
  return { record: async () => 'recorded', release: async () => {} }
}

export function dynamodbRevocationStore(): RevocationStore {
  return { find: async () => [] }
}

export function dynamodbKeySetItems(): KeySetItems {
  return {
    find: async () => ({ item: undefined, attempted_at: undefined }),
    claimFetch: async () => true,
    store: async () => {},
  }
}

export function kmsSigner(): Signer {
  const signature = new Uint8Array(64)
  return { activeKey: (alg) => ({ kid: 'soak', alg }), sign: async () => signature }
}
