import { randomBytes } from 'node:crypto'
import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import configuration from '#config'
import { dynamodbClient, sqsClient } from '../lib/aws/clients.ts'
import { dynamodbConsents } from '../lib/aws/consents.ts'
import { powertoolsLog } from '../lib/aws/log.ts'
import { sqsLogoutNotices } from '../lib/aws/logout-notices.ts'
import { dynamodbReceiptCounter } from '../lib/aws/receipt-count.ts'
import { dynamodbRefreshFamilies } from '../lib/aws/refresh-families.ts'
import { dynamodbRevocationBook } from '../lib/aws/revocation-book.ts'
import { dynamodbSessions } from '../lib/aws/sessions.ts'
import { deadlines, within } from '../lib/deadlines.ts'
import { required } from '../lib/environment.ts'
import { manageConsents, type ConsentContext } from '../lib/grants/manage-consents.ts'
import { manageRevocations, type RevocationContext } from '../lib/grants/manage-revocations.ts'
import { errorResponse } from '../lib/http/error-response.ts'
import { jsonBodyOf, path } from '../lib/http/request.ts'
import { json, noStore, type Response } from '../lib/http/response.ts'
import { securityHeaders } from '../lib/http/security-headers.ts'
import { RefusedError } from '../lib/protocol/errors.ts'
import { OperatorRequestError } from '../lib/protocol/operator-request.ts'
import { wire } from '../lib/protocol/refusals.ts'
import { parseSigningKeys } from '../lib/protocol/signing-keys.ts'
import { hasLogins } from '../lib/trust/configuration.ts'
import { refuseUnsafe } from '../lib/trust/guardrails.ts'

refuseUnsafe(configuration)
const table = required(process.env, 'BROKER_TABLE')
const kids = parseSigningKeys(required(process.env, 'BROKER_SIGNING_KEYS')).map(({ kid }) => kid)
const dynamodb = dynamodbClient()
const log = powertoolsLog()

const ports = {
  log,
  now: () => Math.floor(Date.now() / 1000),
  register: dynamodbRevocationBook(dynamodb, table),
  receipts: dynamodbReceiptCounter(dynamodb, table),
  consents: dynamodbConsents(dynamodb, table),
}

const logins = hasLogins(configuration)
  ? {
      sessions: dynamodbSessions(dynamodb, table),
      families: dynamodbRefreshFamilies(dynamodb, table),
      notices: sqsLogoutNotices(sqsClient(), required(process.env, 'BROKER_LOGOUT_QUEUE')),
    }
  : undefined

type Route = (body: string, context: RevocationContext & ConsentContext) => Promise<object>

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/admin/revocations', manageRevocations],
  ['/admin/consents', manageConsents],
])

/** POST /admin/revocations and POST /admin/consents, for whom IAM lets in: API Gateway has checked the signature and the right before this runs. */
export const handler = middy<APIGatewayProxyEventV2, Response>()
  .use(securityHeaders())
  .handler(async (event) => {
    const decision_id = randomBytes(16).toString('base64url')
    const headers = { ...noStore, 'x-decision-id': decision_id }
    try {
      const manage = routes.get(path(event))
      if (manage === undefined) throw new RefusedError({ reason: 'not_found' })
      const by = callerOf(event)
      if (by === undefined) throw new RefusedError({ reason: 'operator_unknown' })
      const body = jsonBodyOf(event)
      const answer = await within(deadlines.request - deadlines.release, (signal) =>
        manage(body, { configuration, kids, ports, logins, by, decision_id, signal }),
      )
      return json(200, answer, headers)
    } catch (error) {
      // Whoever gets here may be told what is wrong.
      if (error instanceof OperatorRequestError)
        return json(error.status, { error: 'invalid_request', error_description: error.message }, headers)
      return errorResponse(error, wire, decision_id, log, Math.random)
    }
  })

/** Whom IAM has let in, as API Gateway says it, which no caller can write. */
function callerOf(event: APIGatewayProxyEventV2): string | undefined {
  const { authorizer } = (event.requestContext ?? {}) as { authorizer?: { iam?: { userArn?: unknown } } }
  const arn = authorizer?.iam?.userArn
  return typeof arn === 'string' && arn !== '' ? arn : undefined
}
