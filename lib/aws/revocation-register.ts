import { randomBytes } from 'node:crypto'
import { GetItemCommand, PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { RevocationEntry, RevocationKey, RevocationRecord, RevocationRegister } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { isRevocationDimension } from '../protocol/revocation-dimensions.ts'
import { integerAt, stringAt, toAttributes, type Item } from './attributes.ts'
import { isRejectedWrite, toUnavailable } from './unavailable.ts'

const SCHEMA = 1
const MAX_TRIES = 4
/** Where the index by_id has them all together, beside the decisions' ids, which are longer. */
export const LISTED = 'revocations'

/** `next` says what is to be on record, or what is if there is nothing to do. */
export interface RevocationRows {
  find(key: RevocationKey, signal: AbortSignal): Promise<RevocationRecord | undefined>
  change<Otherwise extends string>(
    key: RevocationKey,
    next: (stored: RevocationRecord | undefined) => RevocationRecord | Otherwise,
    signal: AbortSignal,
  ): Promise<RevocationRecord | Otherwise>
}

/**
 * Revocations at `revocation#<dimension>#<value>`. A row is read, changed and put back on the condition that it is still the
 * one that was read, so of two who change it at once neither is lost.
 */
export function revocationRows(client: DynamoDBClient, table: string): RevocationRows {
  async function find(key: RevocationKey, signal: AbortSignal): Promise<RevocationRecord | undefined> {
    const command = new GetItemCommand({ TableName: table, Key: keyOf(key), ConsistentRead: true })
    try {
      const { Item } = await client.send(command, { abortSignal: signal })
      return Item && toRecord(Item)
    } catch (error) {
      throw toUnavailable('dynamodb', error)
    }
  }

  /** False when the row was no longer the one that was read, or it is not known whether this was written. */
  async function put(record: RevocationRecord, over: RevocationRecord | undefined, signal: AbortSignal) {
    const command = new PutItemCommand({
      TableName: table,
      Item: toItem(record),
      ...(over === undefined
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : { ConditionExpression: 'write_id = :read', ExpressionAttributeValues: toAttributes({ ':read': over.id }) }),
    })
    try {
      await client.send(command, { abortSignal: signal })
      return true
    } catch (error) {
      if (isRejectedWrite(error)) throw toUnavailable('dynamodb', error)
      return false
    }
  }

  return {
    find,

    async change(key, next, signal) {
      for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
        const stored = await find(key, signal)
        const record = next(stored)
        if (typeof record === 'string' || record === stored || (await put(record, stored, signal))) return record
      }
      throw new UnavailableError('dynamodb', 'a revocation could not be settled')
    },
  }
}

/** For those who only take back: a function that issues tokens carries no more. */
export function dynamodbRevocationRegister(
  client: DynamoDBClient,
  table: string,
  randomId: () => string = () => randomBytes(16).toString('base64url'),
): RevocationRegister {
  const rows = revocationRows(client, table)
  return {
    revoke(entry, signal) {
      const id = randomId()
      // Its id: our put was done, and its answer lost.
      return rows.change<never>(
        entry,
        (stored) => (stored?.id === id || isDead(entry, stored) ? stored : stricter(entry, id, stored)),
        signal,
      )
    },
  }
}

/**
 * A single token that is revoked stays so: however often its holder says it at once, one row is written. What somebody else
 * says is a record of its own, which nobody lifts who has not seen it.
 */
function isDead(
  { dimension, reason, by, at }: RevocationEntry,
  stored: RevocationRecord | undefined,
): stored is RevocationRecord {
  if (dimension !== 'jti' || stored === undefined || stored.by !== by || stored.reason !== reason) return false
  return stored.not_before >= at && stored.expires_at > at
}

/** What was lifted does not come back with a new revocation; what holds is never lowered by one. */
function stricter(entry: RevocationEntry, id: string, stored: RevocationRecord | undefined): RevocationRecord {
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
    id,
  }
}

function keyOf({ dimension, value }: RevocationKey): Item {
  return toAttributes({ pk: `revocation#${dimension}#${value}` })
}

/** Of single tokens there may be very many, so they are not in the list. */
function toItem(record: RevocationRecord): Item {
  const { dimension, value, id, ...fields } = record
  return {
    ...keyOf(record),
    ...toAttributes({
      schema: SCHEMA,
      dimension,
      value,
      ...fields,
      write_id: id,
      ...(dimension === 'jti' ? {} : { decision_id: LISTED }),
    }),
  }
}

/** Throws UnavailableError. */
export function toRecord(item: Item): RevocationRecord {
  const texts = (...names: string[]) => names.map((name) => stringAt(item, name))
  const numbers = (...names: string[]) => names.map((name) => integerAt(item, name))
  const [dimension, value, reason, by, id] = texts('dimension', 'value', 'reason', 'by', 'write_id')
  const [not_before, blocked_until, expires_at, at] = numbers('not_before', 'blocked_until', 'expires_at', 'at')
  if (
    dimension === undefined ||
    !isRevocationDimension(dimension) ||
    value === undefined ||
    reason === undefined ||
    by === undefined ||
    id === undefined ||
    not_before === undefined ||
    blocked_until === undefined ||
    expires_at === undefined ||
    at === undefined
  )
    throw new UnavailableError('dynamodb', `the row ${JSON.stringify(stringAt(item, 'pk'))} is malformed`)
  const lifted_at = integerAt(item, 'lifted_at')
  const [lifted_by = '', lifted_reason = ''] = texts('lifted_by', 'lifted_reason')
  return {
    dimension,
    value,
    not_before,
    blocked_until,
    expires_at,
    reason,
    by,
    at,
    id,
    ...(lifted_at === undefined ? {} : { lifted_at, lifted_by, lifted_reason }),
  }
}
