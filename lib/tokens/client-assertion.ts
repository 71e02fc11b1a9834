import type { ClientAssertions, Clock, Signer } from '../ports.ts'
import type { SigningAlgorithm } from '../protocol/algorithms.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { signingInput, toCompactJws } from './signed-jwt.ts'

const LIFETIME_SECONDS = 60

export interface ClientAssertionsOptions {
  signer: Signer
  /** Those that we have keys for, in order of preference. */
  algorithms: readonly SigningAlgorithm[]
  now: Clock
  /** A jti, never the same again. */
  newId: () => string
}

/** OpenID Connect Core section 9, private_key_jwt: assertions that our own /jwks verifies. */
export function signedClientAssertions({ signer, algorithms, now, newId }: ClientAssertionsOptions): ClientAssertions {
  return {
    async issue({ name, issuer, client_id }, accepted, signal) {
      const key = signer.activeKey(algorithmFor(name, accepted, algorithms))
      const iat = now()
      const claims = {
        // RFC 7523 section 3. The audience is the issuer and nothing else: another one cannot present it there.
        iss: client_id,
        sub: client_id,
        aud: issuer,
        jti: newId(),
        iat,
        exp: iat + LIFETIME_SECONDS,
      }
      const input = signingInput(key, 'JWT', claims)
      return toCompactJws(input, await signer.sign(key, Buffer.from(input), signal))
    },
  }
}

/** OpenID Connect Discovery 1.0 section 3: "Servers SHOULD support RS256". */
function algorithmFor(
  name: string,
  accepted: readonly string[] | undefined,
  ours: readonly SigningAlgorithm[],
): SigningAlgorithm {
  const alg =
    accepted === undefined && ours.includes('RS256') ? 'RS256' : ours.find((alg) => accepted?.includes(alg) ?? true)
  if (alg === undefined)
    throw new UnavailableError('upstream', `${name}: token endpoint: it takes none of our signature algorithms`)
  return alg
}
