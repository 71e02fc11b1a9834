import { execFile } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { decodeJwt } from 'jose'
import { CLIENT_CREDENTIALS_GRANT } from '../../lib/protocol/urns.ts'
import { exchange, jobToken, post, postAsPod, verbose } from './requests.ts'
import type { RunningBroker } from './running-broker.ts'
import { expect, refused, step } from './telling.ts'

// Clients of examples/quickstart/broker.yaml, by the service accounts of their pods.
const server = { client_id: 'deploy-server', uid: '8d1f6b1e-90f4-4a55-b2c6-7f0d2c9e4a10' }
const monitor = { client_id: 'deploy-monitor', uid: 'c4a7e0d3-1b52-4e8f-a6f9-05d8b3c2e771' }

/** Clients prove who they are without a secret, tokens are looked up, and what was issued is taken back. */
export async function revocationStory(broker: RunningBroker): Promise<void> {
  const issued = await exchange(broker, await jobToken(broker))
  const token = String(issued.body.access_token)
  const active = await lookUp(broker, token)
  expect(active.active === true, 'a token that was just issued is not active')
  step(`the API it is for looks a token up, proving itself by its pod's own token: active, for ${String(active.sub)}`)
  const stranger = await postAsPod(broker, '/introspect', monitor, { token })
  expect(JSON.stringify(stranger.body) === '{"active":false}', 'another client was told something')
  step('a client that it is no business of is told {"active":false}, and nothing more')

  const own = await postAsPod(broker, '/token', monitor, { grant_type: CLIENT_CREDENTIALS_GRANT })
  expect(own.status === 200, `client_credentials answered ${own.status}`)
  const { sub, client_sub } = decodeJwt(String(own.body.access_token))
  step(`that client gets a token for itself: sub ${String(sub)}, authenticated as ${String(client_sub)}`)

  const counted = await operator(broker, 'revoke', '--rule', 'web-deploys', '--dry-run')
  step(`token-broker revoke --rule web-deploys --dry-run: ${counted}`)
  await operator(broker, 'stop', 'web-deploys', '--reason', 'somebody changed the workflow')
  const stopped = Date.now()
  step('token-broker stop web-deploys --reason "somebody changed the workflow"')
  expect((await lookUp(broker, token)).active === false, 'the token of a stopped rule is active')
  step('the token is inactive')
  await refused(broker, 'a new exchange', await exchange(broker, await jobToken(broker)), 'invalid_request')

  // A token is dead that was issued in the two seconds after, which other sandboxes' clocks may be ahead.
  await setTimeout(Math.max(0, 3_100 - (Date.now() - stopped)))
  await operator(broker, 'start', 'web-deploys', '--reason', 'reviewed')
  const again = await exchange(broker, await jobToken(broker))
  expect(again.status === 200, `the exchange after start answered ${again.status}`)
  expect((await lookUp(broker, token)).active === false, 'start has revived a token')
  step('token-broker start web-deploys: the next job gets a token, and the old one stays dead')

  const another = String(again.body.access_token)
  const revoked = await post(broker, '/revoke', { token: another })
  expect(revoked.status === 200, `the revocation answered ${revoked.status}`)
  expect((await lookUp(broker, another)).active === false, 'a revoked token is active')
  step('a job that is done gives its token back at /revoke, and it is inactive at once')
}

async function lookUp(broker: RunningBroker, token: string): Promise<Record<string, unknown>> {
  const answer = await postAsPod(broker, '/introspect', server, { token })
  expect(answer.status === 200, `the introspection answered ${answer.status}`)
  return answer.body
}

/** As an operator types it. The first line of what it prints. */
async function operator(broker: RunningBroker, ...args: string[]): Promise<string> {
  const command = fileURLToPath(new URL('../../cli/token-broker.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [command, ...args, '--broker', broker.url], {
    env: broker.environment,
  })
  if (verbose) process.stdout.write(`\n$ token-broker ${args.join(' ')}\n${stdout}`)
  return stdout.split('\n', 1)[0] ?? ''
}
