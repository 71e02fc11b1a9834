import { keySetItemsContract } from './key-set-items.ts'
import { receiptStoreContract } from './receipts.ts'
import { revocationStoreContract } from './revocations.ts'

const where = process.env.TEST_DYNAMODB_ENDPOINT ?? 'dynalite'

// The quick ones first: a change that spoils them is noticed the sooner.
revocationStoreContract(where)
keySetItemsContract(where)
receiptStoreContract(where)
