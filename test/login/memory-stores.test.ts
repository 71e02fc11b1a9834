import { accountsContract } from '../contracts/accounts.ts'
import { upstreamSessionsContract } from '../contracts/upstream-sessions.ts'
import { authorizationCodesContract } from '../contracts/authorization-codes.ts'
import { consentsContract } from '../contracts/consents.ts'
import { pendingLoginsContract } from '../contracts/pending-logins.ts'
import { refreshFamiliesContract } from '../contracts/refresh-families.ts'
import { registrationBookContract } from '../contracts/registration-book.ts'
import { sessionsContract } from '../contracts/sessions.ts'
import { memoryStores, type MemoryStores } from './memory-stores.ts'

const open =
  <Name extends Exclude<keyof MemoryStores, 'rows'>>(name: Name) =>
  async () => ({ store: memoryStores()[name], close: async () => {} })

pendingLoginsContract('in memory', open('logins'))
sessionsContract('in memory', open('sessions'))
authorizationCodesContract('in memory', open('codes'))
refreshFamiliesContract('in memory', open('families'))
consentsContract('in memory', open('consents'))
accountsContract('in memory', open('accounts'))
registrationBookContract('in memory', open('registered'))
upstreamSessionsContract('in memory', open('upstreamSessions'))
