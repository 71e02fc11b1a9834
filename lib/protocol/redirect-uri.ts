/** RFC 8252 section 7.3: an app on somebody's machine listens where it finds a port. `localhost` may be another machine. */
const loopback = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::([1-9]\d{0,4}))?((?:[/?].*)?)$/

/** RFC 9700 section 4.1.3: compared as text, character by character; only of a loopback address the port is free. */
export function isRegistered(redirect_uri: string, registered: readonly string[]): boolean {
  if (registered.includes(redirect_uri)) return true
  const given = withoutPort(redirect_uri)
  return given !== undefined && registered.some((each) => withoutPort(each) === given)
}

function withoutPort(uri: string): string | undefined {
  const [, origin, port = '80', rest] = loopback.exec(uri) ?? []
  return origin === undefined || Number(port) > 65_535 ? undefined : `${origin} ${rest}`
}

/** With these in its query (RFC 6749 section 4.1.2), after what it has there already. */
export function withParameters(redirect_uri: string, parameters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(parameters).toString()
  return `${redirect_uri}${redirect_uri.includes('?') ? '&' : '?'}${query}`
}
