import type { GetItemCommandInput, QueryCommandInput, ScanCommandInput } from '@aws-sdk/client-dynamodb'
import { stringAt, toAttributes, type Item } from '../lib/aws/attributes.ts'
import { toReceipt } from '../lib/aws/receipt-item.ts'
import { errorName } from '../lib/aws/unavailable.ts'
import type { Receipt } from '../lib/ports.ts'
import { CommandError } from './command.ts'
import { readSegments } from './read-segments.ts'

/** `state`: `recorded`, or `released` where nothing was handed out in the end. */
export type ReadReceipt = Receipt & { state: string }

/** The broker's table, read as the AWS principal whose credentials the SDK finds here. Each throws CommandError. */
export interface ReceiptTable {
  /** For messages: its name, and the region. */
  name: string
  find(decision_id: string): Promise<ReadReceipt | undefined>
  /** Every receipt of what was handed out at `since` or later. On a terminal it says how far it is. Returns how many rows it read. */
  each(since: number, use: (receipt: ReadReceipt) => void): Promise<number>
}

export async function receiptTable(TableName: string): Promise<ReceiptTable> {
  // Only here: a command that asks nothing of AWS should not wait for its SDK.
  const { DynamoDBClient, GetItemCommand, QueryCommand, ScanCommand } = await import('@aws-sdk/client-dynamodb')
  const client = new DynamoDBClient({ maxAttempts: 5 })
  const region = await client.config.region().catch(() => {
    throw new CommandError('no AWS region is set: set AWS_REGION to the one that the broker is in')
  })
  const name = `the table ${TableName} in ${region}`
  const asking = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer
    } catch (error) {
      throw new CommandError(problem(errorName(error), name))
    }
  }
  const query = (input: Omit<QueryCommandInput, 'TableName'>) =>
    asking(client.send(new QueryCommand({ TableName, ...input })))
  const get = (input: Omit<GetItemCommandInput, 'TableName'>) =>
    asking(client.send(new GetItemCommand({ TableName, ...input })))
  const scan = (input: Omit<ScanCommandInput, 'TableName'>) =>
    asking(client.send(new ScanCommand({ TableName, ...input })))
  return {
    name,
    async find(decision_id) {
      const { Items = [] } = await query({
        IndexName: 'by_id',
        KeyConditionExpression: 'decision_id = :id',
        ExpressionAttributeValues: toAttributes({ ':id': decision_id }),
      })
      const pk = Items.filter((item) => receiptOf(item) !== undefined).map((item) => stringAt(item, 'pk'))[0]
      if (pk === undefined) return undefined
      // The index lags, and says nothing of what has become of the row.
      const { Item } = await get({ Key: toAttributes({ pk }), ConsistentRead: true })
      const receipt = Item && receiptOf(Item)
      return receipt?.decision_id === decision_id ? receipt : undefined
    },
    async each(since, use) {
      let read = 0
      let found = 0
      await readSegments(
        async ({ segment, segments, after }) => {
          const page = await scan({
            Segment: segment,
            TotalSegments: segments,
            // A client's proof has a use, and no receipt has.
            FilterExpression:
              'begins_with(pk, :receipt) AND attribute_not_exists(#use) AND #at >= :since AND #state = :recorded',
            ExpressionAttributeNames: { '#use': 'use', '#at': 'at', '#state': 'state' },
            ExpressionAttributeValues: toAttributes({
              ':receipt': 'receipt#',
              ':since': since,
              ':recorded': 'recorded',
            }),
            ...(after === undefined ? {} : { ExclusiveStartKey: toAttributes({ pk: after }) }),
          })
          read += page.ScannedCount ?? 0
          for (const receipt of (page.Items ?? []).flatMap((item) => receiptOf(item) ?? [])) {
            found++
            use(receipt)
          }
          return page.LastEvaluatedKey && stringAt(page.LastEvaluatedKey, 'pk')
        },
        () => `${read} rows read, ${found} receipts`,
      )
      return read
    },
  }
}

function receiptOf(item: Item): ReadReceipt | undefined {
  try {
    return toReceipt(item)
  } catch (error) {
    throw new CommandError(`the table has ${(error as Error).message}: was it written by another version?`)
  }
}

/** An SDK error's message may hold what was signed, so its name has to do. */
function problem(error: string, name: string): string {
  if (error === 'ResourceNotFoundException')
    return `there is no ${name.slice('the '.length)}, for these credentials: the stack's output BrokerTableName has its name`
  if (error === 'AccessDeniedException')
    return `these AWS credentials may not read ${name}: docs/policies/auditor.json is what they need`
  if (error === 'CredentialsProviderError')
    return 'no AWS credentials were found: set AWS_PROFILE, or sign in as you do for the aws command, and see who you are with `aws sts get-caller-identity`'
  return `${name} could not be read: ${error}`
}
