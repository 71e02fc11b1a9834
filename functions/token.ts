import { randomBytes } from 'node:crypto'
import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import configuration from '#config'
import { dynamodbAuthorizationCodes } from '../lib/aws/authorization-codes.ts'
import { dynamodbClient, kmsClient, stsClient } from '../lib/aws/clients.ts'
import { dynamodbConsents } from '../lib/aws/consents.ts'
import { dynamodbKeySetItems } from '../lib/aws/key-set-items.ts'
import { powertoolsLog } from '../lib/aws/log.ts'
import { powertoolsCounter } from '../lib/aws/metrics.ts'
import { dynamodbReceiptStore } from '../lib/aws/receipts.ts'
import { dynamodbRefreshFamilies } from '../lib/aws/refresh-families.ts'
import { dynamodbRegisteredClients } from '../lib/aws/registered-clients.ts'
import { dynamodbRevocationRegister } from '../lib/aws/revocation-register.ts'
import { dynamodbRevocationStore } from '../lib/aws/revocations.ts'
import { stsRoles } from '../lib/aws/roles.ts'
import { kmsSigner } from '../lib/aws/signer.ts'
import { deadlines, within } from '../lib/deadlines.ts'
import { issuerOf, required } from '../lib/environment.ts'
import { containerCredentials } from '../lib/grants/container-credentials.ts'
import { grantToken, type GrantContext } from '../lib/grants/index.ts'
import { containerError, containerRequest } from '../lib/http/container-protocol.ts'
import { withCors } from '../lib/http/cors.ts'
import { errorResponse } from '../lib/http/error-response.ts'
import { httpKeySetFetcher } from '../lib/http/key-set-fetcher.ts'
import { cachedKeySets } from '../lib/http/key-sets.ts'
import { formOf, header, path } from '../lib/http/request.ts'
import { json, noStore, type Response } from '../lib/http/response.ts'
import { securityHeaders } from '../lib/http/security-headers.ts'
import type { Ports } from '../lib/ports.ts'
import { RefusedError } from '../lib/protocol/errors.ts'
import { wire } from '../lib/protocol/refusals.ts'
import { parseSigningKeys } from '../lib/protocol/signing-keys.ts'
import { allowedOrigins } from '../lib/trust/configuration.ts'
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
  register: dynamodbRevocationRegister(dynamodb, table),
  codes: dynamodbAuthorizationCodes(dynamodb, table),
  families: dynamodbRefreshFamilies(dynamodb, table),
  consents: dynamodbConsents(dynamodb, table),
  registered: dynamodbRegisteredClients(dynamodb, table),
  signer: kmsSigner(kmsClient(), parseSigningKeys(required(process.env, 'BROKER_SIGNING_KEYS'))),
  roles: stsRoles((region) => stsClient(region === undefined ? {} : { region })),
  random: (bytes) => randomBytes(bytes).toString('base64url'),
}
const policy = toPolicy(configuration, issuerOf(configuration, process.env))

/** POST /token and GET /credentials/{target}: one request in, one credential or one opaque refusal out. */
export const handler = middy<APIGatewayProxyEventV2, Response>()
  .use(securityHeaders())
  .handler(
    withCors(allowedOrigins(configuration), { '/token': 'POST' }, async (event) => {
      const decision_id = randomBytes(16).toString('base64url')
      const route = routes.find((each) => each.takes(path(event)))
      try {
        if (route === undefined) throw new RefusedError({ reason: 'not_found' })
        const answer = route.read(event)
        const body = await within(deadlines.request - deadlines.release, async (signal) =>
          answer({ policy: await policy, ports, decision_id, signal }),
        )
        return json(200, body, { ...noStore, 'x-decision-id': decision_id })
      } catch (error) {
        const response = errorResponse(error, wire, decision_id, log, Math.random)
        return route?.toError?.(response) ?? response
      }
    }),
  )

interface Route {
  takes(path: string): boolean
  /** Throws RefusedError for a request that is not well-formed. */
  read(event: APIGatewayProxyEventV2): (context: GrantContext) => Promise<object>
  /** The error as this route's clients read it. */
  toError?(response: Response): Response
}

const routes: readonly Route[] = [
  {
    takes: (path) => path === '/token',
    read(event) {
      const form = formOf(event)
      const authorization = header(event, 'authorization')
      return (context) => grantToken(form, authorization, context)
    },
  },
  {
    takes: (path) => path.startsWith('/credentials/'),
    read(event) {
      const { target, subject_token } = containerRequest(event)
      return (context) => containerCredentials(target, subject_token, context)
    },
    toError: containerError,
  },
]
