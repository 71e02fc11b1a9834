import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import configuration from '#config'
import { dynamodbClient, kmsClient } from '../lib/aws/clients.ts'
import { powertoolsLog } from '../lib/aws/log.ts'
import { parseMessage } from '../lib/aws/logout-message.ts'
import { dynamodbRegisteredClients } from '../lib/aws/registered-clients.ts'
import { kmsSigner } from '../lib/aws/signer.ts'
import { deadlines, within } from '../lib/deadlines.ts'
import { issuerOf, required } from '../lib/environment.ts'
import { withRegistered } from '../lib/grants/with-registered.ts'
import { httpClientNotifier } from '../lib/http/client-notifier.ts'
import { publicFace } from '../lib/http/error-response.ts'
import { deliver, type DeliveryContext } from '../lib/logout/deliver.ts'
import type { LogoutNotice, RegisteredClients } from '../lib/ports.ts'
import { parseSigningKeys } from '../lib/protocol/signing-keys.ts'
import { named } from '../lib/trust/configuration.ts'
import { refuseUnsafe } from '../lib/trust/guardrails.ts'

refuseUnsafe(configuration)
const keys = parseSigningKeys(required(process.env, 'BROKER_SIGNING_KEYS'))
const log = powertoolsLog()
const ourIssuer = issuerOf(configuration, process.env)
const now = () => Math.floor(Date.now() / 1000)
/** Only they are in the table, and only where there may be some. */
const registered: RegisteredClients =
  configuration.registration === undefined
    ? { find: () => Promise.resolve(undefined) }
    : dynamodbRegisteredClients(dynamodbClient(), required(process.env, 'BROKER_TABLE'))

const context: Omit<DeliveryContext, 'signal'> = {
  ourIssuer,
  async findClient(client_id, signal) {
    const { policy } = await withRegistered(client_id, {
      policy: { configuration, ourIssuer },
      ports: { now, registered },
      signal,
    })
    return named(policy.configuration.clients, client_id)
  },
  ports: {
    now,
    log,
    signer: kmsSigner(kmsClient(), keys),
    notifier: httpClientNotifier({ local: configuration.local }),
  },
}

/** The queue's messages: those that are named in the answer come again, and at last to the dead letters; no other does. */
export async function handler({ Records }: SQSEvent): Promise<SQSBatchResponse> {
  const done = await Promise.all(Records.map(async (record) => isDone(record)))
  const failed = Records.filter((_, index) => !done[index])
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) }
}

async function isDone(record: SQSRecord): Promise<boolean> {
  const notice = parse(record)
  if (notice === undefined) return false
  try {
    await within(deadlines.request, async (signal) => deliver(notice, { ...context, signal }))
    return true
  } catch (error) {
    publicFace(error, {}, notice.id, log)
    return false
  }
}

function parse({ messageId, body }: SQSRecord): LogoutNotice | undefined {
  try {
    return parseMessage(body)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    log.error('logout message malformed', { message_id: messageId, detail: error.message })
    return undefined
  }
}
