import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compile } from '../../lib/config/compile.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import { startBroker, type LocalBroker } from '../../local/broker.ts'
import { htmlBrowser, type HtmlBrowser } from '../../local/demo/html-browser.ts'
import { close, listen } from '../../local/loopback.ts'
import { startPartnerIdp, type PartnerIdp } from '../../local/partner-idp.ts'

interface Automation {
  match: string
  tasks: { task: string; match: string; optional?: boolean; commands: (string | number)[][] }[]
}
interface SuiteConfiguration {
  alias: string
  server: { discoveryUrl: string }
  client: { client_id: string }
  client2: { client_id: string }
  client_secret_post: { client_id: string }
  browser: Automation[]
  override: Record<string, { browser: Automation[] }>
}

const file = fileURLToPath(new URL('../../examples/conformance-suite/broker.yaml', import.meta.url))
const text = readFileSync(file, 'utf8')
const suiteText = readFileSync(new URL('../../examples/conformance-suite/suite.json', import.meta.url), 'utf8')
const suiteHost = 'https://localhost.emobix.co.uk:8443'
const secret = 'Zq7T0p1mVb3Xc9Rk5Jd2Wf8Ln6Hs4Gy0AeUiOtPz'

test('what the suite is told fits broker.yaml', () => {
  const { configuration } = compile(text, file, { local: true, now: 0 })
  const suite = JSON.parse(suiteText) as SuiteConfiguration
  assert.equal(suite.server.discoveryUrl, `${configuration.issuer}/.well-known/openid-configuration`)
  const told = [suite.client, suite.client2, suite.client_secret_post].map(({ client_id }) => client_id)
  assert.deepEqual(told, Object.keys(configuration.clients))
  for (const { login } of Object.values(configuration.clients))
    assert.deepEqual(login?.redirect_uris, [`${suiteHost}/test/a/${suite.alias}/callback`])
})

const started: { close(): Promise<void> }[] = []
const suiteServer = createServer((_, response) => response.end('submitted'))
let broker: LocalBroker
let suite: SuiteConfiguration
let callback: string

// As it is run, but for the proxy.
before(async () => {
  process.env.POWERTOOLS_LOG_LEVEL ??= 'SILENT'
  const suiteUrl = await listen(suiteServer, 0)
  const partner: PartnerIdp = await startPartnerIdp({ broker: () => broker })
  started.push({ close: () => close(suiteServer) }, partner)
  const own = text
    .replaceAll(/sha256: \[[\w-]+\]/g, `sha256: [${hashOfSecret(secret)}]`)
    .replaceAll('http://127.0.0.1:8789', partner.url)
    .replaceAll(suiteHost, suiteUrl)
  broker = await startBroker({ config: { text: own, file }, port: 0 })
  started.push(broker)
  suite = JSON.parse(
    suiteText.replaceAll('https://broker.localhost', broker.url).replaceAll('http://127.0.0.1:8789', partner.url),
  ) as SuiteConfiguration
  callback = `${suiteUrl}/test/a/${suite.alias}/callback`
})
after(() => Promise.all(started.map((each) => each.close())))

function authorizationUrl(changes: Record<string, string> = {}): string {
  const good = { response_type: 'code', client_id: 'suite', redirect_uri: callback, scope: 'openid', state: 's' }
  return `${broker.url}/authorize?${new URLSearchParams({ ...good, ...changes }).toString()}`
}

/** Does what the suite's own browser is told to. The tasks that it came to. */
async function automate(browser: HtmlBrowser, url: string, module: string): Promise<string[]> {
  const automations = suite.override[module]?.browser ?? suite.browser
  const automation = automations.find(({ match }) => fits(match, url))
  assert.ok(automation, url)
  const done: string[] = []
  await browser.open(url)
  for (const { task, match, optional, commands } of automation.tasks) {
    if (!fits(match, browser.url)) {
      assert.ok(optional, `${task}: ${browser.url}`)
      continue
    }
    const fields: Record<string, string> = {}
    for (const [command, by, target, value] of commands) {
      assert.equal(by, 'id')
      if (command === 'text') fields[String(target)] = String(value)
      else if (command === 'click') await browser.click(String(target), fields)
      // The suite's page, which its script makes.
      else if (target !== 'submission_complete')
        assert.ok(browser.source.includes(`id="${target}"`), `${task}: ${target}`)
    }
    done.push(task)
  }
  return done
}

/** `*` stands for anything. */
function fits(pattern: string, url: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.?+^$()[\]{}|\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(url)
}

test('the suite’s browser logs in, allows, and the next time just arrives', async () => {
  const browser = htmlBrowser()
  assert.deepEqual(await automate(browser, authorizationUrl(), 'oidcc-server'), ['Log in', 'Allow', 'Arrive'])
  const code = new URL(browser.url).searchParams.get('code') ?? ''
  const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: callback })
  const authorization = `Basic ${Buffer.from(`suite:${secret}`).toString('base64')}`
  const answer = await fetch(`${broker.url}/token`, { method: 'POST', body, headers: { authorization } })
  assert.equal(answer.status, 200)
  assert.deepEqual(await automate(browser, authorizationUrl(), 'oidcc-server'), ['Arrive'])
  const again = authorizationUrl({ prompt: 'login' })
  assert.deepEqual(await automate(browser, again, 'oidcc-prompt-login'), ['Log in', 'Arrive'])
})

test('it finds the error that is shown for a redirect URI of nobody', async () => {
  const url = authorizationUrl({ redirect_uri: `${callback}/other` })
  assert.deepEqual(await automate(htmlBrowser(), url, 'oidcc-ensure-registered-redirect-uri'), ['Show an error'])
})
