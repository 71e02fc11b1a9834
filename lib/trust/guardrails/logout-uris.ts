import type { ClientLogin } from '../configuration.ts'
import { finding, type GuardrailFinding } from './finding.ts'
import { unsafeRedirect } from './redirect-uri.ts'
import { isLoopback, isPrivateHost } from './url.ts'

/** Where a client's people go once they have logged out, and where it is told of it. */
export function ofLogoutUris(
  { redirect_uris, post_logout_redirect_uris = [], backchannel_logout_uri, frontchannel_logout_uri }: ClientLogin,
  { isPublic, local }: { isPublic: boolean; local: boolean },
  path: readonly string[],
): GuardrailFinding[] {
  const of = (key: string, message: string | undefined) =>
    message === undefined ? [] : [finding('logout-uri', [...path, key], message)]
  return [
    ...post_logout_redirect_uris.flatMap((uri, index) => {
      const message = unsafeRedirect(uri, { isPublic, local })
      const at = [...path, 'post_logout_redirect_uris', String(index)]
      return message === undefined ? [] : [finding('redirect-uri', at, message)]
    }),
    ...(backchannel_logout_uri === undefined
      ? []
      : of('backchannel_logout_uri', unsafeBackChannel(backchannel_logout_uri, local))),
    ...(frontchannel_logout_uri === undefined
      ? []
      : of('frontchannel_logout_uri', unsafeFrontChannel(frontchannel_logout_uri, redirect_uris, local))),
  ]
}

/** OpenID Connect Back-Channel Logout 1.0 section 2.2: why nothing is sent there, and the remedy; undefined where it may be. */
export function unsafeBackChannel(uri: string, local: boolean): string | undefined {
  const message = unsafeUrl(uri, local)
  if (message !== undefined || isLoopback(uri) || !isPrivateHost(uri)) return message
  return 'it is told over the public internet alone, and this host is not there'
}

/** OpenID Connect Front-Channel Logout 1.0 section 2: on the scheme, host and port of a redirect URI. */
export function unsafeFrontChannel(uri: string, redirect_uris: readonly string[], local: boolean): string | undefined {
  const message = unsafeUrl(uri, local)
  if (message !== undefined) return message
  const { origin } = new URL(uri)
  return redirect_uris.some((each) => URL.canParse(each) && new URL(each).origin === origin)
    ? undefined
    : 'it must have the scheme, host and port of one of its redirect_uris (OpenID Connect Front-Channel Logout 1.0 section 2)'
}

/** Why nothing leads there, and the remedy. */
export function unsafeUrl(uri: string, local: boolean): string | undefined {
  if (!URL.canParse(uri) || uri.includes('#') || uri.includes('*'))
    return 'write an absolute URL without a fragment, such as https://app.example/logout'
  const url = new URL(uri)
  if (url.username !== '' || url.password !== '') return 'it holds no credentials'
  if (url.href !== uri && url.href !== `${uri}/`) return `write it as browsers do: ${url.href}`
  if (url.protocol === 'https:' || (local && isLoopback(uri))) return undefined
  return `write an https URL${isLoopback(uri) ? '; http on loopback is for local runs' : ''}`
}
