import { randomBytes } from 'node:crypto'
import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import configuration from '#config'
import { dynamodbAccounts } from '../lib/aws/accounts.ts'
import { dynamodbClient, kmsClient } from '../lib/aws/clients.ts'
import { dynamodbKeySetItems } from '../lib/aws/key-set-items.ts'
import { powertoolsLog } from '../lib/aws/log.ts'
import { powertoolsCounter } from '../lib/aws/metrics.ts'
import { dynamodbReceiptStore } from '../lib/aws/receipts.ts'
import { dynamodbRefreshFamilies } from '../lib/aws/refresh-families.ts'
import { dynamodbRegisteredClients } from '../lib/aws/registered-clients.ts'
import { dynamodbRevocationRegister } from '../lib/aws/revocation-register.ts'
import { dynamodbRevocationStore } from '../lib/aws/revocations.ts'
import { kmsSigner } from '../lib/aws/signer.ts'
import { deadlines, within } from '../lib/deadlines.ts'
import { issuerOf, required } from '../lib/environment.ts'
import { introspect, type IntrospectionContext } from '../lib/grants/introspect.ts'
import { revokeToken, type RevokeContext } from '../lib/grants/revoke-token.ts'
import { userinfo, type UserinfoContext } from '../lib/grants/userinfo.ts'
import { prefers } from '../lib/http/accept.ts'
import { bearerToken } from '../lib/http/bearer-token.ts'
import { withCors } from '../lib/http/cors.ts'
import { errorResponse } from '../lib/http/error-response.ts'
import { httpKeySetFetcher } from '../lib/http/key-set-fetcher.ts'
import { cachedKeySets } from '../lib/http/key-sets.ts'
import { formOf, header, path, refuseOtherMethods } from '../lib/http/request.ts'
import { noStore, type Response } from '../lib/http/response.ts'
import { securityHeaders } from '../lib/http/security-headers.ts'
import { RefusedError } from '../lib/protocol/errors.ts'
import { INTROSPECTION_JWT } from '../lib/protocol/introspection.ts'
import { wire } from '../lib/protocol/refusals.ts'
import { parseSigningKeys } from '../lib/protocol/signing-keys.ts'
import { allowedOrigins } from '../lib/trust/configuration.ts'
import { refuseUnsafe } from '../lib/trust/guardrails.ts'
import { toPolicy } from '../lib/trust/policy.ts'

refuseUnsafe(configuration)
const table = required(process.env, 'BROKER_TABLE')
const keys = parseSigningKeys(required(process.env, 'BROKER_SIGNING_KEYS'))
const dynamodb = dynamodbClient()
const log = powertoolsLog()
const now = () => Math.floor(Date.now() / 1000)

type Context = IntrospectionContext & RevokeContext & UserinfoContext

const ports: Context['ports'] = {
  accounts: dynamodbAccounts(dynamodb, table),
  now,
  log,
  keySets: cachedKeySets({
    fetcher: httpKeySetFetcher({ local: configuration.local }),
    items: dynamodbKeySetItems(dynamodb, table),
    now,
    log,
    metric: powertoolsCounter(),
  }),
  receipts: dynamodbReceiptStore(dynamodb, table),
  revocations: dynamodbRevocationStore(dynamodb, table, now),
  register: dynamodbRevocationRegister(dynamodb, table),
  families: dynamodbRefreshFamilies(dynamodb, table),
  registered: dynamodbRegisteredClients(dynamodb, table),
  signer: kmsSigner(kmsClient(), keys),
}
const policy = toPolicy(configuration, issuerOf(configuration, process.env))

/** POST /introspect and POST /revoke: what became of a token, and that it is to be no more. /userinfo: whom it is about. */
export const handler = middy<APIGatewayProxyEventV2, Response>()
  .use(securityHeaders())
  .handler(
    withCors(allowedOrigins(configuration), { '/revoke': 'POST', '/userinfo': 'GET, POST' }, async (event) => {
      const decision_id = randomBytes(16).toString('base64url')
      try {
        const answer = routes.get(path(event))?.(event)
        if (answer === undefined) throw new RefusedError({ reason: 'not_found' })
        const { headers, body } = await within(deadlines.request - deadlines.release, async (signal) =>
          answer({ policy: await policy, ports, keys, decision_id, signal }),
        )
        return { statusCode: 200, headers: { ...headers, ...noStore, 'x-decision-id': decision_id }, body }
      } catch (error) {
        return errorResponse(error, wire, decision_id, log, Math.random)
      }
    }),
  )

/** Throws RefusedError for a request that is not well-formed. */
type Route = (event: APIGatewayProxyEventV2) => (context: Context) => Promise<Answer>
type Answer = { headers?: Record<string, string>; body: string }

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  [
    '/introspect',
    (event) => {
      const form = formOf(event)
      const signed = prefers(header(event, 'accept'), INTROSPECTION_JWT, 'application/json')
      const type = signed ? INTROSPECTION_JWT : 'application/json'
      return async (context) => ({
        headers: { 'content-type': type },
        body: await introspect(form, header(event, 'authorization'), type, context),
      })
    },
  ],
  [
    '/revoke',
    (event) => {
      const form = formOf(event)
      return async (context) => {
        await revokeToken(form, header(event, 'authorization'), context)
        return { body: '' }
      }
    },
  ],
  [
    '/userinfo',
    (event) => {
      refuseOtherMethods(event, 'GET, POST')
      const token = bearerToken(event)
      return async (context) => {
        const { media_type, body } = await userinfo(token, context)
        return { headers: { 'content-type': media_type }, body }
      }
    },
  ],
])
