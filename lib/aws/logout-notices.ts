import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { LogoutNotice, LogoutNotices } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { toMessage } from './logout-message.ts'
import { toUnavailable } from './unavailable.ts'

/** SQS takes no more messages at once. */
const MAX_BATCH = 10

/** Notices in a queue, from where functions/logout-delivery.ts has them. What SQS did not take of them is sent once more. */
export function sqsLogoutNotices(client: SQSClient, queueUrl: string): LogoutNotices {
  async function sendBatch(notices: readonly LogoutNotice[], signal: AbortSignal): Promise<void> {
    const refused = await sendOnce(notices, signal)
    if (refused.notices.length === 0) return
    const again = await sendOnce(refused.notices, signal)
    if (again.notices.length === 0) return
    throw new UnavailableError('sqs', `${again.notices.length} messages were not taken: ${again.code}`)
  }

  /** Which of them SQS did not take, and why the first. */
  async function sendOnce(
    notices: readonly LogoutNotice[],
    signal: AbortSignal,
  ): Promise<{ notices: LogoutNotice[]; code: string }> {
    const Entries = notices.map((notice, index) => ({
      Id: String(index),
      MessageBody: toMessage(notice),
      // Of a queue without order a fair share: one client's many do not go before another's few.
      MessageGroupId: notice.client_id,
    }))
    const command = new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries })
    try {
      const { Successful = [], Failed = [] } = await client.send(command, { abortSignal: signal })
      // Counted by what was taken: an answer that leaves one out has not promised it.
      const taken = new Set(Successful.map(({ Id }) => Id))
      return {
        notices: notices.filter((_, index) => !taken.has(String(index))),
        code: Failed[0]?.Code ?? 'no reason given',
      }
    } catch (error) {
      throw toUnavailable('sqs', error)
    }
  }

  return {
    async send(notices, signal) {
      const batches = Array.from({ length: Math.ceil(notices.length / MAX_BATCH) }, (_, index) =>
        notices.slice(index * MAX_BATCH, (index + 1) * MAX_BATCH),
      )
      await Promise.all(batches.map((batch) => sendBatch(batch, signal)))
    },
  }
}
