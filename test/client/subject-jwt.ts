const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A job's token as far as a client looks into it: the broker alone verifies. */
export function subjectJwt(claims: Record<string, unknown> = {}): string {
  const payload = {
    iss: 'https://ci.example',
    sub: 'job',
    aud: 'https://broker.example',
    exp: 1_800_000_000,
    ...claims,
  }
  return encoded(JSON.stringify(payload))
}

/** The same with a payload that no object has. */
export function encoded(payload: string): string {
  return `${encode({ alg: 'RS256', kid: '1' })}.${Buffer.from(payload).toString('base64url')}.${'c2lnbmF0dXJl'.repeat(5)}`
}
