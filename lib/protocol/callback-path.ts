/**
 * Where an issuer sends people back to, which is no other issuer's (RFC 9700 section 4.4.2.2): none can have another one's
 * answers sent to its own.
 */
export function callbackPath(issuer_name: string): string {
  return `/callback/${inPath(issuer_name)}`
}

/** Where an issuer tells us that somebody has logged out there (OpenID Connect Back-Channel Logout 1.0 section 2.2). */
export function upstreamLogoutPath(issuer_name: string): string {
  return `/backchannel-logout/${inPath(issuer_name)}`
}

/** The / of an instance is a dot, which no name has. */
function inPath(issuer_name: string): string {
  return issuer_name.replace('/', '.')
}
