/**
 * Where an issuer sends people back to, which is no other issuer's (RFC 9700 section 4.4.2.2): none can have another one's
 * answers sent to its own. The / of an instance is a dot, which no name has.
 */
export function callbackPath(issuer_name: string): string {
  return `/callback/${issuer_name.replace('/', '.')}`
}
