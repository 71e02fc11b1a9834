import { setTimeout } from 'node:timers/promises'
import { htmlBrowser, type HtmlBrowser } from './html-browser.ts'
import { logIn, tell } from './people.ts'
import type { RunningBroker } from './running-broker.ts'
import { expect, step } from './telling.ts'

/** People log out, of one app or of all. */
export async function logoutStory(broker: RunningBroker): Promise<void> {
  const alice = htmlBrowser()
  await alice.open(`${broker.app}/login`)
  await logIn(alice, 'alice')
  await alice.click('log-out')
  tell(alice)
  expect(alice.url === `${broker.app}/`, `logging out led to ${alice.url}`)
  await alice.open(`${broker.app}/login?prompt=none`)
  expect(alice.page.text.includes('login_required'), `who logged out is still logged in: ${alice.page.text}`)
  step('who logs out of the app is logged out here too, and comes back to the app')

  // Their employer knows them still: nothing is asked.
  await alice.open(`${broker.app}/login`)
  expect(isLoggedIn(alice), `the person is not logged in: ${alice.page.text}`)
  await alice.open(`${broker.url}/logout`)
  tell(alice)
  expect(alice.page.title.startsWith('Log out?'), `nobody was asked: ${alice.page.text}`)
  await alice.open(broker.app)
  expect(isLoggedIn(alice), 'a link of some other site logged the person out')
  step('a link alone logs nobody out: without a token of that login the person is asked')

  await alice.open(await endSessionUrl(broker))
  await alice.click('log-out')
  tell(alice)
  await alice.open(broker.app)
  for (let tries = 0; tries < 200 && isLoggedIn(alice); tries++) {
    await setTimeout(50)
    await alice.open(broker.app)
  }
  expect(alice.page.text.includes('You are not logged in'), `the app was not told: ${alice.page.text}`)
  step('who logs out at Partner Inc. is logged out of the app as well: a signed logout token told it so')
}

function isLoggedIn({ page }: HtmlBrowser): boolean {
  return page.text.includes('You are logged in.')
}

/** Where the partner's identity provider logs people out: nobody but their browser knows where that is. */
async function endSessionUrl(broker: RunningBroker): Promise<string> {
  const browser = htmlBrowser()
  await browser.open(`${broker.app}/login`)
  const discovery = await fetch(new URL('/.well-known/openid-configuration', browser.url))
  return String(((await discovery.json()) as Record<string, unknown>).end_session_endpoint)
}
