import { createHash, createPublicKey } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { GetPublicKeyCommand, type GetPublicKeyResponse, type KMSClient } from '@aws-sdk/client-kms'
import type { SigningAlgorithm } from '../protocol/algorithms.ts'
import { parseSigningKeys, parseWantedKey, type PublicJwk, type SigningKey } from '../protocol/signing-keys.ts'
import { errorName } from './unavailable.ts'

/** A key of which only the public half is to be found. */
export type WantedKey = Pick<SigningKey, 'alg' | 'state' | 'arn'>

const keySpecs: Record<SigningAlgorithm, readonly (string | undefined)[]> = {
  ES256: ['ECC_NIST_P256'],
  RS256: ['RSA_2048', 'RSA_3072', 'RSA_4096'],
}
/** What a thumbprint is made of, in its order (RFC 7638 section 3.2). */
const thumbprintMembers: Record<SigningAlgorithm, string[]> = {
  ES256: ['crv', 'kty', 'x', 'y'],
  RS256: ['e', 'kty', 'n'],
}

/** A new key, and a new right to read one, take up to half a minute to be known everywhere. Milliseconds; 40 s in all. */
export const newKeyPauses: readonly number[] = [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000]
const notYetKnown = ['NotFoundException', 'AccessDeniedException']

/** Lambda gives a function 4 KB (4,096 bytes) for all its variables, names included; the rest is for the others. */
const MAX_TEXT_BYTES = 3_500

/** Reads the custom resource's `Keys`. Throws Error that says which is wrong and how, and repeats nothing of it. */
export function parseWantedKeys(value: unknown): WantedKey[] {
  if (!Array.isArray(value) || value.length === 0) throw new Error('Keys is not a list of one key or more')
  return value.map((key: Record<string, unknown> | null, index) =>
    parseWantedKey(key ?? {}, (what) => new Error(`Keys[${index}].${what}`)),
  )
}

/** BROKER_SIGNING_KEYS: what the functions would refuse to start with is refused here. Throws Error that names every key that is wrong. */
export async function findSigningKeys(
  client: KMSClient,
  wanted: WantedKey[],
  signal: AbortSignal,
  pauses = newKeyPauses,
): Promise<string> {
  const keys = wanted.map((key) => findSigningKey(client, key, signal, pauses))
  const results = await Promise.allSettled(keys)
  const wrong = results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as Error).message] : []))
  if (wrong.length > 0) throw new Error(wrong.join('; '))
  const text = JSON.stringify(await Promise.all(keys))
  parseSigningKeys(text)
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_TEXT_BYTES) {
    throw new Error(
      `the signing keys take ${bytes} bytes, and ${MAX_TEXT_BYTES} fit into a function's environment: publish fewer generations`,
    )
  }
  return text
}

/** Reads the public half in KMS. Throws Error that names the key, and says what to do about it. */
export async function findSigningKey(
  client: KMSClient,
  { arn, alg, state }: WantedKey,
  signal?: AbortSignal,
  pauses = newKeyPauses,
): Promise<SigningKey> {
  const jwk = toJwk(await publicKeyOf(client, arn, pauses, signal), { arn, alg })
  const kid = createHash('sha256').update(JSON.stringify(jwk, thumbprintMembers[alg])).digest('base64url')
  return { kid, alg, state, arn, jwk }
}

function toJwk(
  { KeyId, KeySpec, KeyUsage, PublicKey }: GetPublicKeyResponse,
  { arn, alg }: Pick<SigningKey, 'arn' | 'alg'>,
): PublicJwk {
  const wrong = (what: string) => new Error(`${arn}: ${what}`)
  if (KeyId !== arn) throw wrong('KMS answered with another key: name it by its own ARN')
  if (KeyUsage !== 'SIGN_VERIFY') throw wrong(`its usage is ${KeyUsage}, not SIGN_VERIFY: make another key`)
  if (!keySpecs[alg].includes(KeySpec)) {
    throw wrong(`its spec is ${KeySpec}, and ${alg} needs ${keySpecs[alg].join(' or ')}: make another key`)
  }
  try {
    const key = createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' })
    return key.export({ format: 'jwk' }) as PublicJwk
  } catch {
    throw wrong('KMS answered with a public key that cannot be read: deploy again')
  }
}

async function publicKeyOf(
  client: KMSClient,
  arn: string,
  pauses: readonly number[],
  signal?: AbortSignal,
): Promise<GetPublicKeyResponse> {
  for (let tries = 0; ; tries++) {
    try {
      return await client.send(new GetPublicKeyCommand({ KeyId: arn }), signal && { abortSignal: signal })
    } catch (error) {
      const name = errorName(error)
      const pause = pauses[tries]
      if (pause === undefined || !notYetKnown.includes(name)) throw unreadable(arn, name)
      await setTimeout(pause, undefined, signal && { signal }).catch(() => undefined)
      // What KMS said tells more than that the time is up.
      if (signal?.aborted) throw unreadable(arn, name)
    }
  }
}

/** The SDK's own text stays behind, for the reason that `toUnavailable` gives. */
function unreadable(arn: string, name: string): Error {
  return new Error(`${arn}: ${adviceOn(name, arn)} (${name})`)
}

function adviceOn(name: string, arn: string): string {
  switch (name) {
    case 'NotFoundException':
      return 'KMS knows no such key: see that it is in this account and region, and deploy again'
    case 'AccessDeniedException':
      return "kms:GetPublicKey is denied: allow it in the key's policy and to this function's role, and deploy again"
    case 'DisabledException':
      return `it is disabled: run aws kms enable-key --key-id ${arn}, and deploy again`
    case 'KMSInvalidStateException':
      return `it is disabled or pending deletion: run aws kms cancel-key-deletion --key-id ${arn} and then aws kms enable-key --key-id ${arn}, and deploy again`
    default:
      return 'KMS did not answer with its public key: deploy again when KMS is well'
  }
}
