import type { AssertionReceipt, Receipt } from '../ports.ts'
import { parseJsonObject } from '../protocol/strict-json.ts'
import { integerAt, stringAt, stringsAt, toAttributes, type Item } from './attributes.ts'

const SCHEMA = 1
const PREFIX = 'receipt#'

export function keyOf({ key }: { key: string }): Item {
  return toAttributes({ pk: `${PREFIX}${key}` })
}

export function toItem(receipt: Receipt | AssertionReceipt, write_id: string, attempts: number): Item {
  const { key, ...fields } = receipt
  const flat = 'claims' in fields ? { ...fields, claims: JSON.stringify(fields.claims) } : fields
  return { ...keyOf({ key }), ...toAttributes({ schema: SCHEMA, ...flat, state: 'recorded', write_id, attempts }) }
}

/** A receipt read back; undefined for a row of another kind. Throws where a field is missing, or of another type. */
export function toReceipt(item: Item): (Receipt & { state: string }) | undefined {
  const pk = stringAt(item, 'pk')
  if (!pk?.startsWith(PREFIX) || item.use !== undefined) return undefined
  const text = (name: string) => present(stringAt(item, name), name)
  const list = (name: string) => present(stringsAt(item, name), name)
  const number = (name: string) => present(integerAt(item, name), name)
  const optional = Object.fromEntries(
    optionalText.flatMap((name) => {
      const value = stringAt(item, name)
      return value === undefined ? [] : [[name, value]]
    }),
  ) as Partial<Record<(typeof optionalText)[number], string>>
  const left = stringsAt(item, 'claims_left_out')
  return {
    key: pk.slice(PREFIX.length),
    decision_id: text('decision_id'),
    grant_type: text('grant_type'),
    sub: text('sub'),
    client_id: text('client_id'),
    ...optional,
    rules: list('rules'),
    config_hash: text('config_hash'),
    target: text('target'),
    scopes: list('scopes'),
    issued_exp: number('issued_exp'),
    parents: list('parents'),
    claims: parseJsonObject(text('claims')),
    ...(left === undefined ? {} : { claims_left_out: left }),
    shadow: list('shadow'),
    at: number('at'),
    expires_at: number('expires_at'),
    state: text('state'),
  }
}

const optionalText = [
  'issuer_name',
  'iss',
  'subject',
  'subject_jti',
  'subject_hash',
  'kid',
  'role',
  'source_identity',
  'session_name',
  'client_sub',
] as const satisfies (keyof Receipt)[]

function present<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`a receipt without ${name}`)
  return value
}
