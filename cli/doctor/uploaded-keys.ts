import { X509Certificate } from 'node:crypto'
import { shownClaim } from '../../client/token-claims.ts'
import { discoveryUrl } from '../../lib/http/discovery.ts'
import { parseKeySet, type VerificationKey } from '../../lib/protocol/key-set.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import { notTried, ok, warning, type Check } from './check.ts'
import { whyNotFetched, type FetchDocument } from './fetch-document.ts'
import { listed, nameOfKey, thumbprint } from './issuer-keys.ts'

/**
 * Of keys that broker.yaml has, which nobody fetches: whether they have had their time, and are still the issuer's. `written`
 * is what broker.yaml says of them.
 */
export async function checkUploadedKeys(
  issuer: TrustedIssuer,
  keys: readonly VerificationKey[],
  written: readonly unknown[],
  fetch: FetchDocument,
): Promise<Check[]> {
  return [...ended(written, Date.now()), await comparedWithPublished(issuer, keys, fetch)]
}

/** A JWK has no end, but for what its certificate (RFC 7517 section 4.7) or `exp` (OpenID Federation 1.0) says. */
function ended(written: readonly unknown[], now: number): Check[] {
  const over = written.flatMap((jwk) => {
    const { kid, exp, x5c } = jwk as { kid?: unknown; exp?: unknown; x5c?: unknown }
    const ends = [typeof exp === 'number' ? exp * 1000 : Infinity, endOfCertificate(x5c)]
    const end = Math.min(...ends)
    return end <= now ? [`${shownClaim(kid)} on ${new Date(end).toISOString().slice(0, 10)}`] : []
  })
  if (over.length === 0) return []
  const seen = `they ended: ${listed(over)}`
  return [warning('dates', seen, 'the broker goes on believing them: replace them by what the issuer signs with now')]
}

function endOfCertificate(x5c: unknown): number {
  const [first] = Array.isArray(x5c) ? (x5c as unknown[]) : []
  if (typeof first !== 'string') return Infinity
  try {
    return Date.parse(new X509Certificate(Buffer.from(first, 'base64')).validTo)
  } catch {
    return Infinity
  }
}

async function comparedWithPublished(
  { issuer, algorithms }: TrustedIssuer,
  uploaded: readonly VerificationKey[],
  fetch: FetchDocument,
): Promise<Check> {
  try {
    const { document } = await fetch(discoveryUrl(issuer))
    if (document.issuer !== issuer) throw new SyntaxError('the document names another issuer')
    const { keys } = parseKeySet((await fetch(String(document.jwks_uri))).document)
    return await differences(
      uploaded,
      keys.filter((key) => key.algorithms.some((alg) => algorithms.includes(alg))),
    )
  } catch (error) {
    return notTried('published', `the issuer's own key set is not seen from here (${whyNotFetched(error)})`)
  }
}

async function differences(
  uploaded: readonly VerificationKey[],
  published: readonly VerificationKey[],
): Promise<Check> {
  const [ours, theirs] = await Promise.all([uploaded, published].map((keys) => Promise.all(keys.map(thumbprint))))
  const gone = uploaded.filter((_, index) => !theirs?.includes(ours?.[index] ?? ''))
  const unknown = published.filter((_, index) => !ours?.includes(theirs?.[index] ?? ''))
  if (gone.length + unknown.length === 0) return ok('published', 'the issuer publishes the same keys')
  const seen = [
    ...(gone.length > 0 ? [`the issuer no longer publishes ${listed(gone.map(nameOfKey))}`] : []),
    ...(unknown.length > 0 ? [`it publishes ${listed(unknown.map(nameOfKey))}, which broker.yaml does not have`] : []),
  ].join(', and ')
  return warning('published', seen, 'leave jwks out, so that the broker follows the issuer, or upload its keys again')
}
