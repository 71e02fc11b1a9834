import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, Configuration, RoleTarget, RuleGrant, SessionSettings } from '../../lib/trust/configuration.ts'
import { findUnsafe, refuseUnsafe } from '../../lib/trust/guardrails.ts'
import { guardrailRules } from '../../lib/trust/guardrails/finding.ts'
import {
  confidential,
  github,
  matching,
  ofPreset,
  safe,
  target,
  withApp,
  withIssuer,
  withRegistration,
  withRule,
  withSecondUpstream,
  withUpstream,
} from './guardrails-fixture.ts'
import { equals, farm, grant, rule } from './policy-fixture.ts'

const pinned = [equals('repository_owner_id', '1')]
const policy = { Version: '2012-10-17', Statement: [] }

/** A rule that opens a session of a role. */
function withSession(
  session: Partial<SessionSettings>,
  role: Partial<RoleTarget> = {},
  changes: Partial<RuleGrant> = {},
): Configuration {
  const settings = { tags: {}, transitive_tags: [], managed_policies: [], ...session }
  return {
    ...safe,
    targets: { role: { role: 'arn:aws:iam::123456789012:role/a', lifetime: 900, ...role } },
    rules: [rule('r', { grant: [grant('role', { session: settings, ...changes })] })],
  }
}

function withClient(app: Client): Configuration {
  return { ...safe, clients: { app } }
}

const tag = { path: ['ref'] }

function tags(count: number): SessionSettings['tags'] {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, tag]))
}

function policyOf(characters: number): { Version: string } {
  const filled = (Sid: string) => ({ ...policy, Statement: [{ Sid }] })
  return filled('x'.repeat(characters - JSON.stringify(filled('')).length))
}

/** Where each finding points and what it says, as an operator reads it. */
const rows: readonly (readonly [title: string, spoilt: Configuration, ...lines: string[]])[] = [
  [
    'our issuer',
    { ...safe, issuer: 'https://broker.test/' },
    'issuer: our-issuer issuer must be an https origin in lower case, without a path or a trailing slash, or auto; http://127.0.0.1:<port> in local runs',
  ],
  [
    'no RS256',
    { ...safe, signing: { algorithms: ['ES256'], keys: {} } },
    'signing.algorithms: rs256-missing add RS256: every verifier must be able to expect it (RFC 9068 section 2.1)',
  ],
  [
    'two targets of one role',
    {
      ...withSession({}),
      targets: {
        role: { role: 'arn:aws:iam::123456789012:role/a', lifetime: 900 },
        twin: { role: 'arn:aws:iam::123456789012:role/a', lifetime: 900 },
      },
    },
    'targets.role.role: ambiguous-name twin has the same role: a request could mean either',
    'targets.twin.role: ambiguous-name role has the same role: a request could mean either',
  ],
  [
    'a session under 15 minutes',
    withSession({}, { lifetime: 899 }),
    'targets.role.lifetime: lifetime-out-of-bounds lifetime must be from 15m to 1h',
  ],
  [
    'a session over an hour',
    withSession({}, { lifetime: 3_601 }),
    'targets.role.lifetime: lifetime-out-of-bounds lifetime must be from 15m to 1h',
  ],
  [
    'a session of an audience',
    {
      ...safe,
      rules: [
        rule('r', { grant: [grant('api', { session: { tags: {}, transitive_tags: [], managed_policies: [] } })] }),
      ],
    },
    'rules.r.grant.0: target-kind api is an audience: session_tags, transitive_tags, session_policy and managed_policies are for roles',
  ],
  [
    'a role without its session',
    { ...withSession({}), rules: [rule('r', { grant: [grant('role')] })] },
    'rules.r.grant.0: target-kind role is a role: its session is missing',
  ],
  [
    'claims and an end for a role',
    withSession({}, {}, { claims: { sha: tag }, expires_with_subject: true }),
    'rules.r.grant.0.claims: target-kind role is a role: claims is for targets with an audience',
    'rules.r.grant.0.expires_with_subject: target-kind role is a role: expires_with_subject is for targets with an audience',
  ],
  [
    'scopes for a role',
    withSession({}, {}, { scopes: ['read'] }),
    'rules.r.grant.0.scopes: scopes-required role has no scope read at all',
  ],
  [
    '51 tags',
    withSession({ tags: tags(51) }),
    'rules.r.grant.0.session_tags: session-tags STS takes 50 session tags, these are 51',
  ],
  [
    'a tag twice in other letters',
    withSession({ tags: { a: tag, b: tag, A: tag } }),
    'rules.r.grant.0.session_tags.A: session-tags A stands here twice: AWS compares tag keys without case',
  ],
  [
    'a transitive tag in other letters',
    withSession({ tags: { a: tag }, transitive_tags: ['a', 'A'] }),
    'rules.r.grant.0.transitive_tags: session-tags A is none of the session_tags, so it cannot stay on',
  ],
  [
    'a transitive tag twice',
    withSession({ tags: { a: tag }, transitive_tags: ['a', 'a'] }),
    'rules.r.grant.0.transitive_tags: session-tags a stands here twice',
  ],
  [
    'a managed policy twice',
    withSession({ managed_policies: ['arn:aws:iam::aws:policy/A', 'arn:aws:iam::aws:policy/A'] }),
    'rules.r.grant.0.managed_policies: session-policy a policy stands here twice',
  ],
  [
    'a policy beyond Latin-1',
    withSession({ policy: { ...policy, Statement: [{ Resource: 'arn:aws:s3:::b/日本/*' }] } }),
    'rules.r.grant.0.session_policy: session-policy AWS takes no characters beyond U+00FF in a policy',
  ],
  [
    'policies without a version, or of another',
    withSession({ policy: { Statement: [] } }, {}),
    'rules.r.grant.0.session_policy: session-policy add Version: "2012-10-17": without it AWS takes ${aws:PrincipalTag/...} for plain text',
  ],
  [
    'a target’s policy of 2008',
    withSession({}, { session_policy: { ...policy, Version: '2008-10-17' } }),
    'targets.role.session_policy: session-policy add Version: "2012-10-17": without it AWS takes ${aws:PrincipalTag/...} for plain text',
  ],
  [
    'a policy of 2,049 characters',
    withSession({ policy: policyOf(2_049) }),
    'rules.r.grant.0.session_policy: session-policy STS takes 2048 characters of policy, this is 2049',
  ],
  [
    'a policy beside the target’s',
    withSession({ policy }, { session_policy: policy }),
    'rules.r.grant.0: session-policy role has a session_policy of its own: AWS allows what either of two policies allows, so a second one could only widen it',
  ],
  [
    'a managed policy beside the target’s',
    withSession({ managed_policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] }, { session_policy: policy }),
    'rules.r.grant.0: session-policy role has a session_policy of its own: AWS allows what either of two policies allows, so a second one could only widen it',
  ],
  [
    'retention',
    { ...safe, receipts: { retention: 0 } },
    'receipts.retention: lifetime-out-of-bounds retention must be from 1d to 3650d',
  ],

  [
    'an issuer named self',
    { ...safe, issuers: { farm, self: { ...farm, name: 'self', issuer: 'https://b.test' } } },
    'issuers.self: ambiguous-name self means our own tokens: give this issuer another name',
  ],
  [
    'two issuers of one URL',
    { ...safe, issuers: { farm, barn: { ...farm, name: 'barn' } } },
    "issuers.farm: ambiguous-name barn has the same issuer URL, so a token could be either's: give both jwks: { keys: [...] } and shares_issuer: true, and the kid tells them apart",
    "issuers.barn: ambiguous-name farm has the same issuer URL, so a token could be either's: give both jwks: { keys: [...] } and shares_issuer: true, and the kid tells them apart",
  ],
  [
    'our own URL as an issuer',
    withIssuer({ issuer: 'https://broker.test' }),
    'issuers.farm: ambiguous-name this is our own issuer URL',
  ],
  [
    'an issuer over http',
    withIssuer({ issuer: 'http://ci.test' }),
    'issuers.farm.issuer: insecure-url write an https URL, its host in lower case',
  ],
  [
    'an issuer on loopback, deployed',
    withIssuer({ issuer: 'http://127.0.0.1:8788' }),
    'issuers.farm.issuer: insecure-url write an https URL, its host in lower case; http on loopback is for local runs',
  ],
  [
    'a key set over http',
    withIssuer({ jwks: { uri: 'http://ci.test/keys' } }),
    'issuers.farm.jwks: insecure-url write an https URL',
  ],
  [
    'discovery at a private name',
    withIssuer({ issuer: 'https://ci.internal' }),
    'issuers.farm.issuer: unreachable-keys keys are fetched from the public internet only, where ci.internal is not: give them with jwks: { keys: [...] }',
  ],
  [
    'a key set at a private name',
    withIssuer({ jwks: { uri: 'https://keys.internal/jwks' } }),
    'issuers.farm.jwks: unreachable-keys keys are fetched from the public internet only, where keys.internal is not: give them with jwks: { keys: [...] }',
  ],
  [
    'the API server’s audience',
    withIssuer({ audiences: ['https://kubernetes.default.svc'] }),
    "issuers.farm.audiences: foreign-audience tokens for https://kubernetes.default.svc are meant for the cluster's API server: project one for the broker's URL",
  ],
  [
    'Keycloak’s own audience among others',
    withIssuer({ audiences: ['https://broker.test', 'account'] }),
    "issuers.farm.audiences: foreign-audience tokens for account are meant for Keycloak's own account API: add an audience mapper for the broker's URL",
  ],
  [
    'Microsoft Graph’s audience',
    withIssuer({ audiences: ['00000003-0000-0000-c000-000000000000'] }),
    'issuers.farm.audiences: foreign-audience tokens for 00000003-0000-0000-c000-000000000000 are meant for Microsoft Graph: register an API for the broker, and ask for a scope of that',
  ],
  [
    'a star as an audience',
    withIssuer({ audiences: ['*'] }),
    'issuers.farm.audiences: unsafe-pattern an audience is compared exactly, a * is no pattern here: write it out',
  ],
  [
    'a symmetric algorithm',
    withIssuer({ algorithms: ['HS256' as never] }),
    'issuers.farm.algorithms: algorithm-not-allowed use some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519',
  ],
  [
    'a tolerance',
    withIssuer({ clock_tolerance: 301 }),
    'issuers.farm.clock_tolerance: lifetime-out-of-bounds clock_tolerance must be from 0s to 5m',
  ],
  [
    'the lifetime of subject tokens',
    withIssuer({ max_token_lifetime: 59 }),
    'issuers.farm.max_token_lifetime: lifetime-out-of-bounds max_token_lifetime must be from 1m to 24h',
  ],
  [
    'no replay protection for two hours',
    withIssuer({ replay: 'off', max_token_lifetime: 7_200 }),
    'issuers.farm.max_token_lifetime: replay-off-too-long with replay: off a stolen token works until it expires: write max_token_lifetime: 1h or less, or replay: once',
  ],
  [
    'a pattern in require',
    withIssuer({ require: [{ key: 'project', path: ['project'], operator: { glob: '*' } }] }),
    'issuers.farm.require.project: unsafe-pattern project: a pattern that begins with * leaves its most telling part open: begin with what you know',
  ],

  [
    'another issuer’s URL',
    withIssuer(ofPreset('github-actions', 'https://github.com')),
    `issuers.farm.issuer: preset-issuer this is no issuer URL of github-actions: leave it out for ${github}`,
  ],
  [
    'GitHub’s URL with a slash',
    withIssuer(ofPreset('github-actions', `${github}/`)),
    `issuers.farm.issuer: preset-issuer this is no issuer URL of github-actions: leave it out for ${github}`,
  ],
  [
    'another preset’s URL',
    withIssuer(ofPreset('kubernetes', github)),
    'issuers.farm.issuer: preset-issuer this is no issuer URL of kubernetes: its preset is github-actions',
  ],
  [
    'the URL of an issuer without a preset',
    withIssuer(ofPreset('kubernetes', 'https://accounts.google.com')),
    'issuers.farm.issuer: preset-issuer this is no issuer URL of kubernetes: its preset is google-service-account or google-workspace',
  ],
  [
    'GitLab without its preset',
    withIssuer({ issuer: 'https://gitlab.com' }),
    "issuers.farm.issuer: use-preset write preset: gitlab, which knows how this issuer's tokens are to be read",
  ],
  [
    'Google without one of its presets',
    withIssuer({ issuer: 'https://accounts.google.com' }),
    "issuers.farm.issuer: use-preset write preset: google-service-account or google-workspace, which knows how this issuer's tokens are to be read",
  ],
  [
    'one claim to pin by',
    withIssuer({ issuer: 'https://issuer.enforce.dev' }),
    'issuers.farm: shared-issuer-unpinned anybody can have a token of this issuer: add require: { sub: "<yours>" }',
  ],
  [
    'several claims to pin by',
    withIssuer(ofPreset('github-actions', github)),
    'issuers.farm: shared-issuer-unpinned anybody can have a token of this issuer: add require: { repository_owner_id: "<yours>" } (or repository_id, enterprise_id)',
  ],
  [
    'a preset with a subject of its own',
    withIssuer({ ...ofPreset('github-actions', github, pinned), subject: [{ claim: ['actor'] }] }),
    'issuers.farm.subject: preset-fixed github-actions builds the subject from ids: leave subject out, and match what else must hold',
  ],
  [
    'a preset with laxer replay protection',
    withIssuer({ ...ofPreset('github-actions', github, pinned), replay: 'off' }),
    'issuers.farm.replay: preset-fixed github-actions needs replay: once, or stricter',
  ],
  [
    'a preset with another algorithm',
    withIssuer({ ...ofPreset('kubernetes', 'https://c.test'), algorithms: ['RS256', 'PS256'] }),
    'issuers.farm.algorithms: preset-fixed kubernetes signs with RS256 or ES256',
  ],

  [
    'two targets of one audience',
    { ...safe, targets: { api: target, twin: target } },
    'targets.api.audience: ambiguous-name twin has the same audience: a request could mean either',
    'targets.twin.audience: ambiguous-name api has the same audience: a request could mean either',
  ],
  [
    'a target for ourselves',
    { ...safe, targets: { api: { ...target, audience: 'https://broker.test' } } },
    'targets.api.audience: ambiguous-name this is our own issuer URL: a token for a target must not look like one for us',
  ],
  [
    'a target named like another’s audience',
    { ...safe, targets: { api: { ...target, audience: 'x:y' }, 'x:y': target } },
    'targets.x:y: ambiguous-name the name is also the audience of api',
  ],
  [
    'the lifetime of a target’s tokens',
    { ...safe, targets: { api: { ...target, lifetime: 59 } } },
    'targets.api.lifetime: lifetime-out-of-bounds lifetime must be from 1m to 24h',
  ],

  [
    'an issuer that is not there',
    withRule({ issuers: ['farm', 'barn'] }),
    'rules.r.issuer: unknown-reference there is no issuer named barn',
  ],
  [
    'our own tokens as subjects',
    withRule({ issuers: ['self'] }),
    'rules.r.issuer: unknown-reference self (our own tokens as subjects) is not supported yet',
  ],
  [
    'no issuer',
    withRule({ issuers: [] }),
    'rules.r: unknown-reference give it an issuer, whose tokens it is about, or a client',
  ],
  [
    'a client that is not there',
    withRule({ clients: ['app', 'nobody'] }),
    'rules.r.clients: unknown-reference there is no client named nobody',
  ],
  [
    'a client that proves nothing and is not public',
    withClient({ type: 'confidential', grants: [], introspect: [] }),
    'clients.app: client-kind give it auth, or write type: public for a client that proves nothing',
  ],
  [
    'a public client that proves something',
    withClient({ ...confidential, type: 'public' }),
    'clients.app: client-kind a public client proves nothing: remove type, or auth',
  ],
  [
    'a public client that gets something for itself, and looks something up',
    withClient({ type: 'public', grants: ['client_credentials'], introspect: ['api'] }),
    'clients.app.grants: client-kind whoever knows its name is this client: client_credentials need auth',
    'clients.app.introspect: client-kind whoever knows its name is this client: introspect needs auth',
  ],
  [
    'a client without a hash',
    withClient({ ...confidential, auth: { kind: 'client_secret', sha256: [], methods: ['basic'] } }),
    'clients.app.auth.client_secret: client-kind it has no hash of a secret, or no method to send it by',
  ],
  [
    'a client with a secret for a hash',
    withClient({ ...confidential, auth: { kind: 'client_secret', sha256: ['hunter2'], methods: ['basic'] } }),
    'clients.app.auth.client_secret: client-kind it has no hash of a secret, or no method to send it by',
  ],
  [
    'a client whose keys sign by another algorithm',
    withClient({
      ...confidential,
      auth: {
        kind: 'private_key_jwt',
        signer: {
          ...farm,
          name: 'client:app',
          max_token_lifetime: 3_600,
          algorithms: ['ES256'],
          jwks: { keys: { keys: [{ kid: 'k', algorithms: ['RS256'], jwk: { kty: 'RSA' } }] } },
        },
      },
    }),
    'clients.app.auth.private_key_jwt.jwks: algorithm-not-allowed none of these keys signs by ES256: list the algorithms that they are for',
  ],
  [
    'a client that may not send its secret at all',
    withClient({ ...confidential, auth: { kind: 'client_secret', sha256: ['x'.repeat(43)], methods: [] } }),
    'clients.app.auth.client_secret: client-kind it has no hash of a secret, or no method to send it by',
  ],
  [
    'a client whose assertions count again and again, for hours, by any algorithm, with keys from anywhere',
    withClient({
      ...confidential,
      auth: {
        kind: 'private_key_jwt',
        signer: {
          ...farm,
          name: 'client:app',
          replay: 'off',
          max_token_lifetime: 7_200,
          algorithms: [],
          jwks: { uri: 'http://keys.test' },
        },
      },
    }),
    'clients.app.auth.private_key_jwt.jwks: insecure-url write an https URL',
    'clients.app.auth.private_key_jwt.algorithms: algorithm-not-allowed use some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519',
    'clients.app.auth.private_key_jwt: lifetime-out-of-bounds private_key_jwt must be from 1m to 1h',
    'clients.app.auth.private_key_jwt: client-kind an assertion of a client counts once',
  ],
  [
    'a federated client that is everybody of an issuer that is not there',
    withClient({
      ...confidential,
      auth: { kind: 'federated', rule: { name: 'app', issuers: ['barn'], match: [], mode: 'enforce', grant: [] } },
    }),
    'clients.app.auth.federated.issuer: unknown-reference there is no issuer named barn',
    'clients.app.auth.federated: rule-constrains-nothing this admits everybody whom the issuer knows: add a claim to match, by value',
  ],
  [
    'targets that a client cannot look up',
    {
      ...withSession({}),
      clients: { app: { ...confidential, introspect: ['role', 'nothing'] } },
    },
    'clients.app.introspect.0: target-kind role is a role: only tokens of ours are looked up',
    'clients.app.introspect.1: unknown-reference there is no target named nothing',
  ],
  [
    'a rule of a client that is not there',
    withRule({ issuers: [], client: 'nobody', match: [] }),
    'rules.r.client: unknown-reference there is no client named nobody',
  ],
  [
    'a rule of a client that has all it cannot have',
    {
      ...safe,
      clients: { app: { ...confidential, grants: [] } },
      rules: [
        rule('r', {
          client: 'app',
          clients: ['app'],
          when: { path: ['a'] },
          grant: [grant('plain', { claims: { a: { path: ['a'] } }, expires_with_subject: true })],
        }),
      ],
    },
    'rules.r.client: client-rule app may not ask for itself: give it grants: [client_credentials]',
    'rules.r.issuer: client-rule it has an issuer and a client: make two rules of it',
    "rules.r.match: client-rule a client has no claims: what it must prove stands in the client's auth",
    "rules.r.when: client-rule a client has no claims: what it must prove stands in the client's auth",
    'rules.r.clients: client-rule the rule is about one client already',
    'rules.r.grant.0.claims: client-rule a client has no claims to add',
    'rules.r.grant.0.expires_with_subject: client-rule a client has no subject token to end with',
  ],
  [
    'a role for a client',
    {
      ...withSession({}),
      clients: { app: { ...confidential, grants: ['client_credentials'] } },
      rules: [{ ...withSession({}).rules[0]!, issuers: [], client: 'app', match: [] }],
    },
    'rules.r.grant.0.target: client-rule role is a role: AWS credentials are got by token exchange, so by a rule with an issuer',
  ],
  [
    'a rule without a condition',
    withRule({ match: [] }),
    'rules.r: rule-constrains-nothing this admits everybody whom the issuer knows: add a claim to match, by value',
  ],
  [
    'a target that is not there',
    withRule({ grant: [grant('plain'), grant('nope')] }),
    'rules.r.grant.1.target: unknown-reference there is no target named nope',
  ],
  [
    'a target granted twice',
    withRule({ grant: [grant('api'), grant('api')] }),
    'rules.r.grant.1.target: ambiguous-name this rule grants api twice',
  ],
  [
    'a grant without the scopes',
    withRule({ grant: [grant('api', { scopes: [] })] }),
    'rules.r.grant.0: scopes-required api has scopes: say which are granted, some of read, write, admin',
  ],
  [
    'scopes that are not there',
    withRule({ grant: [grant('api', { scopes: ['fly', 'read', 'swim'] })] }),
    'rules.r.grant.0.scopes: scopes-required api has no scope fly, swim: it has read, write, admin',
  ],
  [
    'a scope where there are none',
    withRule({ grant: [grant('plain', { scopes: ['read'] })] }),
    'rules.r.grant.0.scopes: scopes-required plain has no scope read at all',
  ],
  [
    'a registered claim',
    withRule({ grant: [grant('api', { claims: { nonce: { path: ['x'] } } })] }),
    'rules.r.grant.0.claims.nonce: registered-claim nonce has a meaning of its own in a token: choose another name',
  ],

  [
    'an address that nobody verified',
    matching('email', { equals: ['ada@acme.test'] }, ofPreset('okta', 'https://acme.okta.com')),
    'rules.r.match.email: unverified-claim email: people type it themselves until it is verified: add email_verified: true',
  ],
  [
    'such an address in a rule of two issuers, once',
    {
      ...safe,
      issuers: {
        farm: { ...farm, ...ofPreset('okta', 'https://acme.okta.com') },
        barn: { ...farm, ...ofPreset('okta', 'https://barn.okta.com'), name: 'barn' },
      },
      rules: [rule('r', { issuers: ['farm', 'barn'], match: [equals('email', 'ada@acme.test')] })],
    },
    'rules.r.match.email: unverified-claim email: people type it themselves until it is verified: add email_verified: true',
  ],
  [
    'such an address for an issuer',
    withIssuer(ofPreset('okta', 'https://acme.okta.com', [equals('email', 'ada@acme.test')])),
    'issuers.farm.require.email: unverified-claim email: people type it themselves until it is verified: add email_verified: true',
  ],

  [
    'a star among values',
    matching('branch', { equals: ['refs/heads/*'] }),
    'rules.r.match.branch: unsafe-pattern branch: here a * is just a *: write { glob: … } for a pattern',
  ],
  [
    'a star among what must not be',
    matching('branch', { not: ['refs/heads/*'] }),
    'rules.r.match.branch: unsafe-pattern branch: here a * is just a *, and no pattern is possible: write the values out',
  ],
  [
    'a star in a member',
    matching('groups', { contains: 'buyers-*' }),
    'rules.r.match.groups: unsafe-pattern groups: here a * is just a *, and no pattern is possible: write the values out',
  ],
  [
    'two stars',
    matching('branch', { glob: 'refs/**' }),
    'rules.r.match.branch: unsafe-pattern branch: ** is no pattern here: * never crosses / or :, so write one * for each part',
  ],
  [
    'a pattern on an id',
    matching('/kubernetes.io/pod/uid', { glob: '98*' }),
    'rules.r.match./kubernetes.io/pod/uid: unsafe-pattern /kubernetes.io/pod/uid: an id is matched by value: list the ids',
  ],
  [
    'a pattern on a preset’s sub',
    matching('sub', { glob: 'repo:acme/*' }, ofPreset('github-actions', github, pinned)),
    "rules.r.match.sub: unsafe-pattern sub: the issuer's sub has several shapes: match the claims it is made of",
  ],
  [
    'a pattern in a rule of two issuers, once',
    {
      ...safe,
      issuers: { farm, barn: { ...farm, name: 'barn', issuer: 'https://b.test' } },
      rules: [
        rule('r', {
          issuers: ['farm', 'barn'],
          match: [equals('ref', 'main'), { key: 'job', path: ['job'], operator: { glob: '*' } }],
        }),
      ],
    },
    'rules.r.match.job: unsafe-pattern job: a pattern that begins with * leaves its most telling part open: begin with what you know',
  ],

  [
    'logins at an issuer of workloads',
    withUpstream({}, { ...ofPreset('kubernetes', 'https://c.test') }),
    'issuers.partner.login: issuer-login kubernetes is an issuer of workloads, and nobody logs in there: people do at google-workspace, entra-id, okta, auth0, keycloak, cognito, or an issuer without a preset',
  ],
  [
    'a secret in a deployment’s environment',
    withUpstream({ auth: { client_secret: 'env:SECRET' } }),
    'issuers.partner.login.auth.client_secret: issuer-login a deployment keeps no secret in its environment: write the ARN of one in Secrets Manager, or auth: private_key_jwt; env: is for local runs',
  ],
  [
    'a secret itself',
    withUpstream({ auth: { client_secret: 'hunter2' } }),
    'issuers.partner.login.auth.client_secret: issuer-login a secret never stands here: write the ARN of one in Secrets Manager',
  ],
  [
    'people of one domain at two issuers',
    withSecondUpstream({}),
    'clients.app.login: ambiguous-name people of partner.test would log in at partner or at other: list the domain at one of the two',
  ],
  [
    'a public client without PKCE',
    withApp({ require_pkce: false }),
    'clients.app.require_pkce: client-login a public client has nothing but PKCE to show that a code is its own: remove require_pkce (RFC 9700 section 2.1.1)',
  ],
  [
    'a client that nobody comes back to, from nowhere',
    withApp({ redirect_uris: [], issuers: [] }),
    'clients.app: client-login give it redirect_uris: where people come back to once they have logged in',
    'clients.app: client-login give it login: the names of issuers at which its people log in',
  ],
  [
    'back to localhost',
    withApp({ redirect_uris: ['http://localhost:8080/cb'] }),
    'clients.app.redirect_uris.0: redirect-uri localhost may be another device: write http://127.0.0.1:8080 (RFC 8252 section 8.3)',
  ],
  [
    'back to code',
    withApp({ redirect_uris: ['javascript:alert(1)'] }),
    "clients.app.redirect_uris.0: redirect-uri javascript: is no scheme of an app's own: that is a domain name of yours backwards, such as com.example.app (RFC 8252 section 7.1)",
  ],
  [
    'back to wherever',
    withApp({ redirect_uris: ['https://*.app.test/cb', 'https://app.test/cb#top'] }),
    'clients.app.redirect_uris.0: redirect-uri a redirect URI is compared exactly, a * is no pattern here: write each out',
    'clients.app.redirect_uris.1: redirect-uri a redirect URI has no fragment (RFC 6749 section 3.1.2)',
  ],
  [
    'back to another spelling',
    withApp({ redirect_uris: ['https://App.test/cb'] }),
    'clients.app.redirect_uris.0: redirect-uri write it as browsers do: https://app.test/cb',
  ],
  [
    'told of logouts',
    withApp({
      backchannel_logout_uri: 'http://127.0.0.1:8080/out',
      frontchannel_logout_uri: 'https://other.test/out',
    }),
    'clients.app.backchannel_logout_uri: logout-uri write an https URL; http on loopback is for local runs',
    'clients.app.frontchannel_logout_uri: logout-uri it must have the scheme, host and port of one of its redirect_uris (OpenID Connect Front-Channel Logout 1.0 section 2)',
  ],
  [
    'told of logouts in another spelling, and where no broker can call',
    withApp({
      backchannel_logout_uri: 'https://app.internal/out',
      frontchannel_logout_uri: 'https://App.test/out',
    }),
    'clients.app.backchannel_logout_uri: logout-uri it is told over the public internet alone, and this host is not there',
    'clients.app.frontchannel_logout_uri: logout-uri write it as browsers do: https://app.test/out',
  ],
  [
    'told of logouts at what is no URL, and with a password',
    withApp({ backchannel_logout_uri: '/out', frontchannel_logout_uri: 'https://ada@app.test/out' }),
    'clients.app.backchannel_logout_uri: logout-uri write an absolute URL without a fragment, such as https://app.example/logout',
    'clients.app.frontchannel_logout_uri: logout-uri it holds no credentials',
  ],
  [
    'an origin with a slash',
    withApp({}, { allowed_origins: ['https://app.test/'] }),
    'clients.app.allowed_origins.0: allowed-origin write an https origin as browsers send it, such as https://app.example: without a path, a slash at its end or a *',
  ],
  [
    'a host that is a URL',
    withRegistration({ redirect_hosts: ['https://app.test'] }),
    'registration.redirect_hosts.0: registration write a host name in lower case, without scheme and path, such as app.example, or app.example:8443; or 127.0.0.1, or [::1]',
  ],
  [
    'a * for everybody',
    withRegistration({ redirect_hosts: ['*.test'] }),
    'registration.redirect_hosts.0: registration a * is the whole first label, and stands before two labels at least, such as *.preview.app.example',
  ],
]

for (const [title, spoilt, ...lines] of rows) {
  test(`${title} is refused in so many words`, () => {
    assert.throws(() => refuseUnsafe(spoilt), new Error(`unsafe configuration:\n${lines.join('\n')}`))
  })
}

test('every guardrail has a row', () => {
  const named = new Set(rows.flatMap(([, spoilt]) => findUnsafe(spoilt).map((finding) => finding.rule)))
  assert.deepEqual([...named].toSorted(), Object.keys(guardrailRules).toSorted())
})

for (const [title, configured] of [
  ['a session of an hour', withSession({}, { lifetime: 3_600 })],
  ['50 tags, one of them transitive', withSession({ tags: tags(50), transitive_tags: ['key-0'] })],
  ['a policy of 2,048 characters', withSession({ policy: policyOf(2_048) })],
  ['policies in one place', withSession({ policy, managed_policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] })],
  ['the target’s policy alone', withSession({}, { session_policy: policy })],
] as const) {
  test(`${title}: nothing is wrong`, () => {
    assert.deepEqual(findUnsafe(configured), [])
  })
}
