import { exportJWK, FlattenedSign, generateKeyPair, type CryptoKey } from 'jose'
import type { Signer } from '../../lib/ports.ts'
import type { SigningAlgorithm } from '../../lib/protocol/algorithms.ts'
import type { SigningKey } from '../../lib/protocol/signing-keys.ts'
import { now, ourIssuer } from './issuer-fixture.ts'

export interface OwnTokens {
  /** One of each algorithm that signs, and one that is published and signs no more. */
  keys: SigningKey[]
  /** Signs here as KMS would. */
  signer: Signer
  claims: Record<string, unknown>
  /** `header` members and claims that are undefined are left out. By default as our first key signs. */
  sign(claims?: Record<string, unknown>, options?: { header?: Record<string, unknown>; kid?: string }): Promise<string>
}

/** Keys of ours, and a token that they have signed: of a workload, for the target `api`. */
export async function ownTokens(): Promise<OwnTokens> {
  const privateKeys = new Map<string, CryptoKey>()
  const generate = async (kid: string, alg: SigningAlgorithm, state: SigningKey['state']): Promise<SigningKey> => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    privateKeys.set(kid, privateKey)
    const jwk = (await exportJWK(publicKey)) as SigningKey['jwk']
    return { kid, alg, state, arn: `arn:aws:kms:eu-west-1:123456789012:key/${kid}`, jwk }
  }
  const keys = await Promise.all([
    generate('es', 'ES256', 'active'),
    generate('rs', 'RS256', 'active'),
    generate('old', 'ES256', 'retiring'),
  ])
  const claims = {
    iss: ourIssuer,
    sub: 'farm:job-7',
    aud: 'https://api.test',
    client_id: 'farm:job-7',
    iat: now - 60,
    exp: now + 840,
    jti: 'token-1',
    scope: 'read',
    target: 'api',
    rules: ['deploys'],
  }
  const algorithms = {
    ES256: { name: 'ECDSA', hash: 'SHA-256' },
    RS256: { name: 'RSASSA-PKCS1-v1_5' },
  } as const
  return {
    keys,
    claims,
    signer: {
      activeKey(alg) {
        const { kid } = keys.find((key) => key.alg === alg && key.state === 'active')!
        return { kid, alg }
      },
      async sign({ kid, alg }, input) {
        const signature = await crypto.subtle.sign(algorithms[alg], privateKeys.get(kid)!, input)
        return new Uint8Array(signature)
      },
    },
    async sign(changed = {}, { header = {}, kid = 'es' } = {}) {
      const { alg } = keys.find((key) => key.kid === kid)!
      const all = Object.entries({ alg, typ: 'at+jwt', kid, ...header }).filter(([, value]) => value !== undefined)
      const jws = new FlattenedSign(Buffer.from(JSON.stringify({ ...claims, ...changed })))
      const {
        protected: head,
        payload,
        signature,
      } = await jws.setProtectedHeader(Object.fromEntries(all)).sign(privateKeys.get(kid)!)
      return `${head}.${payload}.${signature}`
    },
  }
}
