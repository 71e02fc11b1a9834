import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { exchangeEvent, tokenEvent } from '../functions/token-event.ts'
import { toSegment } from './press.ts'
import type { FuzzedEndpoints } from './endpoints.ts'

/** An event of about so many bytes, all of them of one kind. */
export interface LargeInput {
  title: string
  function: 'token' | 'metadata'
  event(bytes: number): APIGatewayProxyEventV2
}

/** Everything whose size the caller chooses. What is far over our limits is there to see that it is turned down unread. */
export function largeInputs({ press }: FuzzedEndpoints): LargeInput[] {
  const header = toSegment(JSON.stringify({ alg: 'ES256', kid: 'k1' }))
  const unsigned = (payload: string) => exchangeEvent(`${header}.${toSegment(payload)}.AA`)
  const nested = (open: string, close: string) => (bytes: number) => {
    const depth = Math.ceil(bytes / (open.length + close.length))
    return unsigned(`{"a":${open.repeat(depth)}0${close.repeat(depth)}}`)
  }
  const many = (bytes: number, text: (index: number) => string, separator: string) =>
    Array.from({ length: Math.ceil(bytes / (text(10_000).length + separator.length)) }, (_, i) => text(i)).join(
      separator,
    )
  const withHeaders = (event: APIGatewayProxyEventV2, headers: Record<string, string>) => ({
    ...event,
    headers: { ...event.headers, ...headers },
  })
  const get = (path: string) =>
    ({ rawPath: path, requestContext: { http: { method: 'GET' } } }) as unknown as APIGatewayProxyEventV2
  const token = (title: string, event: LargeInput['event']): LargeInput => ({ title, function: 'token', event })
  return [
    token('body, as text', (bytes) => tokenEvent(`a=${'x'.repeat(bytes)}`)),
    token('body, in base64', (bytes) => tokenEvent(`a=${'x'.repeat(bytes)}`, true)),
    token('percent-encoding', (bytes) => tokenEvent(`a=${'%41'.repeat(bytes / 3)}`)),
    token('parameters', (bytes) => tokenEvent(many(bytes, (i) => `p${i}=1`, '&'))),
    token('empty parameters', (bytes) => tokenEvent('&'.repeat(bytes))),
    token('query parameters', (bytes) => ({ ...tokenEvent(''), rawQueryString: many(bytes, (i) => `p${i}=1`, '&') })),
    token('cookies', (bytes) => ({ ...tokenEvent(''), cookies: many(bytes, (i) => `c${i}=1`, ' ').split(' ') })),
    token('headers', (bytes) =>
      withHeaders(
        tokenEvent(''),
        Object.fromEntries(
          many(bytes, (i) => `x-h${i}`, ' ')
            .split(' ')
            .map((name) => [name, '1']),
        ),
      ),
    ),
    token('a header', (bytes) => withHeaders(tokenEvent(''), { authorization: ' '.repeat(bytes) })),
    token('dots', (bytes) => exchangeEvent('.'.repeat(bytes))),
    token('subject_token', (bytes) => exchangeEvent(`${header}.${'A'.repeat(bytes)}.AA`)),
    token('nested arrays', nested('[', ']')),
    token('nested objects', nested('{"a":', '}')),
    token('digits', (bytes) => unsigned(`{"a":${'1'.repeat(bytes)}}`)),
    token('zeros in a number', (bytes) => unsigned(`{"a":1${'0'.repeat(bytes)}1}`)),
    token('escapes', (bytes) => unsigned(`{"a":"${'\\"'.repeat(bytes / 2)}"}`)),
    token('claims', (bytes) => exchangeEvent(press.sign(`{${many(bytes, (i) => `"c${i}":1`, ',')}}`, { valid: true }))),
    token('groups', (bytes) =>
      exchangeEvent(press.sign(`{"groups":[${many(bytes, (i) => `"g${i}"`, ',')}]}`, { valid: true })),
    ),
    token('text for a glob', (bytes) =>
      exchangeEvent(press.sign(JSON.stringify({ ref: `refs/heads/${'a-'.repeat(bytes / 2)}` }), { valid: true })),
    ),
    token('scopes', (bytes) =>
      exchangeEvent(press.sign('{}', { valid: true }), { scope: many(bytes, (i) => `s${i}`, ' ') }),
    ),
    {
      title: 'entity tags',
      function: 'metadata',
      event: (bytes) => withHeaders(get('/jwks'), { 'if-none-match': many(bytes, (i) => `"${i}"`, ', ') }),
    },
    { title: 'a path', function: 'metadata', event: (bytes) => get('/'.repeat(bytes)) },
  ]
}
