import { createHash, randomBytes } from 'node:crypto'
import { htmlBrowser, type HtmlBrowser } from './html-browser.ts'
import { logIn, tell } from './people.ts'
import { post } from './requests.ts'
import type { RunningBroker } from './running-broker.ts'
import { expect, refused, step } from './telling.ts'

/** People log in to an app at their employer's identity provider, and an API lets in those whom it should. */
export async function loginStory(broker: RunningBroker): Promise<void> {
  const alice = htmlBrowser()
  await alice.open(broker.app)
  await alice.click('log-in')
  expect(alice.page.title === 'Log in at Partner Inc.', `the person came to ${alice.page.title}`)
  step('a person opens a partner’s app, and is sent on to log in at their own employer, Partner Inc.')
  await logIn(alice, 'alice')
  expect(alice.page.text.includes('use orders for you: orders:read'), `nobody asked for consent: ${alice.page.text}`)
  step('they are asked once whether the app may know who they are and use orders for them')
  await alice.click('consent-allow')
  const { sub, access } = arrived(broker, alice)
  step(`the app knows who it is by an ID token of ours: sub ${sub}`)
  step(`and has an access token that a rule grants to buyers: ${access}`)

  const before = alice.visited.length
  await alice.open(`${broker.app}/login?prompt=none`)
  const again = arrived(broker, alice)
  expect(again.sub === sub, `the second visit is by ${again.sub}`)
  const asked = new Set(alice.visited.slice(before).map((url) => new URL(url).origin))
  expect(asked.size === 2, `the second visit went to ${[...asked].join(', ')}`)
  step('the next visit asks them nothing (prompt=none), and Partner Inc. hears nothing of it')

  const bob = htmlBrowser()
  await bob.open(`${broker.app}/login`)
  await logIn(bob, 'bob')
  await toldRefused(broker, bob, 'a colleague who is no buyer')

  const carol = htmlBrowser()
  await carol.open(`${broker.app}/login`)
  await carol.click('cancel')
  tell(carol)
  const { text, links } = carol.page
  expect(text.includes('Partner Inc. was cancelled') && links.some(({ id }) => id === 'again'), `no help: ${text}`)
  await carol.click('back')
  expect(carol.page.text.includes('access_denied'), `the app was told ${carol.page.text}`)
  step('who cancels at Partner Inc. reads so, may log in again, or goes back to the app, which is told access_denied')

  await codeStory(broker, alice)
}

/** A code for who is logged in in this browser, which comes to the app, and the secret of who asked for it. */
export async function codeFor(broker: RunningBroker, browser: HtmlBrowser, scope: string) {
  const code_verifier = randomBytes(32).toString('base64url')
  const client = { client_id: 'partner-app', redirect_uri: `${broker.app}/cb` }
  const request = {
    ...client,
    response_type: 'code',
    scope,
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }
  await browser.open(`${broker.url}/authorize?${new URLSearchParams(request).toString()}`)
  if (browser.page.forms.some(({ buttons }) => buttons.some(({ id }) => id === 'consent-allow')))
    await browser.click('consent-allow')
  return { ...client, code: new URL(browser.url).searchParams.get('code') ?? '', code_verifier }
}

/** What a code is worth to a thief. */
async function codeStory(broker: RunningBroker, browser: HtmlBrowser): Promise<void> {
  const { code, code_verifier, ...request } = await codeFor(broker, browser, 'openid email')
  expect(
    browser.page.text.includes('No login of yours has begun here'),
    'the app took a code that it had not asked for',
  )
  step('a code that is slipped to the app in a link is not taken: it had not asked for it')

  const { client_id, redirect_uri } = request
  const stolen = { grant_type: 'authorization_code', client_id, redirect_uri, code }
  await refused(
    broker,
    'a stolen code, without the secret of who asked for it',
    await post(broker, '/token', stolen),
    'invalid_grant',
  )
  const first = await post(broker, '/token', { ...stolen, code_verifier })
  expect(first.status === 200, `the code answered ${first.status}`)
  const token = String(first.body.access_token)
  expect((await userinfo(broker, token)) === 200, 'the token does not open /userinfo')
  step('whoever asked for it still gets their tokens, and the access token opens /userinfo')
  await refused(
    broker,
    'the same code again',
    await post(broker, '/token', { ...stolen, code_verifier }),
    'invalid_grant',
  )
  expect((await userinfo(broker, token)) === 401, 'the token of a code that came twice is still good')
  step('as somebody else may have been the first, what the code gave is revoked: /userinfo refuses the token')
}

function arrived(broker: RunningBroker, browser: HtmlBrowser): { sub: string; access: string } {
  tell(browser)
  const { text } = browser.page
  expect(browser.url === `${broker.app}/`, `the person did not come back to the app: ${text}`)
  const [, sub = ''] = / sub (\S+) /.exec(text) ?? []
  const [, access = ''] = / may do for you (.*), until /.exec(text) ?? []
  return { sub, access }
}

async function toldRefused(broker: RunningBroker, browser: HtmlBrowser, who: string): Promise<void> {
  const [, code = '', decisionId = ''] = /(\w+): .*\(decision ([\w-]{22})\)/.exec(browser.page.text) ?? []
  expect(code === 'access_denied', `${who}: expected access_denied, got ${browser.page.text}`)
  step(`${who} is refused: ${code}\n    the log says why: ${await broker.explanation(decisionId)}`)
}

export async function userinfo(broker: RunningBroker, token: string): Promise<number> {
  const { status } = await fetch(`${broker.url}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
  return status
}
