import assert from 'node:assert/strict'
import { after } from 'node:test'
import { withBrowser } from './with-browser.ts'
import { pageServer } from './page-server.ts'

/** Sends back what stands in its query. */
const server = await pageServer(({ url }) => {
  const query = new URL(url, 'http://here.invalid').searchParams
  const csp = query.get('csp')
  return {
    statusCode: Number(query.get('status') ?? 200),
    headers: { 'content-type': 'text/html', ...(csp === null ? {} : { 'content-security-policy': csp }) },
    body: `<!doctype html><link rel="icon" href="data:,">${query.get('html') ?? ''}`,
  }
})
after(server.close)

const serving = (query: Record<string, string>) => `${server.origin}/?${new URLSearchParams(query).toString()}`

for (const [title, query, expected] of [
  ['a style without its hash', { html: '<style>a{}</style>', csp: "style-src 'none'; img-src data:" }, /style-src/],
  ['a script without its hash', { html: '<script>1</script>', csp: "script-src 'none'" }, /script-src/],
  ['a handler in an attribute', { html: '<body onload="1">', csp: "script-src 'sha256-AA='" }, /script-src/],
  ['a script that throws', { html: '<script>throw new Error("lost")</script>' }, /lost/],
  ['an error of a console', { html: '<script>console.error("lost")</script>' }, /lost/],
  ['an image that is not there', { html: '<img src="/?status=404">' }, /404/],
  ['another machine', { html: '<img src="http://machine.invalid/">' }, /machine\.invalid|ERR_NAME/],
] as const) {
  withBrowser(
    `the browser complains of ${title}`,
    async (page) => {
      await page.goto(serving(query))
    },
    { expected },
  )
}

withBrowser('the browser does not complain of a page that says no', async (page) => {
  const answer = await page.goto(serving({ status: '403', html: '<p id="no">no</p>' }))
  assert.equal(answer?.status(), 403)
  assert.equal(await page.textContent('#no'), 'no')
})
