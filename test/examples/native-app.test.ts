import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, before, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { htmlBrowser } from '../../local/demo/html-browser.ts'
import { startQuickstart, type Quickstart } from '../../local/quickstart.ts'

const program = fileURLToPath(new URL('../../examples/native-app/native-app.mjs', import.meta.url))

let world: Quickstart
before(async () => {
  process.env.POWERTOOLS_LOG_LEVEL ??= 'SILENT'
  world = await startQuickstart()
})
after(() => world?.close())

/** The app in a process of its own, for the length of one test, and the URL at which it has the person log in. */
async function started(t: TestContext) {
  // In the place of a browser, a program that does nothing with the URL.
  const env = { ...process.env, BROKER: world.broker.url, BROWSER: process.execPath }
  const app = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = once(app, 'close').then(([code]) => code as number)
  t.after(async () => {
    app.kill()
    await exit
  })
  const complaints = text(app.stderr)
  const lines = createInterface({ input: app.stdout })[Symbol.asyncIterator]()
  const line = async () => String((await lines.next()).value)
  const login = (await line()).replace('log in at ', '')
  return { login, line, exit, complaints }
}

test('the browser comes back to its port, and it knows who it is', async (t) => {
  const { login, line, exit } = await started(t)
  const browser = htmlBrowser()
  await browser.open(login)
  await browser.click('log-in', { username: 'alice', password: 'example' })
  await browser.click('consent-allow')
  assert.equal(browser.source, 'You can close this window now.\n')
  assert.equal(await line(), 'hello "Alice Example", who is "acme-partner:e-1041" to every API')
  assert.equal(await line(), 'granted openid profile email orders:read, for 900 s')
  assert.equal(await exit, 0)
})

test('what others ask at its port does not end the login', async (t) => {
  const { login, line, exit } = await started(t)
  const port = new URL(new URL(login).searchParams.get('redirect_uri') ?? '')
  for (const path of ['/favicon.ico', '//', '/cb', '/cb?code=x&state=x', '/cb?error=access_denied&state=x'])
    assert.equal((await fetch(port.origin + path)).status, 404)
  const browser = htmlBrowser()
  await browser.open(login)
  await browser.click('log-in', { username: 'alice', password: 'example' })
  await browser.click('consent-allow')
  assert.match(await line(), /^hello "Alice Example"/)
  assert.equal(await exit, 0)
})

test('who denies is not logged in, and it says why', async (t) => {
  const { login, exit, complaints } = await started(t)
  const browser = htmlBrowser()
  await browser.open(login)
  await browser.click('log-in', { username: 'alice', password: 'example' })
  await browser.click('consent-deny')
  assert.equal(await exit, 1)
  assert.match(await complaints, /^not logged in: "the person did not consent \(decision [\w-]{22}\)"\n$/)
})
