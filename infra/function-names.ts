/** Every function that is deployed, by the name of its file in functions/. */
export const functionNames = ['token', 'metadata', 'signing-keys'] as const

export type FunctionName = (typeof functionNames)[number]
