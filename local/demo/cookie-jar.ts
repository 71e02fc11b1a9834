interface Cookie {
  name: string
  value: string
  host: string
  path: string
  secure: boolean
  sameSite: 'strict' | 'lax' | 'none'
  /** Milliseconds since the epoch. Absent: until the browser closes. */
  expires?: number
}

/** How a request came about, as far as cookies ask. */
export interface Navigation {
  method: string
  /** The origin of the page that led here. Absent: the person typed the address. */
  from: string | undefined
}

export interface CookieJar {
  /** The value of a `Cookie` header, empty if there is none to send. */
  header(url: URL, navigation: Navigation): string
  /** Takes in what a response sets, or leaves it, as RFC 6265bis section 5.7 has it. */
  keep(url: URL, setCookie: readonly string[]): void
  /** Names of what the host has set and would get back, with their values. */
  of(host: string): Record<string, string>
}

/** Cookies as browsers keep them (RFC 6265bis): by host, whatever the port. `now` in milliseconds. None has a Domain here. */
export function cookieJar(now: () => number): CookieJar {
  let cookies: Cookie[] = []
  const alive = () => cookies.filter(({ expires = Infinity }) => expires > now())
  return {
    header: (url, navigation) =>
      alive()
        .filter((cookie) => isSent(cookie, url, navigation))
        .toSorted((a, b) => b.path.length - a.path.length)
        .map(({ name, value }) => `${name}=${value}`)
        .join('; '),
    keep(url, setCookie) {
      for (const line of setCookie) {
        const cookie = parse(line, url, now())
        if (cookie === undefined) continue
        cookies = alive().filter(
          ({ name, host, path }) => name !== cookie.name || host !== cookie.host || path !== cookie.path,
        )
        cookies.push(cookie)
      }
    },
    of: (host) =>
      Object.fromEntries(
        alive()
          .filter((cookie) => cookie.host === host)
          .map(({ name, value }) => [name, value]),
      ),
  }
}

function parse(line: string, url: URL, now: number): Cookie | undefined {
  const [pair = '', ...rest] = line.split(';')
  const equals = pair.indexOf('=')
  const name = pair.slice(0, equals).trim()
  const attributes = new Map(
    rest.map((attribute) => {
      const [key = '', ...value] = attribute.split('=')
      return [key.trim().toLowerCase(), value.join('=').trim()]
    }),
  )
  if (attributes.has('domain')) throw new Error(`the cookie ${name} has a Domain, which none of ours should`)
  const path = attributes.get('path') ?? ''
  const secure = attributes.has('secure')
  const sameSite = attributes.get('samesite')?.toLowerCase()
  if (equals < 1 || (secure && url.protocol !== 'https:')) return undefined
  if (/^__(?:secure|host)-/i.test(name) && !secure) return undefined
  if (/^__host-/i.test(name) && path !== '/') return undefined
  if (sameSite === 'none' && !secure) return undefined
  const expires = expiry(attributes, now)
  return {
    name,
    value: pair.slice(equals + 1).trim(),
    host: url.hostname,
    path: path.startsWith('/') ? path : url.pathname.slice(0, Math.max(1, url.pathname.lastIndexOf('/'))),
    secure,
    sameSite: sameSite === 'strict' || sameSite === 'none' ? sameSite : 'lax',
    ...(expires === undefined ? {} : { expires }),
  }
}

/** Max-Age wins over Expires. */
function expiry(attributes: ReadonlyMap<string, string>, now: number): number | undefined {
  const seconds = attributes.get('max-age')
  if (seconds !== undefined && /^-?\d+$/.test(seconds)) return now + Number(seconds) * 1000
  const date = Date.parse(attributes.get('expires') ?? '')
  return Number.isNaN(date) ? undefined : date
}

function isSent({ host, path, secure, sameSite }: Cookie, url: URL, { method, from }: Navigation): boolean {
  if (host !== url.hostname || (secure && url.protocol !== 'https:')) return false
  if (url.pathname !== path && !url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)) return false
  if (sameSite === 'none' || from === undefined || isSameSite(new URL(from), url)) return true
  return sameSite === 'lax' && method === 'GET'
}

/** Hosts are whole sites here: nothing of ours has subdomains. Ports do not count. */
function isSameSite(a: URL, b: URL): boolean {
  return a.protocol === b.protocol && a.hostname === b.hostname
}
