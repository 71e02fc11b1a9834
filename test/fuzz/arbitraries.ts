import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import fc from 'fast-check'
import type { Caller, Claims, Match, PolicyFile, PolicyRule } from './policy-model.ts'
import { expressions, forbiddenEvents } from './policy-model.ts'
import { ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'

// What the fuzz tests and `npm run fuzz` draw from.

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
  client_id: ['app', 'farm:job'],
  client_secret: ['s'],
  client_assertion: ['e30.e30.e30'],
  actor_token: ['e30.e30.e30'],
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

/** A form posted to /token. */
export function tokenEvent(body: string, isBase64Encoded = false): APIGatewayProxyEventV2 {
  return {
    rawPath: '/token',
    rawQueryString: '',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    requestContext: { http: { method: 'POST', path: '/token' } },
    body: isBase64Encoded ? Buffer.from(body).toString('base64') : body,
    isBase64Encoded,
  } as unknown as APIGatewayProxyEventV2
}

/** An exchange of `subject_token`, with `more` after it. */
export function exchangeEvent(subject_token: string, more: Record<string, string> = {}): APIGatewayProxyEventV2 {
  const form = {
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    subject_token,
    audience: 'api',
    ...more,
  }
  // Half a surrogate pair has no encoding; URLSearchParams replaces it.
  return tokenEvent(new URLSearchParams(form).toString(), true)
}

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

export function toSegment(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64url')
}

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

const seldom = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })

/** What claims of a kind are, and what rules want of them: few of each, so that they often meet. */
const vocabulary: Readonly<Record<string, { values: readonly unknown[]; wanted: readonly Match[string][] }>> = {
  ref: {
    values: ['refs/heads/main', 'refs/heads/a/main', 'refs/heads/main:x', 'refs/tags/1', '', 5],
    wanted: ['refs/heads/main', ['refs/heads/main', 'refs/tags/1'], { glob: 'refs/heads/*' }, { glob: 'refs/*/*main' }],
  },
  env: {
    values: ['production', 'staging', ['production'], true],
    wanted: ['production', { not: 'staging' }, { not: ['staging', 'test'] }, { glob: 'prod*n' }],
  },
  groups: {
    values: [['buyers'], ['x', 'buyers', 5], [], 'buyers', [['buyers']], [null]],
    wanted: [{ contains: 'buyers' }, { contains: 5 }, 'buyers'],
  },
  attempt: { values: [4, 1, '4', 0, true, [4]], wanted: [4, [1, 4], { not: 4 }, true, '4'] },
  protected: { values: [true, false, 'true', 1], wanted: [true, 'true', { not: false }] },
  nested: { values: [{ ns: 'a' }, { ns: 'a', 'x/y': 'b' }, { ns: null }, [{ ns: 'a' }]], wanted: ['a'] },
  event_name: {
    values: ['push', ...forbiddenEvents],
    wanted: ['push', ['push', 'issue_comment'], 'pull_request_target', { not: 'push' }, { glob: 'pull*' }],
  },
  blocked: { values: [true, false], wanted: [{ not: true }, false] },
  owner_id: { values: ['1', '2'], wanted: ['1', ['1', '2']] },
  constructor: { values: ['x'], wanted: ['x', { not: 'y' }] },
}
const pointers: Readonly<Record<string, Match[string]>> = {
  '/nested/ns': 'a',
  '/nested/x~1y': { not: 'c' },
  '/ref': 'refs/heads/main',
  // A path leads into no list.
  '/groups/0': 'buyers',
}
const claimNames = Object.keys(vocabulary)
/** Of the presets' claims all are text, and rules must say so. */
const textNames = ['ref', 'env', 'event_name', 'owner_id']

/** One that tells somebody from somebody, as every rule must have, and perhaps another. */
function conditionsOn(names: readonly string[]): fc.Arbitrary<Match> {
  const wanted = names.flatMap((name) =>
    vocabulary[name]!.wanted.map((value): [string, Match[string]] => [name, value]),
  )
  const positive = wanted.filter(([, value]) => !(typeof value === 'object' && 'not' in value))
  return fc
    .tuple(
      fc.oneof(
        fc.constantFrom(...positive),
        fc.constantFrom<[string, Match[string]]>(['owner_id', '1'], ['env', 'production']),
      ),
      seldom(fc.constantFrom(...wanted, ...Object.entries(pointers))),
    )
    .map(([one, other]) => Object.fromEntries(other === undefined ? [one] : [other, one]))
}

const scopes: Readonly<Record<string, string[]>> = {
  api: ['admin', 'read', 'write'],
  ledger: ['post', 'read'],
  plain: [],
}
const grants = fc.uniqueArray(
  fc.constantFrom(...Object.keys(scopes)).chain((target) =>
    fc.record({
      target: fc.constant(target),
      ...(target === 'plain' ? {} : { scopes: fc.subarray(scopes[target]!, { minLength: 1 }) }),
      claims: fc.oneof(
        { weight: 4, arbitrary: fc.constant({}) },
        {
          weight: 1,
          arbitrary: fc.dictionary(fc.constantFrom('commit', 'where'), fc.constantFrom(...Object.keys(expressions)), {
            maxKeys: 2,
          }),
        },
      ),
      expires_with_subject: fc.constantFrom(false, false, false, true),
    }),
  ),
  { selector: ({ target }) => target, minLength: 1, maxLength: 2 },
)

/** Before, on and after the day of `policyNow`. */
const days = ['2026-06-14', '2026-06-15', '2026-06-16']
export const policyNow = Date.parse('2026-06-15T12:00:00Z') / 1_000

const ruleOf = (issuer: fc.Arbitrary<PolicyRule['issuer']>, names: readonly string[]): fc.Arbitrary<PolicyRule> =>
  fc.record({
    issuer,
    clients: seldom(fc.subarray(['app', 'cli'], { minLength: 1 })),
    expires: seldom(fc.constantFrom(...days)),
    mode: seldom(fc.constantFrom('enforce', 'shadow')),
    match: conditionsOn(names),
    when: seldom(fc.constantFrom(...Object.keys(expressions))),
    grant: grants,
  })
const rules = fc.oneof(
  ruleOf(fc.constantFrom('farm', 'press', ['farm', 'press']), claimNames),
  ruleOf(fc.constantFrom('hub', ['farm', 'press', 'hub']), textNames),
)

/** broker.yaml files. What the guardrails make of one is for its reader to find out. */
export const policyFiles: fc.Arbitrary<PolicyFile> = fc
  .record({
    rules: fc.array(rules, { minLength: 3, maxLength: 9 }),
    require: seldom(conditionsOn(claimNames)),
    lifetime: fc.constantFrom('60s', '15m', '1h'),
  })
  .map(({ rules, require, lifetime }) => ({
    version: 1,
    issuer: 'https://broker.test',
    issuers: {
      farm: { issuer: 'https://farm.test', ...(require ? { require } : {}) },
      press: { issuer: 'https://press.test' },
      hub: { preset: 'github-actions', require: { repository_owner_id: '1' } },
    },
    targets: Object.fromEntries(
      Object.entries(scopes).map(([name, scopes]) => [name, { audience: `https://${name}.test`, scopes, lifetime }]),
    ),
    rules: Object.fromEntries(rules.map((rule, index) => [`r${index}`, rule])),
    clients: { app: { type: 'public' }, cli: { type: 'public' } },
  }))

/** Mostly the first, which is what rules want most. Undefined is what JSON leaves out. */
const claimValues = (values: readonly unknown[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(values[0]) },
    { weight: 3, arbitrary: fc.constantFrom(...values) },
    { weight: 1, arbitrary: fc.constantFrom(null, undefined) },
  )

/** Callers of every issuer, with what they ask for: often nothing by name, which means all that is granted. */
export const callers: fc.Arbitrary<Caller> = fc.record({
  issuer: fc.constantFrom('farm', 'press', 'hub'),
  claims: fc
    .record({
      ...Object.fromEntries(Object.entries(vocabulary).map(([name, { values }]) => [name, claimValues(values)])),
      blocked: seldom(fc.constantFrom(true, false, null)),
      constructor: seldom(fc.constant('x')),
      repository_owner_id: fc.constantFrom('1', '1', '1', '2'),
    })
    .map((claims) => JSON.parse(JSON.stringify(claims)) as Claims),
  client_id: fc.constantFrom(undefined, undefined, 'app', 'cli'),
  audience: fc.oneof(
    fc.constant([]),
    fc.constantFrom(
      ['api'],
      ['ledger'],
      ['plain'],
      ['api', 'https://api.test'],
      ['api', 'ledger'],
      ['nothing'],
      ['x', 'api'],
    ),
  ),
  resource: fc.constantFrom([], [], [], [], [], [], ['https://api.test'], ['api'], ['https://ledger.test']),
  scope: fc.oneof(
    fc.constant(undefined),
    fc.constant(undefined),
    fc.uniqueArray(fc.constantFrom('read', 'read', 'write', 'admin', 'post', 'x'), { minLength: 1, maxLength: 2 }),
  ),
})

const globUnits = fc.constantFrom('a', 'b', '/', ':', '.', '?', '[', ']', '|', '^', '$', '\\', '+', '\n', 'é', '\ud83d')
export const globs = fc.string({
  unit: fc.oneof({ weight: 3, arbitrary: globUnits }, { weight: 1, arbitrary: fc.constant('*') }),
  maxLength: 12,
})

/** Texts that the glob should match: each * filled with a run that crosses nothing. */
export function textsOf(glob: string): fc.Arbitrary<string> {
  const [first = '', ...rest] = glob.split('*')
  const runs = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '\n'), maxLength: 4 }), {
    minLength: rest.length,
    maxLength: rest.length,
  })
  return runs.map((list) => first + list.map((run, index) => run + rest[index]).join(''))
}

/** The text with one character put in, or taken out. */
export function unlike(text: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat(text.length), fc.oneof(globUnits, fc.constant('')), fc.nat(1))
    .map(([at, character, taken]) => text.slice(0, at) + character + text.slice(at + taken))
}
