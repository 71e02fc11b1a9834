import {
  GetItemCommand,
  UpdateItemCommand,
  type DynamoDBClient,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { keySetAges } from '../deadlines.ts'
import type { KeySetItem, KeySetItems } from '../ports.ts'
import { parseKeySet, type KeySet } from '../protocol/key-set.ts'
import { parseJsonObject } from '../protocol/strict-json.ts'
import { integerAt, stringAt, toAttributes, type Item } from './attributes.ts'
import { errorName, toUnavailable } from './unavailable.ts'

const SCHEMA = 1
/** Of no consequence for what is believed: `fetched_at` decides that, and far earlier. */
const LIFETIME_SECONDS = 24 * 60 * 60
/** A claim further ahead than this was made by a broken clock, and must not stop everybody until its time has come. */
const MAX_SKEW_SECONDS = 60

/** Key sets at `keyset#<name>`. A claim and a set are written separately, each under its own condition, into one row. */
export function dynamodbKeySetItems(client: DynamoDBClient, table: string): KeySetItems {
  /** False when the condition failed. */
  async function update(
    name: string,
    change: Partial<UpdateItemCommandInput>,
    fields: Item,
    signal: AbortSignal,
  ): Promise<boolean> {
    const command = new UpdateItemCommand({
      TableName: table,
      Key: keyOf(name),
      ...change,
      ExpressionAttributeValues: fields,
    })
    try {
      await client.send(command, { abortSignal: signal })
      return true
    } catch (error) {
      if (errorName(error) === 'ConditionalCheckFailedException') return false
      throw toUnavailable('dynamodb', error)
    }
  }

  return {
    async find(name, signal) {
      const command = new GetItemCommand({ TableName: table, Key: keyOf(name), ConsistentRead: true })
      try {
        const { Item: item = {} } = await client.send(command, { abortSignal: signal })
        return { item: toKeySetItem(item), attempted_at: integerAt(item, 'attempted_at') }
      } catch (error) {
        throw toUnavailable('dynamodb', error)
      }
    },

    async claimFetch(name, now, signal) {
      // When the SDK sends a claim twice and the first one did win, nobody fetches: the next claim is 30 s away.
      return update(
        name,
        {
          UpdateExpression: 'SET attempted_at = :now, expires_at = :expires_at, #schema = :schema',
          ConditionExpression: 'attribute_not_exists(attempted_at) OR attempted_at <= :due OR attempted_at > :ahead',
          ExpressionAttributeNames: { '#schema': 'schema' },
        },
        toAttributes({
          ':now': now,
          ':due': now - keySetAges.refetch,
          ':ahead': now + MAX_SKEW_SECONDS,
          ':expires_at': now + LIFETIME_SECONDS,
          ':schema': SCHEMA,
        }),
        signal,
      )
    },

    async store(name, { keys, fetched_at, etag }, signal) {
      await update(
        name,
        {
          UpdateExpression: `SET #keys = :keys, fetched_at = :fetched_at, expires_at = :expires_at, #schema = :schema ${
            etag === undefined ? 'REMOVE etag' : ', etag = :etag'
          }`,
          // More than an hour ahead is no newer set but a broken clock's.
          ConditionExpression: 'attribute_not_exists(fetched_at) OR fetched_at <= :fetched_at OR fetched_at > :ahead',
          ExpressionAttributeNames: { '#keys': 'keys', '#schema': 'schema' },
        },
        toAttributes({
          ':keys': toText(keys),
          ':fetched_at': fetched_at,
          ':ahead': fetched_at + keySetAges.stale,
          ':expires_at': fetched_at + LIFETIME_SECONDS,
          ':etag': etag,
          ':schema': SCHEMA,
        }),
        signal,
      )
    },
  }
}

function keyOf(name: string): Item {
  return toAttributes({ pk: `keyset#${name}` })
}

function toText({ keys }: KeySet): string {
  return JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })
}

/** Believed no more than the issuer's own answer. A row that is not what we wrote counts as none. */
function toKeySetItem(item: Item): KeySetItem | undefined {
  const text = stringAt(item, 'keys')
  const fetched_at = integerAt(item, 'fetched_at')
  if (text === undefined || fetched_at === undefined) return undefined
  try {
    return { keys: parseKeySet(parseJsonObject(text)), fetched_at, etag: stringAt(item, 'etag') }
  } catch {
    return undefined
  }
}
