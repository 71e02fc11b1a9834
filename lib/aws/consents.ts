import { QueryCommand, ScanCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Consent, ConsentBook } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { stringAt, toAttributes, type Item } from './attributes.ts'
import { listedAs } from './listed-rows.ts'
import { numberAt, rowsAt, textAt, textsAt } from './rows.ts'
import { toUnavailable } from './unavailable.ts'

const PREFIX = 'consent#'
/** No client_id has a # in it. */
const keyOf = ({ client_id, sub }: { client_id: string; sub: string }) => `${client_id}#${sub}`

/** At `consent#<client_id>#<sub>`. */
export function dynamodbConsents(client: DynamoDBClient, table: string): ConsentBook {
  const rows = rowsAt(PREFIX, client, table)
  return {
    async record({ at, ...consent }, signal) {
      await rows.put(
        keyOf(consent),
        { ...consent, created_at: at, decision_id: listedAs('consents', consent.sub) },
        undefined,
        signal,
      )
    },

    async find(of, now, signal) {
      const item = await rows.find(keyOf(of), now, signal)
      return item && toConsent(item)
    },

    async list({ client_id, sub }, now, after, signal) {
      const filter = {
        TableName: table,
        FilterExpression: [
          'expires_at > :now',
          ...(client_id === undefined ? [] : ['client_id = :client_id']),
          ...(sub === undefined ? ['begins_with(pk, :prefix)'] : []),
        ].join(' AND '),
        ExpressionAttributeValues: toAttributes({
          ':now': now,
          ':client_id': client_id,
          ...(sub === undefined ? { ':prefix': PREFIX } : { ':listed': listedAs('consents', sub) }),
        }),
      }
      const start = (key: Item) => (after === undefined ? {} : { ExclusiveStartKey: { ...key, pk: { S: after } } })
      const command =
        sub === undefined
          ? new ScanCommand({ ...filter, ...start({}) })
          : new QueryCommand({
              ...filter,
              ...start(toAttributes({ decision_id: listedAs('consents', sub) })),
              IndexName: 'by_id',
              KeyConditionExpression: 'decision_id = :listed',
            })
      try {
        const { Items = [], LastEvaluatedKey } = await client.send(command, { abortSignal: signal })
        const next = LastEvaluatedKey && stringAt(LastEvaluatedKey, 'pk')
        return { consents: Items.map(toConsent), ...(next === undefined ? {} : { next }) }
      } catch (error) {
        throw toUnavailable('dynamodb', error)
      }
    },

    withdraw: (of, signal) => rows.delete(keyOf(of), { expression: 'attribute_exists(pk)' }, signal),
  }
}

/** Throws UnavailableError that names the row: whoever withdraws that consent is rid of it. */
function toConsent(item: Item): Consent {
  const pk = stringAt(item, 'pk')
  try {
    const consent = {
      client_id: textAt(item, 'client_id'),
      sub: textAt(item, 'sub'),
      scopes: textsAt(item, 'scopes'),
      at: numberAt(item, 'created_at'),
      expires_at: numberAt(item, 'expires_at'),
    }
    if (pk === `${PREFIX}${keyOf(consent)}`) return consent
  } catch {
    // It is named below.
  }
  throw new UnavailableError('dynamodb', `the row ${JSON.stringify(pk)} is malformed`)
}
