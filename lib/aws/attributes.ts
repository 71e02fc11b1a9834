import type { AttributeValue } from '@aws-sdk/client-dynamodb'

export type Item = Record<string, AttributeValue>

/** Strings, numbers and lists of strings; what is undefined is left out. Three types need no marshaller in the bundle. */
export function toAttributes(fields: Record<string, string | number | readonly string[] | undefined>): Item {
  const item: Item = {}
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) item[name] = toAttribute(value)
  }
  return item
}

function toAttribute(value: string | number | readonly string[]): AttributeValue {
  if (typeof value === 'string') return { S: value }
  if (typeof value === 'number') return { N: String(value) }
  return { L: value.map((S) => ({ S })) }
}

export function stringAt(item: Item, name: string): string | undefined {
  return item[name]?.S
}

/** An integer, which all our numbers are. */
export function integerAt(item: Item, name: string): number | undefined {
  const value = Number(item[name]?.N ?? Number.NaN)
  return Number.isSafeInteger(value) ? value : undefined
}

export function stringsAt(item: Item, name: string): string[] | undefined {
  const values = item[name]?.L?.map(({ S }) => S)
  return values?.every((value) => value !== undefined) ? values : undefined
}
