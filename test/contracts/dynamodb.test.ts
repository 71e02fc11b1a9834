import { keySetItemsContract } from './key-set-items.ts'
import { receiptStoreContract } from './receipts.ts'
import { revocationStoreContract } from './revocations.ts'

const where = process.env.TEST_DYNAMODB_ENDPOINT ?? 'dynalite'

receiptStoreContract(where)
revocationStoreContract(where)
keySetItemsContract(where)
