import { randomBytes } from 'node:crypto'
import { GetItemCommand, PutItemCommand, UpdateItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { AssertionReceipt, Clock, Receipt, ReceiptStore } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { integerAt, stringAt, toAttributes, type Item } from './attributes.ts'
import { keyOf, toItem } from './receipt-item.ts'
import { errorName, isRejectedWrite, toUnavailable } from './unavailable.ts'

const MAX_ATTEMPTS = 3

type Row = Receipt | AssertionReceipt

/** What a put may replace, and which attempt it then is. */
interface Condition {
  attempts: number
  expression: string
  values: Item
}

/**
 * Receipts at `receipt#<key>`, where one conditional put decides every race. `write_id` names one call of `record`, so that
 * our own write is known again when its answer was lost, and one decision never records twice.
 */
export function dynamodbReceiptStore(
  client: DynamoDBClient,
  table: string,
  randomId: () => string = () => randomBytes(16).toString('base64url'),
  now: Clock = () => Math.floor(Date.now() / 1000),
): ReceiptStore {
  /** False when it is not known whether the row was written. */
  async function put(receipt: Row, write_id: string, condition: Condition, signal: AbortSignal): Promise<boolean> {
    const command = new PutItemCommand({
      TableName: table,
      Item: toItem(receipt, write_id, condition.attempts),
      ConditionExpression: condition.expression,
      ...(condition.expression.includes('#state') ? { ExpressionAttributeNames: { '#state': 'state' } } : {}),
      ExpressionAttributeValues: condition.values,
    })
    try {
      await client.send(command, { abortSignal: signal })
      return true
    } catch (error) {
      // If it was the SDK's second try and the first one did write, the caller's release finds the row.
      if (isRejectedWrite(error)) throw toUnavailable('dynamodb', error)
      // Also a failed condition: the SDK may have sent the put twice, and the row it met may be our own.
      return false
    }
  }

  async function read(receipt: { key: string }, signal: AbortSignal): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: table, Key: keyOf(receipt), ConsistentRead: true })
    try {
      const { Item } = await client.send(command, { abortSignal: signal })
      return Item
    } catch (error) {
      throw toUnavailable('dynamodb', error)
    }
  }

  return {
    async record(receipt, signal) {
      const write_id = randomId()
      let condition = untaken(receipt)
      // A released row is taken over by a second put. Whoever loses that race too finds the winner's row, or tries again later.
      for (const _ of [1, 2]) {
        if (await put(receipt, write_id, condition, signal)) return 'recorded'
        const found = settle(await read(receipt, signal), receipt, write_id)
        if (typeof found === 'string') return found
        condition = found
      }
      throw new UnavailableError('dynamodb', 'the receipt could not be settled')
    },

    async find(key, signal) {
      const item = await read({ key }, signal)
      if (item === undefined) return undefined
      const decision_id = stringAt(item, 'decision_id')
      const state = stringAt(item, 'state')
      const expires_at = integerAt(item, 'expires_at')
      if (decision_id === undefined || expires_at === undefined || (state !== 'recorded' && state !== 'released'))
        throw new UnavailableError('dynamodb', 'a receipt is malformed')
      return expires_at < now() ? undefined : { decision_id, state }
    },

    async release(receipt, signal) {
      const command = new UpdateItemCommand({
        TableName: table,
        Key: keyOf(receipt),
        UpdateExpression: 'SET #state = :released, released_at = :now',
        // One decision records once, so its id says whose the row is.
        ConditionExpression: 'decision_id = :decision_id AND #state = :recorded',
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: toAttributes({
          ':released': 'released',
          ':recorded': 'recorded',
          ':decision_id': receipt.decision_id,
          ':now': now(),
        }),
      })
      try {
        await client.send(command, { abortSignal: signal })
      } catch (error) {
        if (errorName(error) !== 'ConditionalCheckFailedException') throw toUnavailable('dynamodb', error)
      }
    },
  }
}

/** What one consistent read says about a put that failed its condition, or whose outcome is unknown. */
function settle(item: Item | undefined, receipt: Row, write_id: string): 'recorded' | 'replayed' | Condition {
  // Our put may yet arrive.
  if (item === undefined) throw new UnavailableError('dynamodb', 'the outcome of a write is unknown')
  const found = {
    write_id: stringAt(item, 'write_id'),
    attempts: integerAt(item, 'attempts'),
    expires_at: integerAt(item, 'expires_at'),
  }
  if (found.write_id === undefined || found.attempts === undefined || found.expires_at === undefined) {
    throw new UnavailableError('dynamodb', 'a receipt is malformed')
  }
  if (found.write_id === write_id) return 'recorded'
  if (found.expires_at < receipt.at) return untaken(receipt)
  if (stringAt(item, 'state') !== 'released' || found.attempts >= MAX_ATTEMPTS) return 'replayed'
  return {
    attempts: found.attempts + 1,
    expression: '#state = :released AND attempts = :attempts AND write_id = :write_id',
    values: toAttributes({ ':released': 'released', ':attempts': found.attempts, ':write_id': found.write_id }),
  }
}

/** TTL lags by days, so an expired row may still be there. */
function untaken(receipt: Row): Condition {
  return {
    attempts: 1,
    expression: 'attribute_not_exists(pk) OR expires_at < :now',
    values: toAttributes({ ':now': receipt.at }),
  }
}
