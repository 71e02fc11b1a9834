import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb'
import { UnavailableError } from '../protocol/errors.ts'
import { parseJsonObject, type JsonObject } from '../protocol/strict-json.ts'
import { integerAt, stringAt, toAttributes, type Item } from './attributes.ts'
import { errorName, toUnavailable } from './unavailable.ts'

const SCHEMA = 1

type Fields = Parameters<typeof toAttributes>[0]

/** Rows of one kind at `<prefix><key>`, each of which counts for nothing from its `expires_at` on. */
export interface Rows {
  /** What it then holds is this. `condition`: of what is there already, as DynamoDB writes it. False where it fails. Throws UnavailableError. */
  put(
    key: string,
    row: Fields & { expires_at: number },
    condition: Condition | undefined,
    signal: AbortSignal,
  ): Promise<boolean>
  /** Read consistently. Throws UnavailableError. */
  find(key: string, now: number, signal: AbortSignal): Promise<Item | undefined>
  /** Sets these fields of a row that is there. False where the condition fails. Throws UnavailableError. */
  set(key: string, fields: Fields, condition: Condition, signal: AbortSignal): Promise<boolean>
  /** False where the condition fails. Throws UnavailableError. */
  delete(key: string, condition: Condition | undefined, signal: AbortSignal): Promise<boolean>
}

interface Condition {
  expression: string
  values: Fields
}

export function rowsAt(prefix: string, client: DynamoDBClient, table: string): Rows {
  const keyOf = (key: string) => toAttributes({ pk: `${prefix}${key}` })
  async function sent(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      if (errorName(error) === 'ConditionalCheckFailedException') return false
      throw toUnavailable('dynamodb', error)
    }
  }

  return {
    async put(key, row, condition, signal) {
      const Item = { ...keyOf(key), ...toAttributes({ schema: SCHEMA, ...row }) }
      const command = new PutItemCommand({ TableName: table, Item, ...toInput(condition) })
      return sent(() => client.send(command, { abortSignal: signal }))
    },

    async find(key, now, signal) {
      const command = new GetItemCommand({ TableName: table, Key: keyOf(key), ConsistentRead: true })
      try {
        const { Item: item } = await client.send(command, { abortSignal: signal })
        // TTL lags by days.
        return item !== undefined && required(integerAt(item, 'expires_at'), 'expires_at') > now ? item : undefined
      } catch (error) {
        throw toUnavailable('dynamodb', error)
      }
    },

    async set(key, fields, { expression, values }, signal) {
      const command = new UpdateItemCommand({
        TableName: table,
        Key: keyOf(key),
        UpdateExpression: `SET ${Object.keys(fields)
          .map((name) => `${name} = :${name}`)
          .join(', ')}`,
        ConditionExpression: expression,
        ExpressionAttributeValues: toAttributes({
          ...values,
          ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [`:${name}`, value])),
        }),
      })
      return sent(() => client.send(command, { abortSignal: signal }))
    },

    async delete(key, condition, signal) {
      const command = new DeleteItemCommand({ TableName: table, Key: keyOf(key), ...toInput(condition) })
      return sent(() => client.send(command, { abortSignal: signal }))
    },
  }
}

/** A field of a row of ours. Throws UnavailableError where it is missing or of another type: somebody else has written it. */
export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new UnavailableError('dynamodb', `a row without ${name}`)
  return value
}

export function textAt(item: Item, name: string): string {
  return required(stringAt(item, name), name)
}

export function numberAt(item: Item, name: string): number {
  return required(integerAt(item, name), name)
}

function toInput(condition: Condition | undefined) {
  if (condition === undefined) return {}
  return { ConditionExpression: condition.expression, ExpressionAttributeValues: toAttributes(condition.values) }
}

/** JSON text, as we wrote it. Throws UnavailableError. */
export function jsonAt(item: Item, name: string): JsonObject {
  try {
    return parseJsonObject(textAt(item, name))
  } catch (error) {
    if (error instanceof SyntaxError) throw new UnavailableError('dynamodb', `a row with a broken ${name}`)
    throw error
  }
}
