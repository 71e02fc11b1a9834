import { QueryCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { stringAt, toAttributes, type Item } from './attributes.ts'
import { toUnavailable } from './unavailable.ts'

/** Where the index by_id has rows of one kind together that are of one person, beside decisions' ids. One key for all people's would be hot. */
export function listedAs(kind: 'consents' | 'sessions' | 'families', sub: string): string {
  return `${kind}#${sub}`
}

/** Rows that are read at once: what is done with each takes a few calls more. */
const PAGE = 25

/** A page of what the index has there, as far as it has not expired; `next`: the key after which it goes on. Throws UnavailableError. */
export async function listRows(
  client: DynamoDBClient,
  table: string,
  listed: string,
  now: number,
  after: string | undefined,
  signal: AbortSignal,
): Promise<{ items: Item[]; next?: string }> {
  const command = new QueryCommand({
    TableName: table,
    IndexName: 'by_id',
    KeyConditionExpression: 'decision_id = :listed',
    FilterExpression: 'expires_at > :now',
    Limit: PAGE,
    ExpressionAttributeValues: toAttributes({ ':listed': listed, ':now': now }),
    ...(after === undefined ? {} : { ExclusiveStartKey: toAttributes({ decision_id: listed, pk: after }) }),
  })
  try {
    const { Items = [], LastEvaluatedKey } = await client.send(command, { abortSignal: signal })
    const next = LastEvaluatedKey && stringAt(LastEvaluatedKey, 'pk')
    return { items: Items, ...(next === undefined ? {} : { next }) }
  } catch (error) {
    throw toUnavailable('dynamodb', error)
  }
}
