import { createPublicKey } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { shownClaim } from '../../client/token-claims.ts'
import { keyUseOf, parseKeySet, readKey, type KeyUse, type VerificationKey } from '../../lib/protocol/key-set.ts'
import type { JsonObject } from '../../lib/protocol/strict-json.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import { counted } from '../revocation-text.ts'
import { failed, ok, warning, type Check } from './check.ts'

/** What a line shows of a long list. */
const SHOWN = 6

/** Of a key set as it was fetched: whether the broker takes it, what it can verify with it, and what it leaves out. */
export function checkKeySet(
  document: JsonObject,
  { issuer, algorithms }: Pick<TrustedIssuer, 'issuer' | 'algorithms'>,
): Check[] {
  const use = keyUseOf(issuer)
  const found = Array.isArray(document.keys) ? (document.keys as unknown[]) : []
  const read = found.map((key) => readUsableKey(key, use))
  const left = read.flatMap((key, index) => ('unusable' in key ? [`${nameOf(found[index])}: ${key.unusable}`] : []))
  try {
    parseKeySet(document, use)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return [
      failed(
        'keys',
        [error.message, ...left.slice(0, SHOWN)].join('; '),
        'no token of it can be verified: whoever runs the issuer must publish a JWK set',
      ),
    ]
  }
  const usable = read.flatMap((key) => ('unusable' in key ? [] : [key]))
  return [...checkKeys(usable, algorithms), ...leftOut(left, found.length)]
}

/** Of keys that could all be used. */
export function checkKeys(keys: readonly VerificationKey[], algorithms: TrustedIssuer['algorithms']): Check[] {
  const fitting = keys.filter((key) => key.algorithms.some((alg) => algorithms.includes(alg)))
  if (fitting.length === 0)
    return [
      failed(
        'keys',
        `${counted(keys.length, 'key')}, none of them for ${algorithms.join(' or ')}`,
        'see which algorithm its tokens have in their header, and list that under algorithms',
      ),
    ]
  return [
    ok('keys', `${counted(fitting.length, 'key')} for ${algorithms.join(', ')}: ${listed(fitting.map(nameOfKey))}`),
    ...ambiguous(fitting, algorithms),
  ]
}

/** Tokens name their key by kid alone, and one that leaves a choice is refused. */
function ambiguous(keys: readonly VerificationKey[], algorithms: TrustedIssuer['algorithms']): Check[] {
  const twins = keys.filter((key, index) =>
    keys.some(
      (other, at) =>
        at < index &&
        other.kid === key.kid &&
        other.algorithms.some((alg) => key.algorithms.includes(alg) && algorithms.includes(alg)),
    ),
  )
  if (twins.length === 0) return []
  const seen = `several keys are one by name: ${listed([...new Set(twins.map(nameOfKey))])}`
  return [warning('kids', seen, 'tokens that are signed by them are refused: each key needs a kid of its own')]
}

/** That there are keys for something else, such as encryption, is as it should be. */
function leftOut(left: readonly string[], all: number): Check[] {
  if (left.length === 0) return []
  const seen = `${left.length} of ${all}: ${listed(left)}`
  if (left.every((why) => /: its use is not [a-z-]+$/.test(why))) return [ok('left out', seen)]
  return [warning('left out', seen, 'tokens that are signed by them are refused')]
}

/** As the broker reads it, and as it imports it when a token comes: a point must be on its curve. */
function readUsableKey(value: unknown, use: KeyUse): VerificationKey | { unusable: string } {
  const key = readKey(value, use)
  if ('unusable' in key) return key
  try {
    createPublicKey({ key: key.jwk, format: 'jwk' })
    return key
  } catch {
    return { unusable: 'its numbers are no key' }
  }
}

/** RFC 7638, by which keys are the same whatever they are called. */
export function thumbprint({ jwk }: VerificationKey): Promise<string> {
  return calculateJwkThumbprint(jwk)
}

export function nameOfKey({ kid }: VerificationKey): string {
  return nameOf({ kid })
}

function nameOf(value: unknown): string {
  const { kid } = (value ?? {}) as { kid?: unknown }
  return kid === undefined ? 'a key without kid' : shownClaim(kid)
}

export function listed(words: readonly string[]): string {
  const more = words.length - SHOWN
  return [...words.slice(0, SHOWN), ...(more > 0 ? [`and ${more} more`] : [])].join(', ')
}
