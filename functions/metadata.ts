import { randomBytes } from 'node:crypto'
import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import compiled from '#config'
import { powertoolsLog } from '../lib/aws/log.ts'
import { issuerOf, required } from '../lib/environment.ts'
import { errorResponse } from '../lib/http/error-response.ts'
import { path, refuseOtherMethods } from '../lib/http/request.ts'
import { json, noStore, type Response } from '../lib/http/response.ts'
import { securityHeaders } from '../lib/http/security-headers.ts'
import { answerStatic, staticDocument, type StaticDocument } from '../lib/http/static-document.ts'
import { RefusedError } from '../lib/protocol/errors.ts'
import { authorizationServerMetadata, openidConfiguration } from '../lib/protocol/metadata.ts'
import { httpFaces } from '../lib/protocol/http-faces.ts'
import { parseSigningKeys, toJwks } from '../lib/protocol/signing-keys.ts'
import type { MetadataConfiguration } from '../lib/trust/configuration.ts'

const configuration: MetadataConfiguration = compiled
const log = powertoolsLog()
const issuer = issuerOf(configuration, process.env)

const documents: ReadonlyMap<string, StaticDocument> = new Map([
  ['/jwks', staticDocument(toJwks(parseSigningKeys(required(process.env, 'BROKER_SIGNING_KEYS'))))],
  [
    '/.well-known/openid-configuration',
    staticDocument(openidConfiguration(issuer, configuration.signing.algorithms, configuration.authorization)),
  ],
  [
    '/.well-known/oauth-authorization-server',
    staticDocument(authorizationServerMetadata(issuer, configuration.authorization)),
  ],
])

/** Ready: the environment was read, and the documents are made. */
function health(event: APIGatewayProxyEventV2): Response {
  refuseOtherMethods(event, 'GET, HEAD')
  return json(200, { status: 'ok' }, noStore)
}

/** Everything verifiers need, from memory: outlives every outage of what tokens are issued with. */
export const handler = middy<APIGatewayProxyEventV2, Response>()
  .use(securityHeaders())
  .handler(async (event) => {
    const document = documents.get(path(event))
    try {
      if (document) return answerStatic(document, event)
      if (path(event) === '/healthz') return health(event)
      throw new RefusedError({ reason: 'not_found' })
    } catch (error) {
      return errorResponse(error, httpFaces, randomBytes(16).toString('base64url'), log, Math.random)
    }
  })
