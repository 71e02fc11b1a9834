import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { text } from 'node:stream/consumers'
import { cookieJar } from './cookie-jar.ts'
import { parseHtml, type HtmlForm, type HtmlPage } from './html-page.ts'

/** A browser that knows HTML and no script. It follows redirects, and presses the button of a page that only passes on. */
export interface HtmlBrowser {
  /** Of the page that is shown. */
  readonly url: string
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly source: string
  readonly page: HtmlPage
  /** Every URL that was asked for, in order, with its query. */
  readonly visited: readonly string[]
  /** What is kept for a host, by name. */
  cookies(host: string): Record<string, string>
  /** As if its address were typed. */
  open(url: string): Promise<void>
  /** Follows the link of this id, or presses the button of this id with the fields, by their ids, filled in. Throws where there is none. */
  click(id: string, fields?: Readonly<Record<string, string>>): Promise<void>
  /** Sends a form as the Enter key does: by its first button. */
  submit(form: HtmlForm, fields?: Readonly<Record<string, string>>): Promise<void>
}

interface Visit {
  method: 'GET' | 'POST'
  url: URL
  body?: string
  /** The origin of the page that leads there. Absent: the person typed the address. */
  from?: string
}

/** Browsers stop at about as many. */
const MOST_REDIRECTS = 20

/** `now`: milliseconds since the epoch, by which cookies expire. */
export function htmlBrowser(now: () => number = Date.now): HtmlBrowser {
  const jar = cookieJar(now)
  const visited: string[] = []
  let shown = { url: 'about:blank', status: 0, headers: {} as IncomingMessage['headers'], source: '' }
  let page = parseHtml('')

  async function visit(first: Visit): Promise<void> {
    let next: Visit = first
    for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
      const { method, url, from } = next
      visited.push(url.href)
      const cookie = jar.header(url, { method, from })
      const response = await send(next, cookie)
      jar.keep(url, response.headers['set-cookie'] ?? [])
      const { statusCode = 0, headers } = response
      const source = await text(response)
      if (headers.location === undefined || ![301, 302, 303].includes(statusCode)) {
        shown = { url: url.href, status: statusCode, headers, source }
        page = parseHtml(/^text\/html\b/.test(headers['content-type'] ?? '') ? source : '')
        return passOn()
      }
      // Whatever was asked for before, it goes on with a GET (RFC 9110 section 15.4.4).
      next = { method: 'GET', url: new URL(headers.location, url), ...(from === undefined ? {} : { from }) }
    }
    throw new Error(`${first.url.origin} redirects without end`)
  }

  /** Where a script would send the only form, and no person has anything to say. */
  async function passOn(): Promise<void> {
    const [form, ...others] = page.forms
    if (form?.sendsItself && others.length === 0 && form.fields.every(({ hidden }) => hidden)) await press(form)
  }

  function follow(target: string | undefined, method: Visit['method'], entries?: URLSearchParams): Promise<void> {
    const from = new URL(shown.url).origin
    const url = new URL(target ?? shown.url, shown.url)
    if (method === 'POST') return visit({ method, url, body: entries?.toString() ?? '', from })
    if (entries !== undefined) url.search = entries.toString()
    return visit({ method, url, from })
  }

  async function press(
    form: HtmlForm,
    fields: Readonly<Record<string, string>> = {},
    button = form.buttons[0],
  ): Promise<void> {
    const unknown = Object.keys(fields).find((id) => !form.fields.some((field) => field.id === id))
    if (unknown !== undefined) throw new Error(`the form has no field ${unknown}: ${page.text}`)
    const entries = form.fields.map(({ id, name, value }): [string, string] => [name, fields[id ?? ''] ?? value])
    if (button?.name !== undefined) entries.push([button.name, button.value])
    await follow(form.action, form.method, new URLSearchParams(entries))
  }

  return {
    get url() {
      return shown.url
    },
    get status() {
      return shown.status
    },
    get headers() {
      return shown.headers
    },
    get source() {
      return shown.source
    },
    get page() {
      return page
    },
    visited,
    cookies: (host) => jar.of(host),
    open: (url) => visit({ method: 'GET', url: new URL(url) }),
    async click(id, fields) {
      const link = page.links.find((each) => each.id === id)
      if (link !== undefined && fields === undefined) return follow(link.href, 'GET')
      const form = page.forms.find(({ buttons }) => buttons.some((button) => button.id === id))
      if (form === undefined) throw new Error(`there is nothing to click called ${id}: ${page.text}`)
      await press(
        form,
        fields,
        form.buttons.find((button) => button.id === id),
      )
    },
    submit: press,
  }
}

/** A Referer is never sent: no page of ours may need one. */
function send({ method, url, body }: Visit, cookie: string): Promise<IncomingMessage> {
  const headers = {
    accept: 'text/html',
    ...(cookie === '' ? {} : { cookie }),
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }),
  }
  return new Promise((resolve, reject) => {
    const open = url.protocol === 'https:' ? requestHttps : requestHttp
    open(url, { method, headers }, resolve).once('error', reject).end(body)
  })
}
