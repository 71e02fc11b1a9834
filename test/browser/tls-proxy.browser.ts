import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { createServer } from 'node:https'
import { after } from 'node:test'
import { decodeJwt } from 'jose'
import { close, listen } from '../../local/loopback.ts'
import { loginBox } from '../conformance/login-fixture.ts'
import { testCertificate } from '../http/test-certificate.ts'
import { withBrowser } from './with-browser.ts'

/** What stands before a broker in a network of one's own: it ends TLS, and tells who asked. */
const proxy = createServer(testCertificate('localhost'), (request, response) => {
  const { method, url, headers } = request
  const passed = httpRequest(`${box.broker.url}${url}`, {
    method,
    headers: { ...headers, 'x-forwarded-proto': 'https' },
  })
  passed.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  request.pipe(passed)
})
const { port } = new URL(await listen(proxy, 0))
after(() => close(proxy))
const issuer = `https://localhost:${port}`
const box = loginBox((text) => text, { issuer })

withBrowser(
  'behind a TLS proxy a person logs in, and stays logged in, with cookies that no other host can set',
  async (page) => {
    const atProxy = (changes = {}) => box.authorizationUrl(changes).replace(box.broker.url, issuer)
    await page.goto(atProxy())
    await page.fill('#username', 'alice')
    await page.fill('#password', 'example')
    await Promise.all([page.waitForURL(`${box.app.url}/cb*`), page.click('#log-in')])
    const answer = () => new URL(page.url()).searchParams
    assert.equal(answer().get('iss'), issuer)
    const { body } = await box.redeem(answer().get('code'))
    assert.equal(decodeJwt(String(body.id_token)).iss, issuer)
    assert.equal(decodeJwt(String(body.access_token)).aud, `${issuer}/userinfo`)
    const cookies = (await page.context().cookies(issuer)).filter(({ name }) => name.startsWith('__Host-'))
    assert.deepEqual(
      cookies.map(({ name, secure, httpOnly, sameSite }) => `${name} ${secure} ${httpOnly} ${sameSite}`).toSorted(),
      ['__Host-browser true true Lax', '__Host-session true true Lax'],
    )
    await page.goto(atProxy({ client_id: 'second-app', prompt: 'none' }))
    assert.ok(answer().get('code'), 'single sign-on')
  },
  { ignoreHTTPSErrors: true },
)
