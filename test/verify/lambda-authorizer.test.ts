import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { APIGatewayRequestAuthorizerEventV2, APIGatewaySimpleAuthorizerWithContextResult } from 'aws-lambda'
import { lambdaAuthorizer, VerifierUnavailableError } from '../../verify/access-token.ts'
import { audience, now, playedBroker, type PlayedBroker } from './played-broker.ts'

async function authorizerOf(t: TestContext) {
  const broker = await playedBroker(t)
  const authorize = lambdaAuthorizer({ issuer: broker.url, audience, scope: 'deploy:write' })
  const ask = async (headers: Record<string, string>) => {
    const event = { version: '2.0', type: 'REQUEST', headers } as Partial<APIGatewayRequestAuthorizerEventV2>
    const answer: APIGatewaySimpleAuthorizerWithContextResult<object> = await authorize(event)
    return answer
  }
  return { broker, ask }
}

test('an authorizer says yes to a good token, and hands its claims on', async (t) => {
  const { broker, ask } = await authorizerOf(t)
  const authorization = `Bearer ${broker.sign()}`
  assert.deepEqual(await ask({ authorization }), { isAuthorized: true, context: broker.claims })
})

for (const [title, headers] of [
  ['no token', () => ({})],
  ['an expired token', ({ sign }) => ({ authorization: `Bearer ${sign({ exp: now - 9 })}` })],
  ['too little scope', ({ sign }) => ({ authorization: `Bearer ${sign({ scope: 'deploy:read' })}` })],
  ['two tokens', ({ sign }) => ({ authorization: `Bearer ${sign()},Bearer ${sign()}` })],
] as [string, (broker: PlayedBroker) => Record<string, string>][]) {
  test(`an authorizer says no to ${title}`, async (t) => {
    const { broker, ask } = await authorizerOf(t)
    assert.deepEqual(await ask(headers(broker)), { isAuthorized: false, context: {} })
  })
}

test('an authorizer that cannot know says neither yes nor no', async (t) => {
  const { broker, ask } = await authorizerOf(t)
  broker.jwks = 'down'
  await assert.rejects(ask({ authorization: `Bearer ${broker.sign()}` }), VerifierUnavailableError)
})

test('options that cannot be are found when the function starts', () => {
  assert.throws(() => lambdaAuthorizer({ issuer: 'x', audience }), /^TypeError: issuer must be/)
})
