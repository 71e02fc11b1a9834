import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { header } from './request.ts'

/** 256 random bits, base64url. */
const secret = /^[A-Za-z0-9_-]{43}$/

export interface SecretCookies<Name extends string> {
  /** Undefined where there is none, where it is not of our making, and where there are two that differ. */
  read(event: APIGatewayProxyEventV2, name: Name): string | undefined
  /** As Set-Cookie has them, until the browser is closed. */
  write(values: Readonly<Partial<Record<Name, string>>>): string[]
  /** As Set-Cookie makes browsers forget it. */
  forget(name: Name): string
}

/**
 * Cookies that hold a secret each. With `__Host-` (RFC 6265bis section 4.1.3.2) no other host or path can have set them; on
 * the http of a local run a browser would take none of that name. SameSite=Lax: they come with the redirect from an
 * identity provider, and with no POST from elsewhere.
 */
export function secretCookies<Name extends string>(issuer: string): SecretCookies<Name> {
  const secure = issuer.startsWith('https:')
  const prefix = secure ? '__Host-' : ''
  const cookie = (name: string, value: string) =>
    `${prefix}${name}=${value}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  return {
    read(event, name) {
      const values = new Set(
        cookiesOf(event).flatMap((text) => {
          const [, key, value = ''] = /^([^=]*)=(.*)$/.exec(text.trim()) ?? []
          return key === `${prefix}${name}` ? [value] : []
        }),
      )
      const [value, ...others] = values
      return value !== undefined && others.length === 0 && secret.test(value) ? value : undefined
    },
    write(values) {
      return Object.entries(values).map(([name, value]) => cookie(name, String(value)))
    },
    forget: (name) => `${cookie(name, '')}; Max-Age=0`,
  }
}

/** HTTP APIs take them out of the headers; other invokers may not. */
function cookiesOf(event: APIGatewayProxyEventV2): string[] {
  const listed: unknown = event.cookies
  const all = Array.isArray(listed) ? listed.filter((each): each is string => typeof each === 'string') : []
  return [...all, header(event, 'cookie') ?? ''].flatMap((text) => text.split(';'))
}
