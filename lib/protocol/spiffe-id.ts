const scheme = 'spiffe://'
const trustDomain = /^spiffe:\/\/[a-z0-9._-]{1,255}$/
/** No segment is empty, `.` or `..`: so no two spellings are one path, and none climbs out of another. */
const path = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/

/** A trust domain as a URI (SPIFFE-ID sections 2 and 2.1): what signs for it is a bundle of keys, known by this name alone. */
export function isTrustDomain(text: string): boolean {
  return trustDomain.test(text)
}

/** What stands where a SPIFFE ID has its trust domain, however the rest is spelt; undefined where `sub` is no `spiffe:` URI. */
export function trustDomainOf(sub: unknown): string | undefined {
  if (typeof sub !== 'string' || !sub.startsWith(scheme)) return undefined
  const end = sub.indexOf('/', scheme.length)
  return end === -1 ? sub : sub.slice(0, end)
}

/** The SPIFFE ID of a workload of this trust domain: with a path (SPIFFE-ID section 2.2). How long it may be, its token's `sub` says. */
export function isSpiffeIdOf(domain: string, text: string): boolean {
  return trustDomainOf(text) === domain && path.test(text.slice(domain.length))
}
