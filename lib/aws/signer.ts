import { createHash } from 'node:crypto'
import { SignCommand, type KMSClient } from '@aws-sdk/client-kms'
import type { Signer } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { kmsAlgorithms, type SigningKey } from '../protocol/signing-keys.ts'
import { toJwsSignature } from './ecdsa-signature.ts'
import { toUnavailable } from './unavailable.ts'

/** Signs in KMS; the private keys never leave it, and there is no local signature to fall back to. */
export function kmsSigner(client: KMSClient, signingKeys: readonly SigningKey[]): Signer {
  const active = signingKeys.filter(({ state }) => state === 'active')

  return {
    activeKey(alg) {
      const key = active.find((key) => key.alg === alg)
      if (key === undefined) throw new Error(`no active signing key for ${alg}`)
      return { kid: key.kid, alg: key.alg }
    },

    async sign({ kid, alg }, input, signal) {
      const key = active.find((key) => key.kid === kid && key.alg === alg)
      if (key === undefined) throw new Error(`${kid} is no active signing key for ${alg}`)
      const command = new SignCommand({
        KeyId: key.arn,
        // RAW takes 4,096 bytes at most.
        MessageType: 'DIGEST',
        Message: createHash('sha256').update(input).digest(),
        SigningAlgorithm: kmsAlgorithms[alg],
      })
      try {
        const { KeyId, Signature } = await client.send(command, { abortSignal: signal })
        if (KeyId !== key.arn) throw new UnavailableError('kms', 'another key has signed')
        return toSignature(key, Signature ?? new Uint8Array())
      } catch (error) {
        throw toUnavailable('kms', error)
      }
    },
  }
}

function toSignature({ alg, jwk }: SigningKey, answer: Uint8Array): Uint8Array {
  if (alg === 'RS256') {
    // RFC 8017 section 8.2.1: as long as the modulus.
    if (answer.length !== Buffer.from(jwk.n ?? '', 'base64url').length)
      throw new UnavailableError('kms', 'a signature of the wrong length')
    return answer
  }
  try {
    return toJwsSignature(answer)
  } catch (error) {
    throw new UnavailableError('kms', `a signature that cannot be read: ${(error as Error).message}`)
  }
}
