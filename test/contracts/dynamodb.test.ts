import { dynamodbAccounts } from '../../lib/aws/accounts.ts'
import { dynamodbAuthorizationCodes } from '../../lib/aws/authorization-codes.ts'
import { dynamodbConsents } from '../../lib/aws/consents.ts'
import { dynamodbPendingLogins } from '../../lib/aws/pending-logins.ts'
import { dynamodbRefreshFamilies } from '../../lib/aws/refresh-families.ts'
import { dynamodbRegistrationBook } from '../../lib/aws/registration-book.ts'
import { dynamodbSessions } from '../../lib/aws/sessions.ts'
import { dynamodbUpstreamSessions } from '../../lib/aws/upstream-sessions.ts'
import { upstreamSessionsContract } from './upstream-sessions.ts'
import { accountsContract } from './accounts.ts'
import { authorizationCodesContract } from './authorization-codes.ts'
import { consentBookContract } from './consent-book.ts'
import { consentsContract } from './consents.ts'
import { inTable } from './kept.ts'
import { keySetItemsContract } from './key-set-items.ts'
import { pendingLoginsContract } from './pending-logins.ts'
import { receiptCounterContract } from './receipt-count.ts'
import { receiptStoreContract } from './receipts.ts'
import { refreshFamiliesContract } from './refresh-families.ts'
import { registrationBookContract } from './registration-book.ts'
import { revocationRegisterContract } from './revocation-register.ts'
import { revocationStoreContract } from './revocations.ts'
import { rowsContract } from './rows.ts'
import { sessionsContract } from './sessions.ts'

const where = process.env.TEST_DYNAMODB_ENDPOINT ?? 'dynalite'

// The quick ones first: a change that spoils them is noticed the sooner.
revocationStoreContract(where)
revocationRegisterContract(where)
pendingLoginsContract(where, inTable(dynamodbPendingLogins))
sessionsContract(where, inTable(dynamodbSessions))
authorizationCodesContract(where, inTable(dynamodbAuthorizationCodes))
refreshFamiliesContract(where, inTable(dynamodbRefreshFamilies))
consentsContract(where, inTable(dynamodbConsents))
consentBookContract(where)
accountsContract(where, inTable(dynamodbAccounts))
registrationBookContract(where, inTable(dynamodbRegistrationBook))
upstreamSessionsContract(where, inTable(dynamodbUpstreamSessions))
keySetItemsContract(where)
receiptCounterContract(where)
receiptStoreContract(where)
rowsContract(where)
