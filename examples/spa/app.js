// A single-page app without a server of its own: code flow with PKCE, by oidc-client-ts, from the browser.
import { InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts'

const here = `${location.origin}/`
const users = new UserManager({
  authority: 'http://127.0.0.1:8787', // the broker
  client_id: 'spa',
  redirect_uri: here,
  scope: 'openid profile email orders:read',
  resource: 'https://orders.acme.dev', // the API that the access token is for
  // What is on the way is kept for this tab alone, and tokens nowhere: what is kept, another script can read.
  stateStore: new WebStorageStateStore({ store: sessionStorage }),
  userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
  automaticSilentRenew: false,
})

const element = (id) => document.getElementById(id)

element('log-in').addEventListener('click', () => users.signinRedirect())
element('log-out').addEventListener('click', () => users.removeUser().then(() => show(null)))

/** The person, where the browser comes back from the broker. Null elsewhere. */
async function arrived() {
  if (!new URLSearchParams(location.search).has('state')) return null
  try {
    return await users.signinRedirectCallback()
  } finally {
    // Neither a code nor an error stays in the address, or in the history.
    history.replaceState(null, '', here)
  }
}

/** textContent: what people call themselves is text, never markup. */
function show(user, problem) {
  element('log-in').hidden = user !== null
  element('log-out').hidden = user === null
  element('status').textContent =
    user === null
      ? (problem ?? 'You are not logged in.')
      : `${user.profile.name ?? user.profile.sub} (${user.profile.sub}), with ${user.scope} for ${user.expires_in} s`
}

try {
  show(await arrived())
} catch (error) {
  show(null, `You are not logged in: ${error.error_description ?? error.message}`)
}
