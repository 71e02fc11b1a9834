import { ScanCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { ReceiptCount, ReceiptCountRequest, ReceiptCounter } from '../ports.ts'
import type { RevocationDimension } from '../protocol/revocation-dimensions.ts'
import { stringAt, toAttributes } from './attributes.ts'
import { toUnavailable } from './unavailable.ts'

/** Where a receipt has what a revocation of each dimension reaches. */
const reached = {
  jti: 'decision_id = :value OR contains(parents, :value)',
  subject: '#sub = :value OR client_sub = :value',
  issuer: 'issuer_name = :value OR begins_with(client_sub, :issuer)',
  rule: 'contains(#rules, :value)',
  client: 'client_id = :value',
  kid: 'kid = :value',
  target: '#target = :value',
  all: undefined,
} as const satisfies Record<RevocationDimension, string | undefined>

/** Counts receipts by reading the whole table, a part at a time: there is no index by rule or issuer, which would be hot. */
export function dynamodbReceiptCounter(client: DynamoDBClient, table: string): ReceiptCounter {
  return {
    async count({ dimension, value, now, before, segment, segments, after }: ReceiptCountRequest, signal) {
      const dimensionFilter = reached[dimension]
      const names = ['#sub', '#rules', '#target'].filter((name) => dimensionFilter?.includes(name))
      const command = new ScanCommand({
        TableName: table,
        Segment: segment,
        TotalSegments: segments,
        FilterExpression: [
          'begins_with(pk, :receipt)',
          'issued_exp > :now',
          '#state = :recorded',
          ...(before === undefined ? [] : ['#at <= :before']),
          ...(dimensionFilter === undefined ? [] : [`(${dimensionFilter})`]),
        ].join(' AND '),
        ProjectionExpression: 'pk, #role',
        ExpressionAttributeNames: {
          '#state': 'state',
          '#role': 'role',
          ...(before === undefined ? {} : { '#at': 'at' }),
          ...Object.fromEntries(names.map((name) => [name, name.slice(1)])),
        },
        ExpressionAttributeValues: toAttributes({
          ':receipt': 'receipt#',
          ':now': now,
          ':recorded': 'recorded',
          ...(dimensionFilter === undefined ? {} : { ':value': value }),
          ...(dimension === 'issuer' ? { ':issuer': `${value}:` } : {}),
          ...(before === undefined ? {} : { ':before': before }),
        }),
        ...(after === undefined ? {} : { ExclusiveStartKey: toAttributes({ pk: after }) }),
      })
      try {
        const { Items = [], ScannedCount = 0, LastEvaluatedKey } = await client.send(command, { abortSignal: signal })
        const sessions = Items.filter((item) => stringAt(item, 'role') !== undefined).length
        const next = LastEvaluatedKey && stringAt(LastEvaluatedKey, 'pk')
        const counted: ReceiptCount = { tokens: Items.length - sessions, sessions, read: ScannedCount }
        return next === undefined ? counted : { ...counted, next }
      } catch (error) {
        throw toUnavailable('dynamodb', error)
      }
    },
  }
}
