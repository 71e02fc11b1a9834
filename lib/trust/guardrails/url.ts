/** As the URL parser would write it, but for one trailing slash: so no two spellings are one issuer. DNS reads `a.` as `a`. */
export function isHttps(text: string): boolean {
  if (!URL.canParse(text)) return false
  // The URL parser lets a * through as part of a host name, and shows an empty query or fragment as none.
  if (/[*?#]/.test(text)) return false
  const url = new URL(text)
  const spelt = url.href === text || url.href === `${text}/`
  return spelt && url.protocol === 'https:' && !url.hostname.endsWith('.') && url.username === '' && url.password === ''
}

export function isLoopback(text: string): boolean {
  return URL.canParse(text) && /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d+)?(?:\/|$)/.test(text)
}

/** Which no broker can ask, because it asks the public internet only. */
export function isPrivateHost(url: string): boolean {
  return privateHost.test(new URL(url).hostname)
}

/** Names that no public resolver knows, and addresses: of IPv6 without a dot, of IPv4 the only ones that end in a number. */
const privateHost = /^[^.]+$|\.(?:local|internal|localhost|lan|home|home\.arpa|svc|corp|intranet|private|\d+)$/
