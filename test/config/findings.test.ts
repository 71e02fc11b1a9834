import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compile, type CompileOptions } from '../../lib/config/compile.ts'
import {
  ConfigurationError,
  findingRules,
  formatFinding,
  type Finding,
  type FindingRule,
} from '../../lib/config/findings.ts'
import { doubtRules } from '../../lib/config/doubts/finding.ts'
import { brokerFile, spoilt } from './broker-file.ts'

const now = Date.parse('2026-11-24T12:00:00Z') / 1000

function findingsIn(text: string, options: Partial<CompileOptions> = {}): readonly Finding[] {
  try {
    return compile(text, 'broker.yaml', { now, ...options }).findings
  } catch (error) {
    if (error instanceof ConfigurationError) return error.findings
    throw error
  }
}

test('the file that the rows spoil holds', () => {
  assert.deepEqual(findingsIn(brokerFile), [])
})

type Row = readonly [title: string, from: string, to: string, rule: FindingRule, message: RegExp]

/** `§` marks where the finding points. Each spoils one thing, and one finding must say so. */
const rows: readonly Row[] = [
  // YAML
  ['a duplicate key', 'version: 1\n', 'version: 1\n§version: 1\n', 'yaml-syntax', /unique/],
  ['an anchor', 'match: { ref: main }', 'match: &all §{ ref: main }', 'yaml-syntax', /anchor/],
  ['an alias', 'match: { ref: main }', 'match: §*all', 'yaml-syntax', /alias/],
  ['a tag', 'match: { ref: main }', 'match: { ref: §!secret main }', 'yaml-syntax', /tag/],
  ['a merge key', 'match: { ref: main }', 'match: { §<<: { ref: main } }', 'yaml-syntax', /merge/],
  ['a number as a key', 'match: { ref: main }', 'match: { ref: main, §1: a, "1": b }', 'yaml-syntax', /quote it/],
  ['__proto__ as a claim', 'match: { ref: main }', 'match: { ref: main, §__proto__: a }', 'yaml-syntax', /__proto__/],
  ['a list as a key', 'match: { ref: main }', 'match: { §[a]: main }', 'yaml-syntax', /key/],
  [
    'a second document',
    'receipts: { retention: 30d }',
    'receipts: { retention: 30d }\n§---\nversion: 1',
    'yaml-syntax',
    /document/,
  ],
  [
    'brackets without end',
    'version: 1\n',
    `version: 1\nx: ${'['.repeat(20_000)}\n`,
    'yaml-syntax',
    /nested too deeply/,
  ],
  ['a tag of YAML’s own', '{ ref: main }', '{ ref: !!str §12 }', 'yaml-syntax', /tag/],
  ['a quoted version', 'version: 1', 'version: §"1"', 'invalid-value', /version must be 1, without quotes/],
  ['an open bracket', 'scopes: [write]', 'scopes: [write', 'yaml-syntax', /./],
  [
    'an include where there is no file to start from',
    'version: 1\n',
    'version: 1\ninclude: [§rules/*.yaml]\n',
    'include',
    /only a file/,
  ],
  // keys
  ['an unknown key', 'version: 1', 'version: 1\n§isuers: {}', 'unknown-key', /isuers.*did you mean "issuers"/],
  [
    'an unknown key of an issuer',
    'issuer: https://ci.test',
    'issuer: https://ci.test\n    §audience: [a]',
    'unknown-key',
    /did you mean "audiences"/,
  ],
  ['an unknown key of a rule', 'issuer: farm', 'issuer: farm\n    §mathc: {}', 'unknown-key', /did you mean "match"/],
  [
    'an unknown key of a grant',
    'scopes: [write]',
    'scopes: [write]\n        §scope: [write]',
    'unknown-key',
    /did you mean "scopes"/,
  ],
  [
    'an unknown key in a flow map',
    '{ target: api, scopes: [read],',
    '{ target: api, §ttl: 5m, scopes: [read],',
    'unknown-key',
    /ttl/,
  ],
  ['an unknown operator', '{ ref: main }', '{ ref: §{ regex: main } }', 'wrong-type', /glob/],
  ['two operators at once', '{ ref: main }', '{ ref: §{ glob: "m*", not: x } }', 'wrong-type', /one of/],
  ['a registration by nobody', 'version: 1', 'version: 1\nregistration: §{}', 'missing-key', /initial_access_tokens/],
  [
    'a registration with a key that is none',
    'version: 1',
    'version: 1\nregistration: { initial_access_tokens: { sha256: [LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ] }, redirect_hosts: [x.test], login: [x], §redirect_host: [x.test] }',
    'unknown-key',
    /did you mean "redirect_hosts"/,
  ],
  ['a key of a later part: an actor', 'issuer: farm', 'issuer: farm\n    §actor: {}', 'not-supported-yet', /^actor/],
  ['a secret in the file', '{ type: public }', '{ type: public, §client_secret: x }', 'inline-secret', /client_secret/],
  ['no version', 'version: 1\n', '', 'missing-key', /version/],
  ['a rule without a grant', '    grant:\n      - target: api\n        scopes: [write]\n', '', 'missing-key', /grant/],
  [
    'an issuer without a URL',
    '    issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/ABC\n',
    '',
    'missing-key',
    /issuer is required with preset: kubernetes/,
  ],
  // types and values
  ['another version', 'version: 1', 'version: §2', 'invalid-value', /1/],
  ['a list where a map belongs', '{ type: public }', '§[public]', 'wrong-type', /map/],
  ['text where a list belongs', 'scopes: [read, write]', 'scopes: §read', 'wrong-type', /list/],
  ['an empty list', 'scopes: [write]', 'scopes: §[]', 'invalid-value', /scopes/],
  ['null', 'audience: https://plain.test', 'audience: §null', 'wrong-type', /text|string/],
  [
    'a number where text belongs',
    'issuer: https://ci.test',
    'issuer: https://ci.test\n    audiences: [§12]',
    'unquoted-value',
    /"12"/,
  ],
  [
    'an unquoted id of a preset that sends text',
    '"987654"',
    '§987654',
    'unquoted-value',
    /write "987654".*this claim is text/,
  ],
  [
    'an unquoted boolean of a preset that sends text',
    'event_name: [push]',
    'event_name: [push]\n      ref_protected: §true',
    'unquoted-value',
    /write "true"/,
  ],
  [
    'digits that YAML changes',
    '{ ref: main }',
    '{ ref: §012345678901 }',
    'unquoted-value',
    /write "012345678901".*number 12345678901/,
  ],
  [
    'digits too many for a number',
    '{ ref: main }',
    '{ ref: §12345678901234567890 }',
    'unquoted-value',
    /write "12345678901234567890"/,
  ],
  ['a number in a list that YAML changes', '{ ref: main }', '{ ref: [a, §1e3] }', 'unquoted-value', /write "1e3"/],
  [
    'a number behind an operator',
    '{ ref: main }',
    '{ ref: main, x: { not: §0x10 } }',
    'unquoted-value',
    /write "0x10"/,
  ],
  ['an unquoted id in require', '"1234567"', '§1234567', 'unquoted-value', /write "1234567"/],
  ['a duration without a unit', 'lifetime: 15m', 'lifetime: §"15"', 'invalid-value', /30s, 15m/],
  ['an unquoted duration', 'lifetime: 15m', 'lifetime: §900', 'unquoted-value', /"900"/],
  ['a mode nobody knows', 'issuer: farm', 'issuer: farm\n    mode: §shdow', 'invalid-value', /did you mean "shadow"/],
  ['a preset nobody knows', 'preset: kubernetes', 'preset: §kubernets', 'invalid-value', /did you mean "kubernetes"/],
  [
    'a symmetric algorithm',
    'issuer: https://ci.test',
    'issuer: https://ci.test\n    algorithms: [§HS256]',
    'invalid-value',
    /RS256/,
  ],
  [
    'no algorithm at all',
    'issuer: https://ci.test',
    'issuer: https://ci.test\n    algorithms: [§none]',
    'invalid-value',
    /RS256/,
  ],
  ['a date that is none', 'issuer: farm', 'issuer: farm\n    expires: §2027-02-30', 'invalid-value', /expires/],
  ['an audience that is no URI', 'https://plain.test', '§plain', 'invalid-value', /absolute URI/],
  ['a scope with a space', 'scopes: [read, write]', 'scopes: [§"read all", write, read]', 'invalid-value', /scope/],
  ['a tilde in a pointer', '{ ref: main }', '{ ref: main, §/a~b: x }', 'invalid-value', /~0/],
  // names
  ['an upper-case issuer name', '  farm:', '  §Farm:', 'invalid-name', /issuer name/],
  ['a long issuer name', '  farm:', '  §abcdefghijklmnopqrstu:', 'invalid-name', /20/],
  ['a target name with a colon', '  plain:', '  §"pl:ain":', 'invalid-name', /name/],
  ['__proto__ as a name', '  plain:', '  §__proto__:', 'yaml-syntax', /__proto__/],
  ['a client_id with a colon', '  app:', '  §"a:b":', 'invalid-name', /client_id/],
  // expressions and keys
  ['CEL that does not parse', 'claims.sha', '§"claims.sha =="', 'invalid-expression', /not valid CEL/],
  ['CEL that speaks of nothing', 'issuer: farm', 'issuer: farm\n    when: §"true"', 'invalid-expression', /claims/],
  [
    'CEL that speaks of claims in a text only',
    'issuer: farm',
    `issuer: farm\n    when: §'"claims" == "claims"'`,
    'invalid-expression',
    /claims/,
  ],
  [
    'CEL over the length',
    'issuer: farm',
    `issuer: farm\n    when: §'claims.a == "${'x'.repeat(1024)}"'`,
    'invalid-expression',
    /1024/,
  ],
  [
    'CEL too deep',
    'issuer: farm',
    `issuer: farm\n    when: §"${'('.repeat(17)}claims.a${')'.repeat(17)} == 1"`,
    'invalid-expression',
    /16/,
  ],
  [
    'CEL with one comprehension in another',
    'issuer: farm',
    'issuer: farm\n    when: §"claims.a.all(x, claims.b.all(y, x == y))"',
    'invalid-expression',
    /more than one/,
  ],
  [
    'a subject that is no path',
    'issuer: https://ci.test',
    'issuer: https://ci.test\n    subject: §claims.a + claims.b',
    'invalid-expression',
    /path/,
  ],
  [
    'a symmetric key',
    'issuer: https://ci.test',
    'issuer: https://ci.test\n    jwks: { keys: [§{ kty: oct, k: AAAA }] }',
    'invalid-key-set',
    /public/,
  ],
  [
    'jwks that is neither',
    'issuer: https://ci.test',
    'issuer: https://ci.test\n    jwks: §{ url: https://ci.test/keys }',
    'wrong-type',
    /uri.*keys/,
  ],
  // guardrails: each also in test/trust/guardrails.test.ts; here is where they point
  ['our issuer with a path', 'https://broker.test', '§https://broker.test/x', 'our-issuer', /origin/],
  ['our issuer over http', 'https://broker.test', '§http://127.0.0.1:8787', 'our-issuer', /https/],
  ['RS256 left out', '[ES256, RS256]', '§[ES256]', 'rs256-missing', /RS256/],
  ['an algorithm twice', '[ES256, RS256]', '[ES256, RS256, §RS256]', 'invalid-value', /RS256 is listed twice/],
  [
    'keys of an algorithm that is not listed',
    'algorithms: [ES256, RS256]',
    'algorithms: [RS256]\n  keys:\n    ES256: §{ active: "1" }',
    'invalid-value',
    /ES256 is not among algorithms/,
  ],
  ['an http issuer', 'https://ci.test', '§http://ci.test', 'insecure-url', /https/],
  ['a loopback issuer in a deployment', 'https://ci.test', '§http://127.0.0.1:8788', 'insecure-url', /local runs/],
  [
    'an http key set',
    'issuer: https://ci.test',
    'issuer: https://ci.test\n    jwks: §{ uri: http://ci.test/keys }',
    'insecure-url',
    /https/,
  ],
  [
    'a URL that is not the preset’s',
    'preset: github-actions',
    'preset: github-actions\n    issuer: §https://github.com',
    'preset-issuer',
    /github-actions/,
  ],
  ['a well-known issuer without its preset', 'https://ci.test', '§https://gitlab.com', 'use-preset', /gitlab/],
  [
    'a shared issuer without a pin',
    '    require: { repository_owner_id: "1234567" }\n',
    '',
    'shared-issuer-unpinned',
    /require: \{ repository_owner_id/,
  ],
  ['a lifetime under a minute', 'lifetime: 15m', 'lifetime: §59s', 'lifetime-out-of-bounds', /1m/],
  [
    'a long token without replay protection',
    'issuer: https://ci.test',
    'issuer: https://ci.test\n    replay: off\n    max_token_lifetime: §2h',
    'replay-off-too-long',
    /1h/,
  ],
  ['a preset’s subject', 'preset: kubernetes', 'preset: kubernetes\n    subject: §claims.sub', 'preset-fixed', /ids/],
  ['keys inside', 'https://ci.test', '§https://ci.internal', 'unreachable-keys', /jwks: \{ keys/],
  [
    'the API server’s audience',
    'preset: kubernetes',
    'preset: kubernetes\n    audiences: §[https://kubernetes.default.svc]',
    'foreign-audience',
    /API server/,
  ],
  [
    'a shared issuer URL that nobody else has',
    'https://ci.test',
    'https://ci.test\n    shares_issuer: §true',
    'ambiguous-name',
    /no other issuer has this URL: remove it/,
  ],
  ['a client that may nothing', '{ type: public }', '{ type: public, grants: §[] }', 'invalid-value', /grants/],
  [
    'two targets of one audience',
    'https://plain.test',
    'https://api.test',
    'ambiguous-name',
    /plain has the same audience/,
  ],
  ['an issuer that is not there', 'issuer: farm', 'issuer: §farn', 'unknown-reference', /farn/],
  ['a rule without a condition', '    match: { ref: main }\n', '', 'rule-constrains-nothing', /everybody/],
  [
    'a pattern that leaves all open',
    '{ ref: main }',
    '{ ref: main, workflow: §{ glob: "*" } }',
    'unsafe-pattern',
    /begins with/,
  ],
  [
    'an address that nobody verified',
    'issuer: https://ci.test',
    'preset: okta\n    issuer: https://ci.test\n    require: { email: §ada@acme.test }',
    'unverified-claim',
    /email_verified: true/,
  ],
  [
    'scopes left out',
    '{ target: api, scopes: [read], claims',
    '§{ target: api, claims',
    'scopes-required',
    /read, write/,
  ],
  // roles
  [
    'neither audience nor role',
    'plain:\n    audience: https://plain.test',
    'plain:\n    lifetime: 15m',
    'target-kind',
    /give it an audience, .*or a role/,
  ],
  [
    'an audience and a role',
    'audience: https://plain.test',
    'audience: https://plain.test\n    role: arn:aws:iam::123456789012:role/plain',
    'target-kind',
    /make two targets of it/,
  ],
  [
    'scopes of a role',
    'external_id: broker-acme',
    'external_id: broker-acme\n    §scopes: [read]',
    'target-kind',
    /^scopes is only for targets with an audience/,
  ],
  [
    'an external id of an audience',
    'audience: https://plain.test',
    'audience: https://plain.test\n    §external_id: broker',
    'target-kind',
    /^external_id is only for targets with a role/,
  ],
  [
    'a session policy of an audience',
    'audience: https://plain.test',
    'audience: https://plain.test\n    §session_policy: { Version: "2012-10-17", Statement: [] }',
    'target-kind',
    /^session_policy is only/,
  ],
  [
    'session tags of an audience',
    '        scopes: [write]',
    '        scopes: [write]\n        session_tags: {}',
    'target-kind',
    /api is an audience/,
  ],
  [
    'a claim for a role',
    'transitive_tags: [repository]',
    'transitive_tags: [repository]\n        claims: { sha: claims.sha }',
    'target-kind',
    /claims is for targets with an audience/,
  ],
  [
    'a role that is no ARN',
    'arn:aws:iam::123456789012:role/deployer',
    '§deployer',
    'invalid-value',
    /arn:aws:iam::123456789012:role\/web-deployer/,
  ],
  [
    'a role with a wildcard',
    'arn:aws:iam::123456789012:role/deployer',
    '§arn:aws:iam::123456789012:role/*/deployer',
    'invalid-value',
    /without \*/,
  ],
  [
    'a region that is none',
    'external_id: broker-acme',
    'external_id: broker-acme\n    region: §Ireland',
    'invalid-value',
    /eu-west-1/,
  ],
  ['an external id with a space', 'broker-acme', '§broker acme', 'invalid-value', /external_id/],
  ['a session over an hour', 'lifetime: 1h', 'lifetime: §2h', 'lifetime-out-of-bounds', /from 15m to 1h/],
  [
    'a tag of AWS’s own',
    '{ repository: claims.repository }',
    '{ §aws:repository: claims.repository }',
    'invalid-name',
    /does not begin with aws:/,
  ],
  [
    'a tag twice in other letters',
    '{ repository: claims.repository }',
    '{ repository: claims.repository, Repository: §claims.repository }',
    'session-tags',
    /without case/,
  ],
  [
    'a transitive tag that is not there',
    'transitive_tags: [repository]',
    'transitive_tags: §[repo]',
    'session-tags',
    /repo is none of the session_tags/,
  ],
  [
    'a tag that is no expression',
    '{ repository: claims.repository }',
    '{ repository: §acme }',
    'invalid-expression',
    /./,
  ],
  [
    'a policy of 2008',
    '        session_policy: { Version: "2012-10-17", Statement: [] }',
    '        session_policy: §{ Statement: [] }',
    'session-policy',
    /Version/,
  ],
  [
    'an account in a policy that YAML makes another number of',
    '        session_policy: { Version: "2012-10-17", Statement: [] }',
    '        session_policy: { Version: "2012-10-17", Statement: [{ Condition: { StringEquals: { a: §012345678901 } } }] }',
    'unquoted-value',
    /write "012345678901": unquoted, YAML reads 12345678901/,
  ],
  [
    'a long number in a policy',
    'session_policy: { Version: "2012-10-17", Statement: [] }\nrules',
    'session_policy: { Version: "2012-10-17", Statement: [{ a: [§12345678901234567890] }] }\nrules',
    'unquoted-value',
    /write "12345678901234567890"/,
  ],
  [
    'nothing in a policy',
    'session_policy: { Version: "2012-10-17", Statement: [] }\nrules',
    'session_policy: { Version: "2012-10-17", Statement: [{ a: §~ }] }\nrules',
    'unquoted-value',
    /YAML reads null/,
  ],
  [
    'a managed policy with a wildcard',
    'transitive_tags: [repository]',
    'managed_policies: [§"arn:aws:iam::aws:policy/*"]',
    'invalid-value',
    /a managed policy is an ARN/,
  ],
  [
    'a second policy',
    '{ target: reader, session_tags: { pod: \'claims["kubernetes.io"].pod.name\' } }',
    '§{ target: reader, managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess] }',
    'session-policy',
    /reader has a session_policy of its own/,
  ],
  [
    'a managed policy that is no ARN',
    'transitive_tags: [repository]',
    'managed_policies: [§ReadOnlyAccess]',
    'invalid-value',
    /arn:aws:iam::aws:policy/,
  ],
  ['a registered claim', '{ commit: claims.sha }', '{ sub: §claims.sha }', 'registered-claim', /sub/],
  // clients
  [
    'a secret itself, where its hash belongs',
    'sha256: [LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ]',
    'sha256: [§hunter2]',
    'invalid-value',
    /SHA-256 of a secret: make both with `token-broker clients secret`$/,
  ],
  [
    'a secret as text',
    '{ client_secret: { sha256: [LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ] } }',
    '{ client_secret: §hunter2 }',
    'inline-secret',
    /^client_secret: secrets never stand in this file.*token-broker clients secret/,
  ],
  [
    'a private key in the file',
    '{ uri: https://orders.test/jwks }',
    '{ keys: [§{ kty: EC, crv: P-256, d: AAAA }] }',
    'invalid-key-set',
    /public/,
  ],
  [
    'a client that is neither public nor authenticates',
    'app: { type: public }',
    'app: §{}',
    'client-kind',
    /type: public/,
  ],
  [
    'a client without a way to authenticate',
    'app: { type: public }',
    'app: §{ auth: {} }',
    'client-kind',
    /type: public/,
  ],
  [
    'a client with two ways to authenticate',
    '    auth: { client_secret: {',
    '    auth: §{ federated: { issuer: farm, match: { ref: main } }, client_secret: {',
    'client-kind',
    /exactly one way/,
  ],
  [
    'a public client that authenticates',
    '    auth: { client_secret: {',
    '    type: public\n    auth: { client_secret: {',
    'client-kind',
    /remove type, or auth/,
  ],
  [
    'client_credentials for a public client',
    'app: { type: public }',
    'app: { type: public, grants: §[client_credentials] }',
    'client-kind',
    /need auth/,
  ],
  [
    'introspection for a public client',
    'app: { type: public }',
    'app: { type: public, introspect: §[api] }',
    'client-kind',
    /introspect needs auth/,
  ],
  [
    'introspection of a target that is not there',
    'introspect: [api]',
    'introspect: [§apy]',
    'unknown-reference',
    /apy/,
  ],
  ['introspection of a role', 'introspect: [api]', 'introspect: [§deployer]', 'target-kind', /is a role/],
  [
    'a federated client of an issuer that is not there',
    'federated: { issuer: cluster,',
    'federated: { issuer: §clutter,',
    'unknown-reference',
    /clutter/,
  ],
  [
    'a federated client that is everybody',
    'auth: { federated: { issuer: cluster, match: { service_account_uid: "6f0c" } } }',
    'auth: { federated: §{ issuer: cluster } }',
    'rule-constrains-nothing',
    /admits everybody/,
  ],
  [
    'a federated client by a pattern on an id',
    '{ service_account_uid: "6f0c" }',
    '{ service_account_uid: §{ glob: "6f*" } }',
    'unsafe-pattern',
    /an id is matched by value/,
  ],
  [
    'a client whose keys are fetched over http',
    'uri: https://orders.test/jwks',
    'uri: http://orders.test/jwks',
    'insecure-url',
    /https/,
  ],
  [
    'a client whose keys no broker can fetch',
    'uri: https://orders.test/jwks',
    'uri: https://orders.internal/jwks',
    'unreachable-keys',
    /public internet/,
  ],
  ['a rule of nobody', '    client: nightly\n', '', 'unknown-reference', /an issuer.*or a client/],
  [
    'a rule of an issuer and a client',
    '    client: nightly\n',
    '    client: nightly\n    issuer: §farm\n',
    'client-rule',
    /make two rules of it/,
  ],
  ['a rule of a client that is not there', 'client: nightly', 'client: §nightlie', 'unknown-reference', /nightlie/],
  [
    'a rule of a client that may not ask for itself',
    'client: nightly',
    'client: §orders-api',
    'client-rule',
    /grants: \[client_credentials\]/,
  ],
  [
    'a rule of a client with conditions',
    'client: nightly\n',
    'client: nightly\n    match: §{ ref: main }\n',
    'client-rule',
    /the client's auth/,
  ],
  [
    'a rule of a client with an expression',
    'client: nightly\n',
    'client: nightly\n    when: §claims.a == "b"\n',
    'client-rule',
    /the client's auth/,
  ],
  [
    'a rule of a client for other clients',
    'client: nightly\n',
    'client: nightly\n    clients: §[app]\n',
    'client-rule',
    /one client already/,
  ],
  [
    'a role for a client',
    '    client: nightly\n    grant:\n      - { target: api, scopes: [read] }',
    '    client: nightly\n    grant:\n      - { target: §deployer }',
    'client-rule',
    /token exchange/,
  ],
  [
    'a claim of a client that has none',
    '    client: nightly\n    grant:\n      - { target: api, scopes: [read]',
    '    client: nightly\n    grant:\n      - { target: api, scopes: [read], claims: §{ a: claims.a }',
    'client-rule',
    /no claims/,
  ],
  [
    'a client’s token that ends with nothing',
    '    client: nightly\n    grant:\n      - { target: api, scopes: [read]',
    '    client: nightly\n    grant:\n      - { target: api, scopes: [read], expires_with_subject: §true',
    'client-rule',
    /no subject token/,
  ],
  // logins
  [
    'a logo where there is no file to start from',
    'version: 1\n',
    'version: 1\nlogin: { branding: { logo: §logo.svg } }\n',
    'logo',
    /only a file/,
  ],
  ['a claim of our own tokens: rules', 'claims: { commit:', 'claims: { rules:', 'registered-claim', /rules/],
  [
    'a claim of our own tokens: client_sub',
    'claims: { commit:',
    'claims: { client_sub:',
    'registered-claim',
    /client_sub/,
  ],
]

for (const [title, from, to, rule, message] of rows) {
  test(`${title}: ${rule}`, () => {
    const { text, place } = spoilt(from, to)
    const findings = findingsIn(text)
    assert.equal(findings[0]?.rule, rule, JSON.stringify(findings))
    assert.match(findings[0].message, message)
    if (place) assert.deepEqual({ line: findings[0].line, column: findings[0].column }, place)
    assert.equal(findings[0].severity, 'error')
    assert.throws(() => compile(text, 'broker.yaml', { now }), ConfigurationError)
  })
}

test('every rule that a finding can name has a row here, and stands in docs/configuration.md', () => {
  const documented = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  for (const rule of Object.keys(findingRules)) {
    // These guard what was never compiled from a file, need several, or are warnings: each has a test of its own.
    const elsewhere = [
      'algorithm-not-allowed',
      'duplicate-name',
      'rule-expired',
      'short-session',
      // compile-login.test.ts
      'issuer-login',
      'client-login',
      'redirect-uri',
      'logout-uri',
      'allowed-origin',
      // compile-registration.test.ts
      'registration',
      ...Object.keys(doubtRules),
    ]
    if (!elsewhere.includes(rule))
      assert.ok(
        rows.some((row) => row[3] === rule),
        `no row for ${rule}`,
      )
    assert.ok(documented.includes(`\`${rule}\``), `${rule} is not documented`)
  }
})

test('everything wrong is found in one run, in the order of the file', () => {
  const text = brokerFile
    .replace('https://ci.test', 'http://ci.test')
    .replace('"987654"', '987654')
    .replace('lifetime: 15m', 'lifetime: 2s')
  assert.deepEqual(
    findingsIn(text).map(({ rule }) => rule),
    ['insecure-url', 'lifetime-out-of-bounds', 'unquoted-value'],
  )
})

test('a rule that has expired is a warning, and no error', () => {
  const { text, place } = spoilt('issuer: farm', 'issuer: farm\n    expires: §2026-11-23')
  const { configuration, findings } = compile(text, 'broker.yaml', { now })
  assert.deepEqual(
    findings.map(({ severity, rule, line, column }) => ({ severity, rule, line, column })),
    [{ severity: 'warning', rule: 'rule-expired', ...place }],
  )
  assert.equal(configuration.rules[0]?.expires_at, Date.parse('2026-11-24T00:00:00Z') / 1000)
  assert.deepEqual(findingsIn(text.replace('2026-11-23', '2026-11-24')), [])
})

test('a short session for SDKs that come by themselves is a warning', () => {
  const { text, place } = spoilt('reader:\n', 'reader:\n    lifetime: 15m\n')
  const { line, column, rule, severity } = findingsIn(text)[0]!
  assert.equal(place, undefined)
  assert.deepEqual([rule, severity], ['short-session', 'warning'])
  assert.equal(text.split('\n')[line - 1]?.slice(column - 1, column + 5), 'reader')
  assert.deepEqual(findingsIn(text.replace('15m\n    role', '30m\n    role')), [])
  // A job asks for itself, once.
  assert.deepEqual(findingsIn(brokerFile.replace('lifetime: 1h', 'lifetime: 15m')), [])
})

test('a finding reads as compilers write them', () => {
  const [finding] = findingsIn(spoilt('version: 1', 'version: 2').text)
  assert.equal(formatFinding(finding!), `broker.yaml:1:10 error invalid-value ${finding!.message}`)
})

test('text of the file cannot pass for a finding, nor steer a terminal', () => {
  const text = spoilt('version: 1\n', 'version: 1\n"x\\nbroker.yaml:1:1 \\e[2J\\u202e\\u2028\\xad": 1\n').text
  const finding = findingsIn(text)[0]!
  assert.ok(finding.message.includes('x\nbroker.yaml:1:1 \u001b[2J\u202e\u2028\u00ad'), finding.message)
  const shown = String.raw`x\u{a}broker.yaml:1:1 \u{1b}[2J\u{202e}\u{2028}\u{ad}`
  assert.ok(formatFinding(finding).includes(shown), formatFinding(finding))
  assert.ok(formatFinding({ ...finding, message: 'x ##[error]y' }).endsWith('x # #[error]y'))
  assert.ok(formatFinding({ ...finding, file: 'a\r\nb' }).startsWith(String.raw`a\u{d}\u{a}b:`))
  assert.throws(
    () => compile(text, 'broker.yaml', { now }),
    ({ message }: ConfigurationError) => message.includes(shown),
  )
})

for (const [title, text] of [
  ['an empty file', ''],
  ['a list', '- a'],
  ['text', 'hello'],
  ['bytes that are no YAML', '\u0000\u0001{{{'],
  ['only a comment', '# nothing'],
] as const) {
  test(`${title} is refused with a finding`, () => {
    assert.ok(findingsIn(text).length > 0)
  })
}

test('loopback is allowed in a local run', () => {
  const text = brokerFile
    .replace('https://broker.test', 'http://127.0.0.1:8787')
    .replace('https://ci.test', 'http://127.0.0.1:8788')
  assert.deepEqual(findingsIn(text, { local: true }), [])
})
