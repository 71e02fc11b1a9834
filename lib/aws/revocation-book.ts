import { createHash } from 'node:crypto'
import { QueryCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Lifting, RevocationBook, RevocationRecord } from '../ports.ts'
import { stringAt, toAttributes } from './attributes.ts'
import { dynamodbRevocationRegister, LISTED, revocationRows, toRecord } from './revocation-register.ts'
import { toUnavailable } from './unavailable.ts'

/** The register for operators, over the same rows. */
export function dynamodbRevocationBook(client: DynamoDBClient, table: string): RevocationBook {
  const rows = revocationRows(client, table)
  return {
    ...dynamodbRevocationRegister(client, table),
    find: (key, signal) => rows.find(key, signal),

    lift(meant, lifting, signal) {
      const id = idOfLifted(meant.id, lifting)
      return rows.change(
        meant,
        (stored) => {
          if (stored?.id === id) return stored
          return stored?.id === meant.id ? lifted(stored, id, lifting) : 'changed'
        },
        signal,
      )
    },

    async list(after, signal) {
      const command = new QueryCommand({
        TableName: table,
        IndexName: 'by_id',
        KeyConditionExpression: 'decision_id = :listed',
        ExpressionAttributeValues: toAttributes({ ':listed': LISTED }),
        ...(after === undefined ? {} : { ExclusiveStartKey: toAttributes({ decision_id: LISTED, pk: after }) }),
      })
      try {
        const { Items = [], LastEvaluatedKey } = await client.send(command, { abortSignal: signal })
        const next = LastEvaluatedKey && stringAt(LastEvaluatedKey, 'pk')
        return { records: Items.map(toRecord), ...(next === undefined ? {} : { next }) }
      } catch (error) {
        throw toUnavailable('dynamodb', error)
      }
    },
  }
}

/** Always the same of one record, so that who lifts it again finds that it is done. */
function idOfLifted(id: string, { tokens }: Lifting): string {
  return createHash('sha256')
    .update(`${tokens ? 'undo' : 'start'} ${id}`)
    .digest('base64url')
    .slice(0, 22)
}

function lifted(
  stored: RevocationRecord,
  id: string,
  { tokens, reason, by, at, expires_at }: Lifting,
): RevocationRecord {
  return {
    ...stored,
    id,
    blocked_until: 0,
    expires_at,
    ...(tokens ? { not_before: 0 } : {}),
    lifted_at: at,
    lifted_by: by,
    lifted_reason: reason,
  }
}
