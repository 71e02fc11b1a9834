import { TokenBrokerError } from './errors.ts'

const example = 'write the origin that is its issuer, such as https://broker.acme.dev'

/** The broker's origin, which is also its `iss`. Throws TokenBrokerError, which does not repeat the text: it may hold a password. */
export function parseBrokerUrl(text: string): string {
  if (!URL.canParse(text)) throw new TokenBrokerError(`the broker's URL is none: ${example}`)
  const url = new URL(text)
  if (!keepsSecrets(url))
    throw new TokenBrokerError(`the broker's URL must be https, and may be http on loopback only: ${example}`)
  if (url.href !== `${url.origin}/`)
    throw new TokenBrokerError(`the broker's URL has a path, a query or a user in it: ${example}`)
  return url.origin
}

/** A token must not cross a network in the clear. */
export function keepsSecrets({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
}
