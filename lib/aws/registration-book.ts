import { randomBytes } from 'node:crypto'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { deadlines } from '../deadlines.ts'
import type { RegisteredClient, RegistrationBook } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { dynamodbRegisteredClients, registeredClientRows, toRegisteredFields } from './registered-clients.ts'
import type { Item } from './attributes.ts'
import { rowsAt, textAt, textsAt } from './rows.ts'

/** Of as many at once each has its turn. */
const MAX_TRIES = 50

/** A client that is alive until then, for all that is known. */
interface Place {
  client_id: string
  expires_at: number
}

/**
 * The places of an initial access token are in one row, at `registration#<hash>`, which is read, changed and put back on the
 * condition that it is still the one that was read: so no two clients are ever in one place. A place is taken before its client
 * is written, and freed after it was deleted.
 */
export function dynamodbRegistrationBook(
  client: DynamoDBClient,
  table: string,
  randomId: () => string = () => randomBytes(16).toString('base64url'),
): RegistrationBook {
  const clients = registeredClientRows(client, table)
  const tokens = rowsAt('registration#', client, table)

  /** `next` says which places are to be taken; undefined: none but those that are. False then. Throws UnavailableError. */
  async function change(
    registered_by: string,
    now: number,
    next: (places: readonly Place[]) => readonly Place[] | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const item = await tokens.find(registered_by, now, signal)
      const stored = item === undefined ? [] : placesOf(item)
      const taken = stored.filter(({ expires_at }) => expires_at > now)
      const places = next(taken)
      if (places === undefined) return false
      if (places === taken) return true
      const over =
        item === undefined
          ? { expression: 'attribute_not_exists(pk) OR expires_at <= :now', values: { ':now': now } }
          : { expression: 'write_id = :read', values: { ':read': textAt(item, 'write_id') } }
      if (await tokens.put(registered_by, toPlaceFields(places, now, randomId()), over, signal)) return true
    }
    throw new UnavailableError('dynamodb', 'the clients of an initial access token could not be settled')
  }

  const free = ({ registered_by, client_id }: Taken, now: number, signal: AbortSignal) => {
    const without = (places: readonly Place[]) =>
      places.some((place) => place.client_id === client_id)
        ? places.filter((place) => place.client_id !== client_id)
        : places
    return change(registered_by, now, without, signal)
  }

  return {
    ...dynamodbRegisteredClients(client, table, clients),

    async register(registering, limit, signal) {
      const { client_id, registered_by, at, expires_at } = registering
      const take = (places: readonly Place[]) => {
        // Our put was done, and its answer lost.
        if (places.some((place) => place.client_id === client_id)) return places
        return places.length < limit ? [...places, { client_id, expires_at }] : undefined
      }
      if (!(await change(registered_by, at, take, signal))) return false
      try {
        const row = toRegisteredFields(registering)
        await clients.record(client_id, row, signal)
        return true
      } catch (error) {
        // It may be there all the same. Nobody knows its tokens, so it can do nothing; and its place is somebody else's.
        const own = AbortSignal.timeout(deadlines.release)
        const ours = { expression: 'management = :management', values: { ':management': registering.management } }
        await Promise.all([clients.delete(client_id, ours, own), free(registering, at, own)]).catch(() => {})
        throw error
      }
    },

    replace(replaced, now, signal) {
      const condition = { expression: 'attribute_exists(pk) AND expires_at > :now', values: { ':now': now } }
      return clients.put(replaced.client_id, toRegisteredFields(replaced), condition, signal)
    },

    async delete(deleted, now, signal) {
      await clients.delete(deleted.client_id, undefined, signal)
      return free(deleted, now, signal).catch((error) => {
        if (error instanceof UnavailableError) return false
        throw error
      })
    },
  }
}

type Taken = Pick<RegisteredClient, 'client_id' | 'registered_by'>

function toPlaceFields(places: readonly Place[], now: number, write_id: string) {
  return {
    clients: places.map(({ client_id, expires_at }) => `${client_id} ${expires_at}`),
    write_id,
    // A row of no places is gone at once.
    expires_at: Math.max(now, ...places.map(({ expires_at }) => expires_at)),
  }
}

/** Throws UnavailableError for what is none of ours: it may hide a place that is taken. */
function placesOf(item: Item): Place[] {
  return textsAt(item, 'clients').map((text) => {
    const [, client_id, expires_at] = /^(\S+) (\d{1,15})$/.exec(text) ?? []
    if (client_id === undefined) throw new UnavailableError('dynamodb', 'a row with a broken place')
    return { client_id, expires_at: Number(expires_at) }
  })
}
