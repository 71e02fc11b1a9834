// An app on somebody's own machine: the person logs in in their browser, which comes back to a port of this program
// (RFC 8252 section 7.3). It has no secret, and what is on its way is of no use to another program: PKCE.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import * as client from 'openid-client'

const { BROKER = 'http://127.0.0.1:8787', BROWSER } = process.env
const broker = await client.discovery(new URL(BROKER), 'native-app', undefined, client.None(), {
  execute: BROKER.startsWith('http://127.0.0.1:') ? [client.allowInsecureRequests] : [],
})

const checks = {
  pkceCodeVerifier: client.randomPKCECodeVerifier(),
  expectedState: client.randomState(),
  expectedNonce: client.randomNonce(),
  idTokenExpected: true,
}
const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const redirect_uri = `http://127.0.0.1:${server.address().port}/cb`
const login = client.buildAuthorizationUrl(broker, {
  redirect_uri,
  scope: 'openid profile email orders:read',
  resource: 'https://orders.acme.dev', // the API that the access token is for
  state: checks.expectedState,
  nonce: checks.expectedNonce,
  code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
  code_challenge_method: 'S256',
})

process.stdout.write(`log in at ${login.href}\n`)
openBrowser(login.href)
try {
  const tokens = await client.authorizationCodeGrant(broker, await answer(), checks)
  const { sub, name } = tokens.claims()
  process.stdout.write(`hello ${JSON.stringify(name ?? sub)}, who is ${JSON.stringify(sub)} to every API\n`)
  process.stdout.write(`granted ${tokens.scope}, for ${tokens.expires_in} s\n`)
} catch (error) {
  process.stderr.write(`not logged in: ${JSON.stringify(error.error_description ?? error.message)}\n`)
  process.exitCode = 1
}

/** The URL at which the browser comes back. Whatever else asks here, perhaps another program, does not end the login. */
function answer() {
  return new Promise((resolve) => {
    server.on('request', (request, response) => {
      const [path, query] = request.url.split('?')
      const ours = path === '/cb' && new URLSearchParams(query).get('state') === checks.expectedState
      response.writeHead(ours ? 200 : 404, { 'content-type': 'text/plain', connection: 'close' })
      response.end(ours ? 'You can close this window now.\n' : 'There is nothing here.\n')
      if (!ours) return
      server.close()
      resolve(new URL(`${redirect_uri}?${query}`))
    })
  })
}

/** Without a shell, which would take a URL apart. Where there is no browser the person copies the line. */
function openBrowser(url) {
  const [command, ...args] = BROWSER
    ? [BROWSER]
    : process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler']
        : ['xdg-open']
  spawn(command, [...args, url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref()
}
