import { exportJWK, FlattenedSign, generateKeyPair, type CryptoKey } from 'jose'
import type { KeySets } from '../../lib/ports.ts'
import { parseKeySet, type KeySet } from '../../lib/protocol/key-set.ts'
import type { SubjectTokenType } from '../../lib/protocol/token-exchange-request.ts'
import { JWT_TYPE } from '../../lib/protocol/urns.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import { verifySubjectToken, type Verification, type VerifiedSubject } from '../../lib/tokens/verify-subject-token.ts'

export const now = 1_790_000_000
export const ourIssuer = 'https://broker.test'

export interface TestIssuer {
  issuer: TrustedIssuer
  keySets: KeySets
  claims: Record<string, unknown>
  /** `header` members that are undefined are left out; `payload` replaces the claims' JSON text. */
  sign(
    claims?: Record<string, unknown>,
    options?: { header?: Record<string, unknown>; payload?: string; key?: CryptoKey },
  ): Promise<string>
  privateKey: CryptoKey
}

/** A plain OIDC issuer with one RS256 key, and a token of its that every rule accepts. */
export async function testIssuer(changes: Partial<TrustedIssuer> = {}): Promise<TestIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const keySet = parseKeySet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }] })
  const issuer: TrustedIssuer = {
    name: 'farm',
    issuer: 'https://ci.test',
    jwks: { discovery: true },
    algorithms: ['RS256'],
    subject: [{ claim: ['sub'] }],
    replay: 'once',
    clock_tolerance: 60,
    max_token_lifetime: 3600,
    ...changes,
  }
  const claims = {
    iss: issuer.issuer,
    sub: 'job-7',
    aud: ourIssuer,
    exp: now + 300,
    iat: now - 10,
    nbf: now - 10,
    jti: 'j1',
  }
  return {
    issuer,
    keySets: fixedKeySets(keySet),
    claims,
    privateKey,
    async sign(changed = {}, { header = {}, payload, key = privateKey } = {}) {
      const text = payload ?? JSON.stringify({ ...claims, ...changed })
      return compact(text, { alg: 'RS256', kid: 'k1', typ: 'JWT', ...header }, key)
    },
  }
}

/** Presents a token to a broker that trusts this one issuer. */
export function verifyAt(
  farm: TestIssuer,
  token: string,
  {
    issuer = farm.issuer,
    type = JWT_TYPE,
    ...by
  }: Partial<Verification> & { issuer?: TrustedIssuer; type?: SubjectTokenType } = {},
): Promise<VerifiedSubject> {
  return verifySubjectToken(token, type, {
    issuers: new Map([[issuer.issuer, issuer]]),
    ourIssuer,
    keySets: farm.keySets,
    now,
    signal: new AbortController().signal,
    ...by,
  })
}

export function fixedKeySets(keySet: KeySet): KeySets {
  return { find: () => Promise.resolve(keySet) }
}

async function compact(payload: string, header: Record<string, unknown>, key: CryptoKey): Promise<string> {
  const known = Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined))
  const { crit, b64, ...plain } = known
  if (crit === undefined && b64 === undefined) {
    const {
      protected: protectedHeader,
      payload: encoded,
      signature,
    } = await new FlattenedSign(Buffer.from(payload)).setProtectedHeader(plain).sign(key)
    return `${protectedHeader}.${encoded}.${signature}`
  }
  // jose does not sign what it does not understand.
  const input = [known, undefined]
    .map((part) => Buffer.from(part ? JSON.stringify(part) : payload).toString('base64url'))
    .join('.')
  const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, Buffer.from(input))
  return `${input}.${Buffer.from(signature).toString('base64url')}`
}
