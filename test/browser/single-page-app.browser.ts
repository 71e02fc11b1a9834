import assert from 'node:assert/strict'
import { loginSite } from './login-site.ts'
import { withBrowser } from './with-browser.ts'

/** The least of an application without a server: code and PKCE, and what it is told is in its title. */
const script = `
const redirect_uri = location.origin + '/app'
const broker = sessionStorage.broker ??= new URLSearchParams(location.search).get('broker')
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=/g, '')
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)))

async function begin() {
  sessionStorage.verifier = random()
  sessionStorage.state = random()
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(sessionStorage.verifier))
  location.assign(broker + '/authorize?' + new URLSearchParams({
    response_type: 'code', client_id: 'web-app', redirect_uri, scope: 'openid email', state: sessionStorage.state,
    code_challenge: base64url(digest), code_challenge_method: 'S256',
  }))
}

async function end(answer) {
  if (answer.get('state') !== sessionStorage.state || answer.get('iss') !== broker) throw new Error('not asked for')
  const token = await fetch(broker + '/token', { method: 'POST', body: new URLSearchParams({
    grant_type: 'authorization_code', client_id: 'web-app', redirect_uri, code: answer.get('code'),
    code_verifier: sessionStorage.verifier,
  }) })
  const { access_token } = await token.json()
  const userinfo = await fetch(broker + '/userinfo', { headers: { authorization: 'Bearer ' + access_token } })
  document.title = (await userinfo.json()).email
}

const answer = new URLSearchParams(location.search)
if (answer.has('code')) end(answer).catch((error) => (document.title = 'refused: ' + error.message))
else begin()
`
const { application, box, logIn } = await loginSite({ '/app': `<script type="module">${script}</script>` })

withBrowser('a script of a listed origin logs in, and asks who it is', async (page) => {
  await page.goto(`${application.otherOrigin}/app?broker=${box.broker.url}`)
  await page.waitForSelector('#log-in')
  await logIn(page)
  await page.waitForFunction("document.title === 'alice@partner.example'")
})

withBrowser(
  'a script of an origin that is not listed is told nothing',
  async (page) => {
    await page.goto(`${application.origin}/app?broker=${box.broker.url}`)
    await page.waitForSelector('#log-in')
    await logIn(page)
    await page.waitForFunction("document.title.startsWith('refused')")
    assert.equal(await page.title(), 'refused: Failed to fetch')
  },
  { expected: /CORS policy|Failed to load resource: net::ERR_FAILED/ },
)
