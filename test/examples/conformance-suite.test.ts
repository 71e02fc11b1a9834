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
  assert.deepEqual([...told, 'suite-back', 'suite-front'], Object.keys(configuration.clients))
  const at = `${suiteHost}/test/a/${suite.alias}`
  for (const { login } of Object.values(configuration.clients)) {
    assert.deepEqual(login?.redirect_uris, [`${at}/callback`])
    for (const [uri, path] of [
      [login?.post_logout_redirect_uris?.[0], 'post_logout_redirect'],
      [login?.backchannel_logout_uri, 'backchannel_logout'],
      [login?.frontchannel_logout_uri, 'frontchannel_logout'],
    ])
      assert.ok(uri === undefined || uri === `${at}/${path}`, uri)
  }
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
    for (const [command, by, target, value, pattern] of commands) {
      if (by === 'xpath') {
        assert.deepEqual([command, target], ['wait', '//h1'])
        assert.match(browser.source, new RegExp(`<h1[^>]*>${pattern}</h1>`), task)
      } else if (command === 'text') fields[String(target)] = String(value)
      else if (command === 'click')
        await browser.click(String(target), Object.keys(fields).length > 0 ? fields : undefined)
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

/** What the client gets for the code that the browser came with. */
async function idToken(browser: HtmlBrowser, client_id: string): Promise<string> {
  const code = new URL(browser.url).searchParams.get('code') ?? ''
  const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: callback })
  const authorization = `Basic ${Buffer.from(`${client_id}:${secret}`).toString('base64')}`
  const answer = await fetch(`${broker.url}/token`, { method: 'POST', body, headers: { authorization } })
  return ((await answer.json()) as { id_token: string }).id_token
}

test('the suite’s browser logs in, allows, and the next time just arrives', async () => {
  const browser = htmlBrowser()
  assert.deepEqual(await automate(browser, authorizationUrl(), 'oidcc-server'), ['Log in', 'Allow', 'Arrive'])
  assert.ok(await idToken(browser, 'suite'))
  assert.deepEqual(await automate(browser, authorizationUrl(), 'oidcc-server'), ['Arrive'])
  const again = authorizationUrl({ prompt: 'login' })
  assert.deepEqual(await automate(browser, again, 'oidcc-prompt-login'), ['Log in', 'Arrive'])
})

test('it finds the error that is shown for a redirect URI of nobody', async () => {
  const url = authorizationUrl({ redirect_uri: `${callback}/other` })
  assert.deepEqual(await automate(htmlBrowser(), url, 'oidcc-ensure-registered-redirect-uri'), ['Show an error'])
})

for (const [module, client_id, leaves, tasks] of [
  ['oidcc-rp-initiated-logout', 'suite', [], ['Arrive']],
  ['oidcc-frontchannel-rp-initiated-logout', 'suite-front', [], ['Go on', 'Arrive']],
  ['oidcc-rp-initiated-logout-bad-post-logout-redirect-uri', 'suite', [], ['Show an error']],
  [
    'oidcc-rp-initiated-logout-no-id-token-hint',
    'suite',
    ['id_token_hint'],
    ['Log out', 'Show that nobody is logged in'],
  ],
  [
    'oidcc-rp-initiated-logout-no-post-logout-redirect-uri',
    'suite',
    ['post_logout_redirect_uri'],
    ['Show that nobody is logged in'],
  ],
] as const)
  test(`and logs out as ${module} has it`, async () => {
    const browser = htmlBrowser()
    await automate(browser, authorizationUrl({ client_id }), module)
    const uri = `${new URL('post_logout_redirect', callback).href}${module.includes('bad') ? '/x' : ''}`
    const all = { id_token_hint: await idToken(browser, client_id), post_logout_redirect_uri: uri, state: 's' }
    const sent = Object.entries(all).filter(([name]) => !(leaves as readonly string[]).includes(name))
    const url = `${broker.url}/logout?${new URLSearchParams(sent).toString()}`
    assert.deepEqual(await automate(browser, url, module), tasks)
  })
