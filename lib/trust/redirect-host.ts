/** Where only a program of the person's own device waits (RFC 8252 section 7.3). */
export const loopbackHosts: readonly string[] = ['127.0.0.1', '[::1]']

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
/** A name that ends in a number is an address. */
const last = '[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?'
/** Another port than 443 may be somebody else's, so it is named. */
const port = '(?::(?!443$)[1-9]\\d{0,4})?'
const hostName = new RegExp(`^(?=[^:]{1,253}(?::|$))(?:${label}\\.)+${last}${port}$`)
/** What the `*` must leave to somebody: `*.example` would be everybody's. */
const wildcard = new RegExp(`^\\*\\.(?=[^:]{1,251}(?::|$))(?:${label}\\.)+${last}${port}$`)

/** Why an entry of redirect_hosts is none, and the remedy; undefined where it is. */
export function unsafeHost(entry: string): string | undefined {
  if (loopbackHosts.includes(entry) || hostName.test(entry) || wildcard.test(entry)) return undefined
  if (entry.includes('*'))
    return 'a * is the whole first label, and stands before two labels at least, such as *.preview.app.example'
  return 'write a host name in lower case, without scheme and path, such as app.example, or app.example:8443; or 127.0.0.1, or [::1]'
}

/**
 * Whether the host of a URL, as the URL parser writes it, is one of these: `*` is one label, and never part of one. The port
 * must be the same; of this device's own addresses it is whichever is free.
 */
export function isOneOf({ hostname, host }: Pick<URL, 'hostname' | 'host'>, hosts: readonly string[]): boolean {
  if (loopbackHosts.includes(hostname)) return hosts.includes(hostname)
  // The URL parser lets a * through as part of a host name.
  if (!hostName.test(host)) return false
  return hosts.includes(host) || hosts.includes(`*.${host.slice(host.indexOf('.') + 1)}`)
}
