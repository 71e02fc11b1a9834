import { randomBytes } from 'node:crypto'
import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import configuration from '#config'
import { dynamodbClient, kmsClient } from '../lib/aws/clients.ts'
import { dynamodbKeySetItems } from '../lib/aws/key-set-items.ts'
import { powertoolsLog } from '../lib/aws/log.ts'
import { powertoolsCounter } from '../lib/aws/metrics.ts'
import { dynamodbReceiptStore } from '../lib/aws/receipts.ts'
import { dynamodbRevocationStore } from '../lib/aws/revocations.ts'
import { kmsSigner } from '../lib/aws/signer.ts'
import { deadlines, within } from '../lib/deadlines.ts'
import { issuerOf, required } from '../lib/environment.ts'
import { grantToken } from '../lib/grants/index.ts'
import { errorResponse } from '../lib/http/error-response.ts'
import { httpKeySetFetcher } from '../lib/http/key-set-fetcher.ts'
import { cachedKeySets } from '../lib/http/key-sets.ts'
import { formOf, header, path } from '../lib/http/request.ts'
import { json, noStore, type Response } from '../lib/http/response.ts'
import { securityHeaders } from '../lib/http/security-headers.ts'
import type { Ports } from '../lib/ports.ts'
import { RefusedError } from '../lib/protocol/errors.ts'
import { parseSigningKeys } from '../lib/protocol/signing-keys.ts'
import { refuseUnsafe } from '../lib/trust/guardrails.ts'
import { toPolicy } from '../lib/trust/policy.ts'

refuseUnsafe(configuration)
const table = required(process.env, 'BROKER_TABLE')
const dynamodb = dynamodbClient()
const log = powertoolsLog()
const now = () => Math.floor(Date.now() / 1000)

const ports: Ports = {
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
  signer: kmsSigner(kmsClient(), parseSigningKeys(required(process.env, 'BROKER_SIGNING_KEYS'))),
}
const policy = toPolicy(configuration, issuerOf(configuration, process.env))

/** POST /token: one request in, one credential or one opaque refusal out. */
export const handler = middy<APIGatewayProxyEventV2, Response>()
  .use(securityHeaders())
  .handler(async (event) => {
    const decision_id = randomBytes(16).toString('base64url')
    try {
      if (path(event) !== '/token') throw new RefusedError({ reason: 'not_found' })
      const form = formOf(event)
      const authorization = header(event, 'authorization')
      const response = await within(deadlines.request - deadlines.release, async (signal) =>
        grantToken(form, authorization, { policy: await policy, ports, decision_id, signal }),
      )
      return json(200, response, { ...noStore, 'x-decision-id': decision_id })
    } catch (error) {
      return errorResponse(error, decision_id, log, Math.random)
    }
  })
