import { randomBytes } from 'node:crypto'
import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import configuration from '#config'
import { dynamodbClient, kmsClient } from '../lib/aws/clients.ts'
import { dynamodbKeySetItems } from '../lib/aws/key-set-items.ts'
import { powertoolsLog } from '../lib/aws/log.ts'
import { powertoolsCounter } from '../lib/aws/metrics.ts'
import { dynamodbReceiptStore } from '../lib/aws/receipts.ts'
import { dynamodbRevocationRegister } from '../lib/aws/revocation-register.ts'
import { dynamodbRevocationStore } from '../lib/aws/revocations.ts'
import { kmsSigner } from '../lib/aws/signer.ts'
import { deadlines, within } from '../lib/deadlines.ts'
import { issuerOf, required } from '../lib/environment.ts'
import { introspect, type IntrospectionContext } from '../lib/grants/introspect.ts'
import { revokeToken, type RevokeContext } from '../lib/grants/revoke-token.ts'
import { prefers } from '../lib/http/accept.ts'
import { errorResponse } from '../lib/http/error-response.ts'
import { httpKeySetFetcher } from '../lib/http/key-set-fetcher.ts'
import { cachedKeySets } from '../lib/http/key-sets.ts'
import { formOf, header, path } from '../lib/http/request.ts'
import { noStore, type Response } from '../lib/http/response.ts'
import { securityHeaders } from '../lib/http/security-headers.ts'
import { RefusedError } from '../lib/protocol/errors.ts'
import type { Form } from '../lib/protocol/form.ts'
import { INTROSPECTION_JWT } from '../lib/protocol/introspection.ts'
import { wire } from '../lib/protocol/refusals.ts'
import { parseSigningKeys } from '../lib/protocol/signing-keys.ts'
import { refuseUnsafe } from '../lib/trust/guardrails.ts'
import { toPolicy } from '../lib/trust/policy.ts'

refuseUnsafe(configuration)
const table = required(process.env, 'BROKER_TABLE')
const keys = parseSigningKeys(required(process.env, 'BROKER_SIGNING_KEYS'))
const dynamodb = dynamodbClient()
const log = powertoolsLog()
const now = () => Math.floor(Date.now() / 1000)

const ports: IntrospectionContext['ports'] & RevokeContext['ports'] = {
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
  signer: kmsSigner(kmsClient(), keys),
}
const policy = toPolicy(configuration, issuerOf(configuration, process.env))

/** POST /introspect and POST /revoke: what became of a token, and that it is to be no more. */
export const handler = middy<APIGatewayProxyEventV2, Response>()
  .use(securityHeaders())
  .handler(async (event) => {
    const decision_id = randomBytes(16).toString('base64url')
    try {
      const answer = routes.get(path(event))
      if (answer === undefined) throw new RefusedError({ reason: 'not_found' })
      const form = formOf(event)
      const { headers, body } = await within(deadlines.request - deadlines.release, async (signal) =>
        answer(form, event, { policy: await policy, ports, keys, decision_id, signal }),
      )
      return { statusCode: 200, headers: { ...headers, ...noStore, 'x-decision-id': decision_id }, body }
    } catch (error) {
      return errorResponse(error, wire, decision_id, log, Math.random)
    }
  })

type Route = (
  form: Form,
  event: APIGatewayProxyEventV2,
  context: IntrospectionContext & RevokeContext,
) => Promise<{ headers?: Record<string, string>; body: string }>

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  [
    '/introspect',
    async (form, event, context) => {
      const signed = prefers(header(event, 'accept'), INTROSPECTION_JWT, 'application/json')
      const type = signed ? INTROSPECTION_JWT : 'application/json'
      const body = await introspect(form, header(event, 'authorization'), type, context)
      return { headers: { 'content-type': type }, body }
    },
  ],
  [
    '/revoke',
    async (form, event, context) => {
      await revokeToken(form, header(event, 'authorization'), context)
      return { body: '' }
    },
  ],
])
