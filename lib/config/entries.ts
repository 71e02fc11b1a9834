/** A map of broker.yaml, before anything is known of what it holds. */
export type Entries = Readonly<Record<string, unknown>>

export function isEntries(value: unknown): value is Entries {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
