import { randomBytes } from 'node:crypto'
import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import configuration from '#config'
import { dynamodbClient } from '../lib/aws/clients.ts'
import { powertoolsLog } from '../lib/aws/log.ts'
import { dynamodbRegistrationBook } from '../lib/aws/registration-book.ts'
import { deadlines, within } from '../lib/deadlines.ts'
import { issuerOf, required } from '../lib/environment.ts'
import { bearerInHeader } from '../lib/http/bearer-token.ts'
import { errorResponse } from '../lib/http/error-response.ts'
import { jsonBodyOf, method, path, refuseOtherMethods } from '../lib/http/request.ts'
import { json, noStore, type Response } from '../lib/http/response.ts'
import { securityHeaders } from '../lib/http/security-headers.ts'
import { RefusedError } from '../lib/protocol/errors.ts'
import { wire } from '../lib/protocol/refusals.ts'
import { registrationFaces } from '../lib/protocol/registration-refusals.ts'
import type { RegistrationContext } from '../lib/registration/context.ts'
import { deleteClient, readClient, updateClient } from '../lib/registration/manage.ts'
import { register } from '../lib/registration/register.ts'
import { refuseUnsafe } from '../lib/trust/guardrails.ts'

refuseUnsafe(configuration)
const table = required(process.env, 'BROKER_TABLE')
const log = powertoolsLog()
const now = () => Math.floor(Date.now() / 1000)

const ports: RegistrationContext['ports'] = {
  now,
  log,
  registered: dynamodbRegistrationBook(dynamodbClient(), table),
  random: (bytes) => randomBytes(bytes).toString('base64url'),
}
const policy = { configuration, ourIssuer: issuerOf(configuration, process.env) }

/** POST /register, and GET, PUT and DELETE /register/{client_id}: clients that register themselves, and manage that. */
export const handler = middy<APIGatewayProxyEventV2, Response>()
  .use(securityHeaders())
  .handler(async (event) => {
    const decision_id = randomBytes(16).toString('base64url')
    try {
      const answer = readRequest(event)
      const { status, body } = await within(deadlines.request - deadlines.release, (signal) =>
        answer({ policy, ports, decision_id, signal }),
      )
      const headers = { ...noStore, 'x-decision-id': decision_id }
      return body === undefined ? { statusCode: status, headers } : json(status, body, headers)
    } catch (error) {
      const refusal = error instanceof RefusedError ? error.refusal : undefined
      return errorResponse(error, { ...wire, ...registrationFaces(refusal) }, decision_id, log, Math.random)
    }
  })

type Answer = { status: number; body?: object }

/** Throws RefusedError for a request that is not well-formed. */
function readRequest(event: APIGatewayProxyEventV2): (context: RegistrationContext) => Promise<Answer> {
  if (path(event) === '/register') {
    const body = jsonBodyOf(event, 'POST')
    const token = bearerInHeader(event)
    return async (context) => ({ status: 201, body: await register(body, token, context) })
  }
  const [, client_id] = /^\/register\/([^/]+)$/.exec(path(event)) ?? []
  if (client_id === undefined) throw new RefusedError({ reason: 'not_found' })
  refuseOtherMethods(event, 'GET, PUT, DELETE')
  const token = bearerInHeader(event)
  switch (method(event)) {
    case 'PUT': {
      const body = jsonBodyOf(event, 'GET, PUT, DELETE')
      return async (context) => ({ status: 200, body: await updateClient(client_id, token, body, context) })
    }
    case 'DELETE':
      return async (context) => {
        await deleteClient(client_id, token, context)
        return { status: 204 }
      }
    default:
      return async (context) => ({ status: 200, body: await readClient(client_id, token, context) })
  }
}
