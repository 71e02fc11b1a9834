import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Response } from '../../lib/http/response.ts'
import { wire } from '../../lib/protocol/refusals.ts'
import { CLIENT_CREDENTIALS_GRANT, JWT_BEARER_ASSERTION } from '../../lib/protocol/urns.ts'
import { exchangeEvent, tokenEvent } from '../functions/token-event.ts'
import { bodies, events, jsonObjects, mutatedTokens, operatorRequests } from './request-arbitraries.ts'
import { toSegment } from './press.ts'
import { ourIssuer, type FuzzedEndpoints } from './endpoints.ts'
import type { LargeInput } from './large-inputs.ts'

/** Something that holds for all inputs, and how many of them a test tries. */
export interface Property {
  title: string
  runs: number
  property: fc.IRawProperty<unknown>
}

/** Each status that the design gives a refusal; a phrase of ours goes with it, and nothing of the caller's. */
const documented: readonly number[] = [400, 401, 403, 404, 405, 413, 415]
/** What an operator is answered, by its first member. */
const operatorAnswers = ['revoked', 'found', 'lifted', 'records', 'counted', 'consents', 'withdrawn']
const faces = new Set(Object.values(wire).map((face) => JSON.stringify(face)))

export async function endpointProperties(endpoints: FuzzedEndpoints): Promise<Property[]> {
  const { call, press, farmToken, lastLine } = endpoints
  const job = await farmToken()
  const tokens = [press.sign('{}', { valid: true }), job]
  const exchange = (token: string) => call('token', exchangeEvent(token))
  const check = (answer: Response) => checkRefusal(answer, lastLine)
  /** Among all that is sent there may be a client's secret, by which it gets what is its own. */
  const checkOwn = (answer: Response) =>
    answer.statusCode === 200 ? checkToken(answer, lastLine, 'legacy') : check(answer)
  return [
    {
      title: 'any event at all gets a documented answer of every function',
      runs: 2_000,
      property: fc.asyncProperty(events, async (event) => {
        checkOwn(await call('token', event))
        checkLookup(await call('introspection', event), lastLine)
        check(await call('admin', event))
        checkDocument(await call('metadata', event), lastLine)
      }),
    },
    {
      title: 'any form of a lookup or a revocation gets a documented answer',
      runs: 1_000,
      property: fc.asyncProperty(bodies, fc.constantFrom('/introspect', '/revoke'), async (body, rawPath) => {
        checkLookup(await call('introspection', { ...tokenEvent(''), ...body, rawPath }), lastLine)
      }),
    },
    {
      title: 'whatever an operator sends is done, or refused in words',
      runs: 500,
      property: fc.asyncProperty(
        operatorRequests,
        fc.constantFrom('/admin/revocations', '/admin/consents'),
        async (body, rawPath) => {
          const event = { ...tokenEvent(''), body, rawPath }
          const headers = { 'content-type': 'application/json' }
          const requestContext = { http: { method: 'POST' }, authorizer: { iam: { userArn: 'arn:aws:iam::1:user/o' } } }
          const { statusCode, body: answer } = await call('admin', { ...event, headers, requestContext })
          assert.ok([200, 400, 409].includes(statusCode ?? 0), `${statusCode}: ${lastLine()}`)
          const members = Object.keys(JSON.parse(answer ?? '') as object)
          if (statusCode !== 200) assert.deepEqual(members, ['error', 'error_description'])
          else assert.ok(operatorAnswers.includes(members[0] ?? ''), answer)
        },
      ),
    },
    {
      title: 'any body is refused in our own words',
      runs: 2_000,
      property: fc.asyncProperty(bodies, async (body) => {
        checkOwn(await call('token', { ...tokenEvent(''), ...body }))
      }),
    },
    {
      title: 'a client is believed by its proof as it was signed, and by nothing else',
      runs: 1_000,
      property: fc.asyncProperty(mutatedTokens(job), async (client_assertion) => {
        const form = {
          grant_type: CLIENT_CREDENTIALS_GRANT,
          client_id: 'pod',
          client_assertion_type: JWT_BEARER_ASSERTION,
        }
        const body = new URLSearchParams({ ...form, client_assertion }).toString()
        const answer = await call('token', tokenEvent(body, true))
        if (client_assertion === job) checkToken(answer, lastLine)
        else check(answer)
      }),
    },
    {
      title: 'a token is accepted as it was signed, and refused after any change',
      runs: 1_000,
      property: fc.asyncProperty(
        fc.constantFrom(...tokens).chain((token) => fc.tuple(fc.constant(token), mutatedTokens(token))),
        async ([token, mutated]) => {
          const answer = await exchange(mutated)
          if (mutated === token) checkToken(answer, lastLine)
          else check(answer)
        },
      ),
    },
    {
      title: 'a token is accepted or refused whatever its issuer signs',
      runs: 1_000,
      property: fc.asyncProperty(
        fc.oneof(fc.constant(JSON.stringify(press.header)), jsonObjects(press.header)),
        fc.oneof(fc.constant(JSON.stringify(press.claims())), jsonObjects(press.claims())),
        fc.boolean(),
        async (header, payload, signed) => {
          const token = signed
            ? press.sign(payload, { header })
            : `${toSegment(header)}.${toSegment(payload)}.${toSegment('x')}`
          const answer = await exchange(token)
          if (signed && answer.statusCode === 200) checkToken(answer, lastLine)
          else check(answer)
        },
      ),
    },
  ]
}

/** Of any size: a refusal, or what there is to have. */
export async function checkLarge(endpoints: FuzzedEndpoints, input: LargeInput, bytes: number): Promise<void> {
  const answer = await endpoints.call(input.function, input.event(bytes))
  if (input.function === 'metadata') checkDocument(answer, endpoints.lastLine)
  else if (answer.statusCode === 200) checkToken(answer, endpoints.lastLine)
  else checkRefusal(answer, endpoints.lastLine)
}

/** Made of our own words alone, so that nothing of the input can be in it. */
function checkRefusal({ statusCode, headers = {}, body, ...others }: Response, lastLine: () => string): void {
  assert.ok(documented.includes(Number(statusCode)), `${statusCode}: ${lastLine()}`)
  const { 'x-decision-id': decision_id, allow, 'www-authenticate': challenge, ...fixed } = headers
  assert.match(String(decision_id), /^[\w-]{22}$/)
  const { error, error_description, ...rest } = JSON.parse(body ?? '') as Record<string, string>
  const [, phrase] = /^(.+) \(decision ([\w-]{22})\)$/.exec(error_description ?? '') ?? []
  assert.ok(error_description?.endsWith(`(decision ${String(decision_id)})`))
  assert.ok(faces.has(JSON.stringify([statusCode, error, phrase])), body)
  assert.deepEqual({ ...rest, ...others }, {})
  assert.ok([undefined, 'POST', 'GET, HEAD', 'GET, HEAD, OPTIONS'].includes(allow as string | undefined))
  assert.ok([undefined, 'Basic realm="token-broker", charset="UTF-8"'].includes(challenge as string | undefined))
  assert.deepEqual(fixed, { ...ofEveryAnswer, 'content-type': 'application/json', ...uncached })
}

/** One of ours, with no more in it than the rules give. */
function checkToken({ statusCode, headers = {}, body }: Response, lastLine: () => string, of?: string): void {
  assert.equal(statusCode, 200, lastLine())
  const { 'x-decision-id': decision_id, ...fixed } = headers
  assert.deepEqual(fixed, { ...ofEveryAnswer, 'content-type': 'application/json', ...uncached })
  const { access_token, expires_in, scope } = JSON.parse(body ?? '') as {
    access_token: string
    expires_in: number
    scope: string
  }
  const { iss, aud, jti, sub } = JSON.parse(
    Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString(),
  ) as Record<string, unknown>
  assert.deepEqual([iss, aud, jti, expires_in], [ourIssuer, 'https://api.test', decision_id, 900])
  assert.ok(['read', 'read write'].includes(scope))
  if (of !== undefined) assert.equal(sub, of)
}

/** Nothing that anybody made up is active, and of what is revoked nothing is said. */
function checkLookup(answer: Response, lastLine: () => string): void {
  if (answer.statusCode !== 200) return checkRefusal(answer, lastLine)
  assert.ok(['', '{"active":false}'].includes(answer.body ?? '') || /^[\w-]+\.[\w-]+\.[\w-]+$/.test(answer.body ?? ''))
}

/** A document, which is the same for everybody, or a refusal. */
function checkDocument(answer: Response, lastLine: () => string): void {
  const { statusCode, headers = {}, body } = answer
  if (statusCode !== 200 && statusCode !== 204 && statusCode !== 304) return checkRefusal(answer, lastLine)
  const health = body === '{"status":"ok"}'
  assert.equal(headers['cache-control'], health ? 'no-store' : 'public, max-age=300, stale-if-error=86400')
  for (const [name, value] of Object.entries(ofEveryAnswer)) assert.equal(headers[name], value)
}

const uncached = { 'cache-control': 'no-store', pragma: 'no-cache' }
const ofEveryAnswer = {
  'Strict-Transport-Security': 'max-age=63072000',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
}
