import { keySetItemsContract } from './key-set-items.ts'
import { receiptCounterContract } from './receipt-count.ts'
import { receiptStoreContract } from './receipts.ts'
import { revocationRegisterContract } from './revocation-register.ts'
import { revocationStoreContract } from './revocations.ts'

const where = process.env.TEST_DYNAMODB_ENDPOINT ?? 'dynalite'

// The quick ones first: a change that spoils them is noticed the sooner.
revocationStoreContract(where)
revocationRegisterContract(where)
keySetItemsContract(where)
receiptCounterContract(where)
receiptStoreContract(where)
