import fc from 'fast-check'
import {
  ACCESS_TOKEN_TYPE,
  AWS_CREDENTIALS_TYPE,
  ID_TOKEN_TYPE,
  JWT_BEARER_ASSERTION,
  JWT_TYPE,
  TOKEN_EXCHANGE_GRANT,
} from '../../lib/protocol/urns.ts'
import { toSegment } from './press.ts'

// Requests, and what is in them, as anybody may send them.

/** Text that somebody's parser has once tripped over. */
const oddText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '\0',
    '\ud800',
    'x\udfff',
    '\ufeff',
    '__proto__',
    'constructor',
    'toString',
    '..',
    '%',
    '%zz',
    '%c0%af',
    '%ed%a0%80',
    '9'.repeat(400),
    'x'.repeat(3_000),
  ),
)

/** Mostly what belongs there, sometimes anything that JSON can hold. */
const mostly = (plausible: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 8, arbitrary: plausible }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) })

const paths = fc.oneof(
  fc.constantFrom(
    '/token',
    '/introspect',
    '/revoke',
    '/admin/revocations',
    '/admin/consents',
    '/jwks',
    '/healthz',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
  ),
  fc.constantFrom('', '/', '//token', '/token/', '/TOKEN', '/%74oken', '/token\0', '/x/../token', '/token;a=b', '*'),
  oddText,
)
const methods = fc.oneof(
  fc.constantFrom('POST', 'GET', 'HEAD', 'OPTIONS'),
  fc.constantFrom('PUT', 'TRACE', 'post', 'POST ', ''),
  oddText,
)
const headerNames = fc.oneof(
  fc.constantFrom('content-type', 'Content-Type', 'CONTENT-TYPE', 'authorization', 'Authorization', 'if-none-match'),
  oddText,
)
const headerValues = fc.oneof(
  fc.constantFrom('application/x-www-form-urlencoded', 'Application/X-WWW-Form-Urlencoded; charset=utf-8'),
  fc.constantFrom(
    'application/json',
    'multipart/form-data; boundary=x',
    ';',
    ',,,',
    '*',
    'W/"',
    'Basic eDp5',
    'Basic bGVnYWN5OnM=',
    'Basic bGVnYWN5OngleA==',
    'Bearer x',
  ),
  oddText,
)
const queries = fc.oneof(fc.constantFrom('', 'utm=1', 'subject_token=x', 'a=%zz&&=&'), oddText)

const tokenParameters: Readonly<Record<string, readonly string[]>> = {
  grant_type: [TOKEN_EXCHANGE_GRANT, 'client_credentials'],
  subject_token_type: [JWT_TYPE, ID_TOKEN_TYPE, ACCESS_TOKEN_TYPE],
  subject_token: ['e30.e30.e30', 'a.b.c.d.e', '.'.repeat(5_000)],
  audience: ['api', 'https://api.test', 'nothing'],
  resource: ['https://api.test', 'api'],
  scope: ['read', 'read write', ' ', 'read read'],
  requested_token_type: [ACCESS_TOKEN_TYPE, JWT_TYPE, ID_TOKEN_TYPE],
  client_id: ['app', 'farm:job', 'legacy', 'pod'],
  client_secret: ['s'],
  client_assertion: ['e30.e30.e30'],
  client_assertion_type: [JWT_BEARER_ASSERTION],
  actor_token: ['e30.e30.e30'],
  token: ['e30.e30.e30', '{"AccessKeyId":"ASIA"}'],
  token_type_hint: ['access_token', AWS_CREDENTIALS_TYPE],
  actor_token_type: [JWT_TYPE],
}

const parameters = fc
  .constantFrom(...Object.keys(tokenParameters))
  .chain((name) =>
    fc.tuple(fc.constant(name), fc.oneof(fc.constantFrom(...(tokenParameters[name] as string[])), oddText)),
  )

/** As a browser would write it, or not written at all. */
const written = fc.oneof(
  fc.constant((text: string) => encodeURIComponent(text.toWellFormed())),
  fc.constant((text: string) => text),
)

/** The text of a form: most of what an exchange needs, then whatever else, once or twice, well or badly encoded. */
const forms: fc.Arbitrary<string> = fc
  .record({
    needed: fc.subarray(['grant_type', 'subject_token_type', 'subject_token', 'audience']),
    others: fc.array(fc.tuple(fc.oneof(parameters, fc.tuple(oddText, oddText)), written, written), { maxLength: 5 }),
    separator: fc.constantFrom('&', '&', '&&', ';'),
  })
  .map(({ needed, others, separator }) =>
    [
      ...needed.map((name) => `${name}=${encodeURIComponent(tokenParameters[name]?.[0] ?? '')}`),
      ...others.map(([[name, value], writeName, writeValue]) => `${writeName(name)}=${writeValue(value)}`),
    ].join(separator),
  )

/** That text, or what is none, as an event carries it. */
export const bodies: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  forms.map((body) => ({ body, isBase64Encoded: false })),
  forms.map((text) => ({ body: Buffer.from(text).toString('base64'), isBase64Encoded: true })),
  // Base64 that it is not, and bytes that are no UTF-8.
  forms.map((body) => ({ body, isBase64Encoded: true })),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => ({
    body: Buffer.from(bytes).toString('base64'),
    isBase64Encoded: true,
  })),
  fc.constantFrom({}, { body: null }, { body: '' }, { body: '', isBase64Encoded: true }, { isBase64Encoded: true }),
)

/** What an HTTP API sends (format 2.0), with any part of it absent, or something else. */
const httpApiEvents = fc
  .tuple(
    fc.record(
      {
        version: mostly(fc.constant('2.0')),
        routeKey: mostly(fc.constant('ANY /token')),
        rawPath: mostly(paths),
        rawQueryString: mostly(queries),
        cookies: mostly(fc.array(oddText, { maxLength: 3 })),
        headers: mostly(fc.oneof(fc.constant(null), fc.dictionary(headerNames, mostly(headerValues), { maxKeys: 5 }))),
        requestContext: mostly(
          fc.record(
            {
              http: mostly(fc.record({ method: mostly(methods), path: mostly(paths) }, { requiredKeys: [] })),
              stage: mostly(fc.constant('$default')),
            },
            { requiredKeys: [] },
          ),
        ),
      },
      { requiredKeys: [] },
    ),
    mostly(bodies),
  )
  .map(([event, body]): unknown => Object.assign(event, body))

/** Format 1.0, as a REST API sends it. */
const restApiEvents = fc
  .record({
    path: paths,
    httpMethod: methods,
    headers: fc.oneof(fc.constant(null), fc.dictionary(headerNames, headerValues, { maxKeys: 3 })),
    multiValueHeaders: fc.constant(null),
    queryStringParameters: fc.constant(null),
    body: fc.oneof(forms, fc.constant(null)),
  })
  .map((event): unknown => ({
    ...event,
    version: '1.0',
    resource: '/{proxy+}',
    requestContext: { httpMethod: event.httpMethod, path: event.path, identity: {} },
    isBase64Encoded: false,
  }))

const loadBalancerEvents = fc
  .record({
    path: paths,
    httpMethod: methods,
    headers: fc.dictionary(headerNames, headerValues, { maxKeys: 3 }),
    body: forms,
  })
  .map((event): unknown => ({
    ...event,
    requestContext: { elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/x/1' } },
    queryStringParameters: {},
    isBase64Encoded: false,
  }))

/** What a function may be invoked with, by whatever invoker. */
export const events: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 8, arbitrary: httpApiEvents },
  { weight: 1, arbitrary: restApiEvents },
  { weight: 1, arbitrary: loadBalancerEvents },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
)

/** JSON text of a value: any there is, and those that readers disagree about. */
const jsonTexts = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
  fc.constantFrom('{"toString":0,"valueOf":0}', '{"toJSON":0,"then":0,"length":-1}', '[["a"],null]', 'null', '1e400'),
  fc.constantFrom(
    'true',
    '""',
    '0',
    '-1',
    '1e3',
    '-0',
    '9007199254740993',
    '9'.repeat(400),
    `1${'0'.repeat(5_000)}1`,
    '[]',
    '[""]',
    '{}',
    '{"__proto__":{"x":1},"constructor":{"prototype":null}}',
    '"\\ud800"',
    '"\\u0000"',
    '\ufeff1',
    'NaN',
    '01',
    '{"a":1,"a":2}',
    `${'['.repeat(17)}${']'.repeat(17)}`,
    `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
    JSON.stringify('x'.repeat(9_000)),
  ),
)

const oddMembers = ['__proto__', 'constructor', 'toString', 'crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c', 'zip', 'enc', '']

/** The JSON text of `base`, mostly with some members of it, or others, changed, left out or said twice. */
export function jsonObjects(base: Readonly<Record<string, unknown>>): fc.Arbitrary<string> {
  const names = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...Object.keys(base)) },
    { weight: 1, arbitrary: fc.constantFrom(...oddMembers) },
  )
  const changes = fc.array(
    fc.tuple(fc.constantFrom('change', 'change', 'change', 'drop', 'repeat'), names, jsonTexts),
    {
      maxLength: 4,
    },
  )
  return changes.map((list) => {
    const members = Object.entries(base).map(([name, value]): [string, string] => [name, JSON.stringify(value)])
    for (const [how, name, text] of list) {
      const at = members.findIndex(([known]) => known === name)
      if (at !== -1 && how !== 'repeat') members.splice(at, 1)
      if (how !== 'drop') members.push([name, text])
    }
    return `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`
  })
}

/** What an operator may send, and anybody whom IAM has let in. */
export const operatorRequests: fc.Arbitrary<string> = fc.oneof(
  jsonObjects({
    operation: 'revoke',
    dimension: 'rule',
    value: 'gone',
    reason: 'fuzz',
    before: 1,
    even_if_unknown: true,
  }),
  jsonObjects({ operation: 'undo', dimension: 'subject', value: 'farm:job', id: 'x', reason: 'fuzz' }),
  jsonObjects({ operation: 'find', dimension: 'subject', value: 'farm:job' }),
  jsonObjects({ operation: 'count', dimension: 'all', value: 'all', segment: 0, segments: 1, after: 'receipt#x' }),
  jsonObjects({ operation: 'list' }),
  jsonObjects({ operation: 'list', client_id: 'web-app', subject: 'farm:job', after: 'consent#web-app#farm:job' }),
  jsonObjects({ operation: 'withdraw', client_id: 'web-app', subject: 'farm:job' }),
  oddText,
)

/** A token and what becomes of it in other hands. Some changes leave it as it is. */
export function mutatedTokens(token: string): fc.Arbitrary<string> {
  const segments = token.split('.')
  const place = fc.nat(token.length)
  const segment = fc.nat(segments.length - 1)
  const replaced = (index: number, text: string) => segments.with(index, text).join('.')
  const bytesOf = (index: number) => Buffer.from(segments[index] ?? '', 'base64url')
  const member = (index: number, names: readonly string[]) =>
    fc.tuple(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 1 })).map(([name, value]) => {
      const content = JSON.parse(bytesOf(index).toString()) as Record<string, unknown>
      return replaced(index, toSegment(JSON.stringify({ ...content, [name]: value })))
    })
  return fc.oneof(
    fc.constant(token),
    fc
      .tuple(place, fc.constantFrom('A', 'Q', 'g', 'w', 'x', '0', '9', '-', '_', '=', '.', '+', '/', ' ', '\0', 'é'))
      .map(([at, character]) => token.slice(0, at) + character + token.slice(at + 1)),
    fc.tuple(segment, fc.nat(), fc.integer({ min: 1, max: 255 })).map(([index, at, bits]) => {
      const bytes = bytesOf(index)
      bytes[at % bytes.length]! ^= bits
      return replaced(index, toSegment(bytes))
    }),
    fc.tuple(segment, segment).map(([one, other]) =>
      segments
        .with(one, segments[other] ?? '')
        .with(other, segments[one] ?? '')
        .join('.'),
    ),
    fc.shuffledSubarray(segments, { minLength: 0 }).map((some) => some.join('.')),
    place.map((end) => token.slice(0, end)),
    place.map((start) => token.slice(start)),
    // In the other base64, and with the padding that neither needs.
    segment.map((index) => replaced(index, bytesOf(index).toString('base64'))),
    segment.map((index) => replaced(index, bytesOf(index).toString('base64').replace(/=+$/, ''))),
    fc
      .tuple(segment, fc.constantFrom('=', '==', ' ', '\n', 'A', '.'))
      .map(([index, more]) => replaced(index, `${segments[index]}${more}`)),
    fc.constantFrom(` ${token}`, `${token}.`, `${token}.${token}`, `Bearer ${token}`, token.repeat(2), `"${token}"`),
    member(0, ['alg', 'typ', 'kid', 'crit', 'b64', 'jwk', 'x']),
    fc
      .constantFrom('none', 'None', 'HS256', 'RS512', 'PS256', 'ES256', 'EdDSA', '')
      .map((alg) => replaced(0, toSegment(JSON.stringify({ ...JSON.parse(bytesOf(0).toString()), alg })))),
    member(1, ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'ref', 'x']),
    fc.uint8Array({ maxLength: 600 }).map((bytes) => replaced(2, toSegment(bytes))),
  )
}
