import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { GetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import type { ThrowawayIssuer } from './throwaway-issuer.ts'

/** Where a deployment is, as the stack's outputs say. */
export interface Deployment {
  Issuer: string
  TokenEndpoint: string
  Jwks: string
  OpenidConfiguration: string
  AuthorizationServerMetadata: string
  Healthz: string
  TableName: string
}

export interface CheckOptions {
  deployment: Deployment
  issuer: ThrowawayIssuer
  dynamodb: DynamoDBClient
  say: (line: string) => void
  signal: AbortSignal
  /** How long a new URL may take to answer, in milliseconds. */
  patience?: number
}

interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
  milliseconds: number
}

/** How many try to trade one token at the same moment, and how often a warm exchange is timed. */
const RACERS = 10
const TIMED = 20

/** What a deployment must do, over HTTP and in its table. Throws at the first thing that it does not, and says which. */
export async function checkDeployment({
  deployment,
  issuer,
  dynamodb,
  say,
  signal,
  patience = 90_000,
}: CheckOptions): Promise<void> {
  async function request(url: string, init: RequestInit = {}): Promise<Answer> {
    const begun = performance.now()
    const response = await fetch(url, { ...init, redirect: 'error', signal })
    const text = await response.text()
    const milliseconds = performance.now() - begun
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
    return { status: response.status, headers: response.headers, body, milliseconds }
  }
  const exchange = (subject_token: string, fields: Record<string, string> = {}) =>
    request(deployment.TokenEndpoint, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: TOKEN_EXCHANGE_GRANT,
        subject_token_type: JWT_TYPE,
        subject_token,
        audience: 'granted',
        ...fields,
      }),
    })
  const check = async <T>(what: string, ask: () => Promise<T>): Promise<T> => {
    try {
      const result = await ask()
      say(`✓ ${what}`)
      return result
    } catch (error) {
      signal.throwIfAborted()
      throw new Error(`✗ ${what}: ${(error as Error).message}`, { cause: error })
    }
  }
  const refused = ({ status, body }: Answer, code: string) => assert.deepEqual([status, body.error], [400, code])

  await check('it answers', async () => {
    for (const end = Date.now() + patience; ; await setTimeout(1_000, undefined, { signal })) {
      const status = await request(deployment.Healthz).then(
        (answer) => answer.status,
        (error: unknown) => (error as Error).message,
      )
      if (status === 200) return
      if (Date.now() > end) throw new Error(`after ${patience / 1000} s still ${status}`)
    }
  })
  await check('both discovery documents name the issuer and its endpoints', async () => {
    for (const url of [deployment.OpenidConfiguration, deployment.AuthorizationServerMetadata]) {
      const { status, body } = await request(url)
      const { issuer, jwks_uri, token_endpoint } = body
      assert.deepEqual(
        { status, issuer, jwks_uri, token_endpoint },
        {
          status: 200,
          issuer: deployment.Issuer,
          jwks_uri: deployment.Jwks,
          token_endpoint: deployment.TokenEndpoint,
        },
      )
    }
  })
  const keys = await check('/jwks has a key of each algorithm, and may be cached', async () => {
    const { body, headers } = await request(deployment.Jwks)
    const jwks = body as unknown as JSONWebKeySet
    assert.deepEqual(
      jwks.keys.map(({ alg }) => alg),
      ['ES256', 'RS256'],
    )
    assert.match(headers.get('cache-control') ?? '', /max-age=300/)
    return createLocalJWKSet(jwks)
  })

  const jti = randomUUID()
  const subject_token = await issuer.sign(deployment.Issuer, { jti })
  const decision_id = await check('a token is traded for one that verifies from /jwks alone', async () => {
    const { status, body, milliseconds } = await exchange(subject_token)
    assert.equal(status, 200, JSON.stringify(body))
    const { payload } = await jwtVerify(String(body.access_token), keys, {
      issuer: deployment.Issuer,
      audience: issuer.target,
      typ: 'at+jwt',
    })
    assert.deepEqual([payload.sub, payload.scope], [`verify:${issuer.subject}`, 'verify'])
    say(`  the first exchange took ${Math.round(milliseconds)} ms`)
    return payload.jti
  })
  await check('its receipt is in the table', async () => {
    const { Item } = await dynamodb.send(
      new GetItemCommand({
        TableName: deployment.TableName,
        Key: { pk: { S: `receipt#verify#jti:${jti}` } },
        ConsistentRead: true,
      }),
      { abortSignal: signal },
    )
    assert.deepEqual([Item?.decision_id?.S, Item?.state?.S], [decision_id, 'recorded'])
  })
  await check('the same token again is refused', async () => refused(await exchange(subject_token), 'invalid_request'))
  await check(`of ${RACERS} who trade one token at once, one gets a token`, async () => {
    const raced = await issuer.sign(deployment.Issuer)
    const answers = await Promise.all(Array.from({ length: RACERS }, () => exchange(raced)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  })
  await check('a forged token, and one for somebody else, are refused', async () => {
    const [header, payload, signature] = (await issuer.sign(deployment.Issuer)).split('.') as [string, string, string]
    refused(await exchange(`${header}.${payload}.${signature.slice(43)}${signature.slice(0, 43)}`), 'invalid_request')
    refused(await exchange(await issuer.sign('https://elsewhere.invalid')), 'invalid_request')
  })
  await check('a target that no rule grants is refused, as one that does not exist', async () => {
    for (const audience of ['refused', 'nowhere'])
      refused(await exchange(await issuer.sign(deployment.Issuer), { audience }), 'invalid_target')
  })
  await check('another method is refused with Allow, and another path with 404', async () => {
    const { status, headers } = await request(deployment.TokenEndpoint)
    assert.deepEqual([status, headers.get('allow')], [405, 'POST'])
    assert.equal((await request(`${deployment.TokenEndpoint}/nothing`)).status, 404)
  })
  await check(`${TIMED} more are traded`, async () => {
    const times: number[] = []
    for (let turn = 0; turn < TIMED; turn++) {
      const { status, milliseconds } = await exchange(await issuer.sign(deployment.Issuer))
      assert.equal(status, 200)
      times.push(milliseconds)
    }
    const [median, slowest] = [times.toSorted((a, b) => a - b)[TIMED / 2], Math.max(...times)]
    say(`  one takes ${Math.round(median ?? 0)} ms from here (median), ${Math.round(slowest)} ms at most`)
  })
}
