import type { ServerResponse } from 'node:http'
import { html } from 'hono/html'

/** What `html` makes: everything put into it is escaped, but for what it made itself. */
export type Markup = ReturnType<typeof html>

/** A page of the example partner: no script, and nothing of other servers. */
export function sendPage(response: ServerResponse, status: number, title: string, body: Markup): void {
  response
    .writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; img-src data:; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
    })
    .end(toPage(title, body))
}

/** `body`: markup of ours. */
export function toPage(title: string, body: Markup): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html> `
  if (page instanceof Promise) throw new TypeError('a page waits for nothing')
  return page.toString()
}
