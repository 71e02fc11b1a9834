import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import configuration from '#config'
import { kmsClient } from '../lib/aws/clients.ts'
import { powertoolsLog } from '../lib/aws/log.ts'
import { parseMessage } from '../lib/aws/logout-message.ts'
import { kmsSigner } from '../lib/aws/signer.ts'
import { deadlines, within } from '../lib/deadlines.ts'
import { issuerOf, required } from '../lib/environment.ts'
import { httpClientNotifier } from '../lib/http/client-notifier.ts'
import { publicFace } from '../lib/http/error-response.ts'
import { deliver, type DeliveryContext } from '../lib/logout/deliver.ts'
import type { LogoutNotice } from '../lib/ports.ts'
import { parseSigningKeys } from '../lib/protocol/signing-keys.ts'
import { named } from '../lib/trust/configuration.ts'
import { refuseUnsafe } from '../lib/trust/guardrails.ts'

refuseUnsafe(configuration)
const keys = parseSigningKeys(required(process.env, 'BROKER_SIGNING_KEYS'))
const log = powertoolsLog()

const context: Omit<DeliveryContext, 'signal'> = {
  ourIssuer: issuerOf(configuration, process.env),
  findClient: async (client_id) => named(configuration.clients, client_id),
  ports: {
    now: () => Math.floor(Date.now() / 1000),
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
