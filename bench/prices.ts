/** USD for one, by the list prices of us-east-1 that AWS published in this year. */
export const prices = {
  date: 2025,
  api: 1.0e-6,
  invocation: 0.2e-6,
  gigabyteSecond: 0.0000133334,
  writeUnit: 0.625e-6,
  readUnit: 0.125e-6,
  es256: 15e-6,
  rs256: 3e-6,
  logGigabyte: 0.5,
  trace: 5e-6,
} as const
