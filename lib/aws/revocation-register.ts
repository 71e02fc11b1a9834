import { randomBytes } from 'node:crypto'
import { GetItemCommand, PutItemCommand, QueryCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Lifting, RevocationBook, RevocationEntry, RevocationKey, RevocationRecord } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { isRevocationDimension } from '../protocol/revocation-dimensions.ts'
import { integerAt, stringAt, toAttributes, type Item } from './attributes.ts'
import { isRejectedWrite, toUnavailable } from './unavailable.ts'

const SCHEMA = 1
const MAX_TRIES = 4
/** Where the index by_id has them all together, beside the decisions' ids, which are longer. */
const LISTED = 'revocations'

interface Stored {
  record: RevocationRecord
  write_id: string
}

/**
 * Revocations at `revocation#<dimension>#<value>`. A row is read, changed and put back on the condition that it is still the
 * one that was read, so of two who change it at once neither is lost.
 */
export function dynamodbRevocationRegister(
  client: DynamoDBClient,
  table: string,
  randomId: () => string = () => randomBytes(16).toString('base64url'),
): RevocationBook {
  async function read(key: RevocationKey, signal: AbortSignal): Promise<Stored | undefined> {
    const command = new GetItemCommand({ TableName: table, Key: keyOf(key), ConsistentRead: true })
    try {
      const { Item } = await client.send(command, { abortSignal: signal })
      return Item && toStored(Item)
    } catch (error) {
      throw toUnavailable('dynamodb', error)
    }
  }

  /** False when the row was no longer the one that was read, or it is not known whether this was written. */
  async function put(record: RevocationRecord, write_id: string, over: Stored | undefined, signal: AbortSignal) {
    const command = new PutItemCommand({
      TableName: table,
      Item: toItem(record, write_id),
      ...(over === undefined
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: 'write_id = :read',
            ExpressionAttributeValues: toAttributes({ ':read': over.write_id }),
          }),
    })
    try {
      await client.send(command, { abortSignal: signal })
      return true
    } catch (error) {
      if (isRejectedWrite(error)) throw toUnavailable('dynamodb', error)
      return false
    }
  }

  async function change(
    key: RevocationKey,
    next: (stored: RevocationRecord | undefined) => RevocationRecord | undefined,
    signal: AbortSignal,
  ): Promise<RevocationRecord | undefined> {
    const write_id = randomId()
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const stored = await read(key, signal)
      // Our put was done, and its answer lost.
      if (stored?.write_id === write_id) return stored.record
      const record = next(stored?.record)
      if (record === undefined || (await put(record, write_id, stored, signal))) return record
    }
    throw new UnavailableError('dynamodb', 'a revocation could not be settled')
  }

  return {
    async revoke(entry, signal) {
      await change(entry, (stored) => (isDead(entry, stored) ? undefined : stricter(entry, stored)), signal)
    },

    lift: (key, lifting, signal) => change(key, (stored) => stored && lifted(stored, lifting), signal),

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
        return { records: Items.map((item) => toStored(item).record), ...(next === undefined ? {} : { next }) }
      } catch (error) {
        throw toUnavailable('dynamodb', error)
      }
    },
  }
}

/** A single token that is revoked stays so: however many revoke it at once, one of them writes. */
function isDead({ dimension, at }: RevocationEntry, stored: RevocationRecord | undefined): boolean {
  return dimension === 'jti' && stored !== undefined && stored.not_before >= at && stored.expires_at > at
}

/** What was lifted does not come back with a new revocation; what holds is never lowered by one. */
function stricter(entry: RevocationEntry, stored: RevocationRecord | undefined): RevocationRecord {
  const { dimension, value, reason, by, at } = entry
  const most = (name: 'not_before' | 'blocked_until' | 'expires_at') => Math.max(entry[name], stored?.[name] ?? 0)
  return {
    dimension,
    value,
    not_before: most('not_before'),
    blocked_until: most('blocked_until'),
    expires_at: most('expires_at'),
    reason,
    by,
    at,
  }
}

function lifted(stored: RevocationRecord, { tokens, reason, by, at, expires_at }: Lifting): RevocationRecord {
  return {
    ...stored,
    blocked_until: 0,
    expires_at,
    ...(tokens ? { not_before: 0 } : {}),
    lifted_at: at,
    lifted_by: by,
    lifted_reason: reason,
  }
}

function keyOf({ dimension, value }: RevocationKey): Item {
  return toAttributes({ pk: `revocation#${dimension}#${value}` })
}

/** Of single tokens there may be very many, so they are not in the list. */
function toItem(record: RevocationRecord, write_id: string): Item {
  const { dimension, value, ...fields } = record
  return {
    ...keyOf(record),
    ...toAttributes({
      schema: SCHEMA,
      dimension,
      value,
      ...fields,
      write_id,
      ...(dimension === 'jti' ? {} : { decision_id: LISTED }),
    }),
  }
}

function toStored(item: Item): Stored {
  const texts = (...names: string[]) => names.map((name) => stringAt(item, name))
  const numbers = (...names: string[]) => names.map((name) => integerAt(item, name))
  const [dimension, value, reason, by, write_id] = texts('dimension', 'value', 'reason', 'by', 'write_id')
  const [not_before, blocked_until, expires_at, at] = numbers('not_before', 'blocked_until', 'expires_at', 'at')
  if (
    dimension === undefined ||
    !isRevocationDimension(dimension) ||
    value === undefined ||
    reason === undefined ||
    by === undefined ||
    write_id === undefined ||
    not_before === undefined ||
    blocked_until === undefined ||
    expires_at === undefined ||
    at === undefined
  )
    throw new UnavailableError('dynamodb', 'a revocation is malformed')
  const lifted_at = integerAt(item, 'lifted_at')
  const [lifted_by = '', lifted_reason = ''] = texts('lifted_by', 'lifted_reason')
  return {
    write_id,
    record: {
      dimension,
      value,
      not_before,
      blocked_until,
      expires_at,
      reason,
      by,
      at,
      ...(lifted_at === undefined ? {} : { lifted_at, lifted_by, lifted_reason }),
    },
  }
}
