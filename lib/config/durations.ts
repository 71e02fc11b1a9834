const units = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

/** `30s`, `15m`, `1h`, `90d` to seconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^(0|[1-9]\d{0,8})([smhd])$/.exec(text) ?? []
  return digits === undefined || unit === undefined ? undefined : Number(digits) * units[unit as keyof typeof units]
}
