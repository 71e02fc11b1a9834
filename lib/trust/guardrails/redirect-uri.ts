/**
 * Why nobody may be sent back there with a code, and the remedy; undefined where they may. RFC 6749 section 3.1.2, RFC 8252
 * section 7, RFC 9700 section 2.1.
 */
export function unsafeRedirect(
  uri: string,
  { isPublic, local }: { isPublic: boolean; local: boolean },
): string | undefined {
  if (uri.includes('*')) return 'a redirect URI is compared exactly, a * is no pattern here: write each out'
  if (uri.includes('#')) return 'a redirect URI has no fragment (RFC 6749 section 3.1.2)'
  if (!characters.test(uri) || !URL.canParse(uri)) return 'write an absolute URI, such as https://app.example/callback'
  const url = new URL(uri)
  if (url.username !== '' || url.password !== '') return 'a redirect URI holds no credentials'
  if (url.href !== uri && url.href !== `${uri}/`) return `write it as browsers do: ${url.href}`
  const added = [...url.searchParams.keys()].find((name) => ofAnswer.has(name))
  if (added !== undefined) return `${added} is a parameter of our answer: give the one in your query another name`
  const scheme = url.protocol.slice(0, -1)
  if (scheme === 'https') return hostName.test(url.hostname) ? undefined : 'its host must be a name or an address'
  if (scheme === 'http') return unsafeHttp(url, local)
  // Of javascript: and data: the browser would make code, and other schemes belong to somebody already.
  if (!scheme.includes('.'))
    return `${scheme}: is no scheme of an app's own: that is a domain name of yours backwards, such as com.example.app (RFC 8252 section 7.1)`
  return isPublic
    ? undefined
    : `${scheme}: is a scheme of an app, which can keep no secret: write type: public, or an https URI`
}

/** A device's own port reaches nobody else (RFC 8252 section 7.3). */
function unsafeHttp({ hostname, port }: URL, local: boolean): string | undefined {
  if (hostname === '127.0.0.1' || hostname === '[::1]' || (local && hostname === 'localhost')) return undefined
  return hostname === 'localhost'
    ? `localhost may be another device: write http://127.0.0.1${port === '' ? '' : `:${port}`} (RFC 8252 section 8.3)`
    : 'write an https URI; http is for http://127.0.0.1 and http://[::1] (RFC 8252 section 7.3)'
}

/** RFC 3986 section 2, but for the fragment's. */
const characters = /^[A-Za-z0-9\-._~:/?[\]@!$&'()+,;=%]+$/

const hostName = /^(?:[a-z0-9_-]+\.)*[a-z0-9_-]+$|^\[[0-9a-f:.]+\]$/

/** RFC 6749 section 4.1.2, RFC 9207. */
const ofAnswer: ReadonlySet<string> = new Set(['code', 'state', 'iss', 'error', 'error_description', 'error_uri'])
