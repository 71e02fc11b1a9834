import { htmlBrowser } from './html-browser.ts'
import { codeFor, userinfo } from './login-story.ts'
import { logIn } from './people.ts'
import { post, type Answer } from './requests.ts'
import type { RunningBroker } from './running-broker.ts'
import { expect, refused, step } from './telling.ts'

/** An app stays connected while its person is away, and what is stolen from it ends all of it. */
export async function refreshStory(broker: RunningBroker): Promise<void> {
  const alice = htmlBrowser()
  await alice.open(`${broker.app}/login`)
  await logIn(alice, 'alice')
  const asked = await codeFor(broker, alice, 'openid email offline_access')
  const first = await post(broker, '/token', { grant_type: 'authorization_code', ...asked })
  const refresh = (token: string) =>
    post(broker, '/token', { grant_type: 'refresh_token', client_id: 'partner-app', refresh_token: token })

  const second = await refresh(tokenOf(first))
  expect((await userinfo(broker, String(second.body.access_token))) === 200, 'the new token does not open /userinfo')
  expect(tokenOf(second) !== tokenOf(first), 'the refresh token stayed the same')
  step('the app stays connected: a refresh token brings new tokens, and the refresh token that comes next')
  const again = await refresh(tokenOf(first))
  expect(tokenOf(again) === tokenOf(second), 'the same refresh token brought another one')
  step('had that answer been lost: the same refresh token, at once, brings the same next one')

  const third = await refresh(tokenOf(second))
  await refused(broker, 'a refresh token that was used long before', await refresh(tokenOf(first)), 'invalid_grant')
  await refused(
    broker,
    'as it may have been stolen, all that came of that login is revoked: the newest refresh token',
    await refresh(tokenOf(third)),
    'invalid_grant',
  )
  expect((await userinfo(broker, String(third.body.access_token))) === 401, 'the access token is still good')
  step('and so is the newest access token: /userinfo refuses it')
}

function tokenOf({ status, body: { refresh_token } }: Answer): string {
  expect(status === 200 && typeof refresh_token === 'string', `no refresh token came: ${status}`)
  return String(refresh_token)
}
