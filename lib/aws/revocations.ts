import { BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Clock, Revocation, RevocationKey, RevocationStore } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { integerAt, stringAt, toAttributes, type Item } from './attributes.ts'
import { toUnavailable } from './unavailable.ts'

/** What one BatchGetItem takes. */
const MAX_KEYS = 100

/** Revocations at `revocation#<dimension>#<value>`, read consistently, a hundred at once. Anything less than the whole answer is none. */
export function dynamodbRevocationStore(client: DynamoDBClient, table: string, now: Clock): RevocationStore {
  async function read(pks: string[], signal: AbortSignal): Promise<Item[]> {
    const command = new BatchGetItemCommand({
      RequestItems: { [table]: { Keys: pks.map((pk) => toAttributes({ pk })), ConsistentRead: true } },
    })
    try {
      const { Responses, UnprocessedKeys } = await client.send(command, { abortSignal: signal })
      if (Object.keys(UnprocessedKeys ?? {}).length > 0)
        throw new UnavailableError('dynamodb', 'some revocations were not read')
      const items = Responses?.[table]
      if (items === undefined) throw new UnavailableError('dynamodb', 'the answer names no table')
      return items
    } catch (error) {
      throw toUnavailable('dynamodb', error)
    }
  }

  return {
    async find(keys, signal) {
      // DynamoDB refuses a request that names one key twice.
      const wanted = new Map(keys.map((key) => [`revocation#${key.dimension}#${key.value}`, key]))
      const pks = [...wanted.keys()]
      const parts = Array.from({ length: Math.ceil(pks.length / MAX_KEYS) }, (_, part) =>
        read(pks.slice(part * MAX_KEYS, (part + 1) * MAX_KEYS), signal),
      )
      const items = (await Promise.all(parts)).flat()
      const at = now()
      return items.map((item) => toRevocation(item, wanted)).filter(({ expires_at }) => expires_at > at)
    },
  }
}

function toRevocation(item: Item, wanted: ReadonlyMap<string, RevocationKey>): Revocation {
  const key = wanted.get(stringAt(item, 'pk') ?? '')
  const not_before = integerAt(item, 'not_before')
  const blocked_until = integerAt(item, 'blocked_until')
  const expires_at = integerAt(item, 'expires_at')
  if (key === undefined || not_before === undefined || blocked_until === undefined || expires_at === undefined) {
    throw new UnavailableError('dynamodb', 'a revocation is malformed')
  }
  return { dimension: key.dimension, value: key.value, not_before, blocked_until, expires_at }
}
