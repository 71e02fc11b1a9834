import { generateKeyPairSync, randomUUID, sign as signBytes } from 'node:crypto'

/** An issuer whose private key we hold, so that it says whatever we like. ES256, for which a signature is cheap. */
export interface Press {
  /** The public key, as a key set has it. */
  jwk: object
  header: Readonly<Record<string, unknown>>
  /** Of a token that is good for an hour from now. */
  claims(): Record<string, unknown>
  /** Signs `payload` as it stands, or with the claims of a good token before its own if it is to be `valid`. */
  sign(payload: string, options?: { header?: string; valid?: boolean }): string
}

export function openPress(iss: string, aud: string): Press {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const header = { alg: 'ES256', typ: 'JWT', kid: 'k1' }
  const claims = () => {
    const now = Math.floor(Date.now() / 1000)
    return {
      iss,
      sub: 'job-7',
      aud,
      exp: now + 3_500,
      iat: now,
      nbf: now,
      jti: randomUUID(),
      ref: 'refs/heads/main-1',
      sha: '6f1c2f1d',
      groups: ['deployers', 'x'],
      env: { name: 'production' },
      n: 4,
    }
  }
  return {
    jwk: { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' },
    header,
    claims,
    sign(payload, { header: text = JSON.stringify(header), valid = false } = {}) {
      const content = valid ? JSON.stringify({ ...claims(), ...(JSON.parse(payload) as object) }) : payload
      const signed = `${toSegment(text)}.${toSegment(content)}`
      return `${signed}.${toSegment(signBytes('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }))}`
    },
  }
}

export function toSegment(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64url')
}
