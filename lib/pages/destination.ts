/**
 * Where a link or a form of ours leads: a page of ours, a web address, or an app by a private-use scheme, which has a dot
 * (RFC 8252 sections 7.1 and 8.4). No scheme that browsers run or read in place has one. Throws TypeError.
 */
export function toDestination(href: string): string {
  const { protocol } = new URL(href, 'https://here.invalid')
  if (protocol === 'https:' || protocol === 'http:' || protocol.includes('.')) return href
  throw new TypeError(`a page must not lead to ${protocol}`)
}
