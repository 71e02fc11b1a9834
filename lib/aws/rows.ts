import { randomBytes } from 'node:crypto'
import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb'
import { UnavailableError } from '../protocol/errors.ts'
import { parseJsonObject, type JsonObject } from '../protocol/strict-json.ts'
import { integerAt, stringAt, stringsAt, toAttributes, type Item } from './attributes.ts'
import { errorName, toUnavailable } from './unavailable.ts'

const SCHEMA = 1

type Fields = Parameters<typeof toAttributes>[0]

/** Rows of one kind at `<prefix><key>`, each of which counts for nothing from its `expires_at` on. */
export interface Rows {
  /** A new row. Throws UnavailableError, also where another is there that has not expired, which is then left as it is. */
  record(key: string, row: Fields & { created_at: number; expires_at: number }, signal: AbortSignal): Promise<void>
  /** What it then holds is this. `condition`: of what is there already, as DynamoDB writes it. False where it fails. Throws UnavailableError. */
  put(
    key: string,
    row: Fields & { expires_at: number },
    condition: Condition | undefined,
    signal: AbortSignal,
  ): Promise<boolean>
  /** Read consistently. Throws UnavailableError, also for a row that is none of ours. */
  find(key: string, now: number, signal: AbortSignal): Promise<Item | undefined>
  /** Sets these fields of a row that is there. False where the condition fails. Throws UnavailableError. */
  set(key: string, fields: Fields, condition: Condition, signal: AbortSignal): Promise<boolean>
  /** One more text at the end of a list of a row that is there, which may lack the list. False where the condition fails. Throws UnavailableError. */
  append(key: string, list: string, text: string, condition: Condition, signal: AbortSignal): Promise<boolean>
  /** False where the condition fails. Throws UnavailableError, also where it cannot be known whether this or another has deleted it. */
  delete(key: string, condition: Condition | undefined, signal: AbortSignal): Promise<boolean>
}

interface Condition {
  expression: string
  values?: Fields
}

export function rowsAt(prefix: string, client: DynamoDBClient, table: string): Rows {
  const keyOf = (key: string) => toAttributes({ pk: `${prefix}${key}` })

  const put: Rows['put'] = async (key, row, condition, signal) => {
    const Item = { ...keyOf(key), ...toAttributes({ schema: SCHEMA, ...row }) }
    const command = new PutItemCommand({ TableName: table, Item, ...toInput(condition) })
    return isDone(client.send(command, { abortSignal: signal }))
  }

  const update = (
    key: string,
    UpdateExpression: string,
    values: Fields,
    condition: Condition,
    signal: AbortSignal,
  ): Promise<boolean> => {
    const command = new UpdateItemCommand({
      TableName: table,
      Key: keyOf(key),
      UpdateExpression,
      ConditionExpression: condition.expression,
      ExpressionAttributeValues: toAttributes({ ...condition.values, ...values }),
    })
    return isDone(client.send(command, { abortSignal: signal }))
  }

  return {
    put,

    async record(key, row, signal) {
      // The SDK may send it twice, and the second time meets the first.
      const write_id = randomBytes(16).toString('base64url')
      const condition = {
        expression: 'attribute_not_exists(pk) OR expires_at <= :now OR write_id = :write_id',
        values: { ':now': row.created_at, ':write_id': write_id },
      }
      if (await put(key, { ...row, write_id }, condition, signal)) return
      throw new UnavailableError('dynamodb', 'another row is there')
    },

    async find(key, now, signal) {
      const command = new GetItemCommand({ TableName: table, Key: keyOf(key), ConsistentRead: true })
      try {
        const { Item: item } = await client.send(command, { abortSignal: signal })
        // TTL lags by days.
        if (item === undefined || numberAt(item, 'expires_at') <= now) return undefined
        if (numberAt(item, 'schema') !== SCHEMA || textAt(item, 'pk') !== `${prefix}${key}`)
          throw new UnavailableError('dynamodb', 'a row of another kind')
        return item
      } catch (error) {
        throw toUnavailable('dynamodb', error)
      }
    },

    set(key, fields, condition, signal) {
      const names = Object.keys(fields)
      const values = Object.fromEntries(names.map((name) => [`:${name}`, fields[name]]))
      return update(key, `SET ${names.map((name) => `${name} = :${name}`).join(', ')}`, values, condition, signal)
    },

    append(key, list, text, condition, signal) {
      const values = { ':none': [], ':added': [text] }
      return update(key, `SET ${list} = list_append(if_not_exists(${list}, :none), :added)`, values, condition, signal)
    },

    async delete(key, condition, signal) {
      const command = new DeleteItemCommand({ TableName: table, Key: keyOf(key), ...toInput(condition) })
      try {
        await client.send(command, { abortSignal: signal })
        return true
      } catch (error) {
        if (errorName(error) !== 'ConditionalCheckFailedException') throw toUnavailable('dynamodb', error)
        // The first of two requests may have deleted it, and its answer been lost.
        if (attemptsOf(error) !== 1) throw new UnavailableError('dynamodb', 'the outcome of a delete is unknown')
        return false
      }
    },
  }
}

/** False where a condition failed. Throws UnavailableError. */
async function isDone(sent: Promise<unknown>): Promise<boolean> {
  try {
    await sent
    return true
  } catch (error) {
    if (errorName(error) === 'ConditionalCheckFailedException') return false
    throw toUnavailable('dynamodb', error)
  }
}

/** How often the SDK has asked. */
function attemptsOf(error: unknown): number | undefined {
  return (error as { $metadata?: { attempts?: number } }).$metadata?.attempts
}

function toInput(condition: Condition | undefined) {
  if (condition === undefined) return {}
  return {
    ConditionExpression: condition.expression,
    ...(condition.values === undefined ? {} : { ExpressionAttributeValues: toAttributes(condition.values) }),
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

export function textsAt(item: Item, name: string): string[] {
  return required(stringsAt(item, name), name)
}

export function numberAt(item: Item, name: string): number {
  return required(integerAt(item, name), name)
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
