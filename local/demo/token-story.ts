import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { immutableSub, startExampleIssuer } from '../example-issuer.ts'
import { exchange, jobToken, verbose } from './requests.ts'
import type { RunningBroker } from './running-broker.ts'
import { expect, refused, step } from './telling.ts'

/** A CI job trades its token for one of ours, and what is not allowed is refused. */
export async function tokenStory(broker: RunningBroker): Promise<void> {
  step(`a broker is up, with a trusted issuer in the place of GitHub Actions`)

  const first = await jobToken(broker)
  const issued = await exchange(broker, first)
  expect(issued.status === 200, `the exchange answered ${issued.status}`)
  const accessToken = String(issued.body.access_token)
  step(
    `a job of ${String(decodeJwt(first).repository)} traded its token for ours: ${String(issued.body.scope)} for ${String(issued.body.expires_in)} s`,
  )

  const claims = await verify(broker, accessToken)
  step(
    `it verifies from discovery and /jwks alone: sub ${String(claims.sub)}, commit ${String(claims.commit).slice(0, 7)}`,
  )

  const renamed = await exchange(broker, await jobToken(broker, { sub: immutableSub }))
  expect(renamed.status === 200, `the second exchange answered ${renamed.status}`)
  const sameSub = decodeJwt(String(renamed.body.access_token)).sub
  expect(sameSub === claims.sub, `sub changed to ${String(sameSub)}`)
  step(`GitHub's other shape of sub (${immutableSub}) is the same subject to us`)

  await refused(broker, 'the same CI token again', await exchange(broker, first), 'invalid_request')
  const stranger = await startExampleIssuer()
  try {
    const token = await stranger.sign({ aud: broker.url })
    await refused(broker, 'an issuer nobody trusts', await exchange(broker, token), 'invalid_request')
  } finally {
    await stranger.close()
  }
  const fork = await jobToken(broker, {
    event_name: 'pull_request_target',
    sub: 'repo:acme/web:pull_request',
    head_ref: 'patch-1',
    base_ref: 'main',
  })
  await refused(broker, "a fork's pull request", await exchange(broker, fork), 'invalid_request')
  const elsewhere = await jobToken(broker, { audience: 'https://github.com/acme' })
  await refused(broker, 'a token meant for another audience', await exchange(broker, elsewhere), 'invalid_request')
  await refused(
    broker,
    'a target no rule grants to this job',
    await exchange(broker, await jobToken(broker), 'billing-api'),
    'invalid_target',
  )
}

/** As any resource server would: no secret, no word with the broker but its public documents. */
async function verify(broker: RunningBroker, token: string): Promise<Record<string, unknown>> {
  const discovery = (await (await fetch(`${broker.url}/.well-known/oauth-authorization-server`)).json()) as {
    issuer: string
    jwks_uri: string
  }
  const options = {
    issuer: discovery.issuer,
    audience: 'https://deploy.acme.dev',
    typ: 'at+jwt',
    algorithms: ['ES256'],
  }
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(discovery.jwks_uri)), options)
  if (verbose) process.stdout.write(`\n${JSON.stringify(payload, null, 2)}\n`)
  return payload
}
