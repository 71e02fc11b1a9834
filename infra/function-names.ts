/** Every function that is deployed, by the name of its file in functions/. */
export const functionNames = [
  'token',
  'login',
  'introspection',
  'registration',
  'admin',
  'metadata',
  'logout-delivery',
  'signing-keys',
] as const

export type FunctionName = (typeof functionNames)[number]

/** Functions that read tokens by rules, or by what clients must prove: those that may need the CEL engine. */
export function evaluates(name: FunctionName): boolean {
  return name === 'token' || name === 'login' || name === 'introspection'
}
