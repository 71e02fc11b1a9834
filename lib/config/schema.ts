import * as z from 'zod'
import { subjectTokenAlgorithms } from '../protocol/algorithms.ts'
import { secretHash } from '../tokens/client-secret.ts'
import { issuerName, ruleName, targetName } from '../protocol/names.ts'
import { presetNames } from '../trust/configuration.ts'
import { identityClaims } from '../protocol/identity.ts'
import { allowedOrigins, branding, clientLogin, issuerLogin, login, refreshTokens, session } from './schema-login.ts'
import { initialAccessTokens, registration } from './schema-registration.ts'
import { duration, expression, scope, tokenEndpointAudience } from './schema-values.ts'

/**
 * The form of broker.yaml: what stands where, of which type. Whether it is also safe is for lib/trust/guardrails.ts.
 * The JSON Schema that editors use is made from this, so every key says what it is for.
 */

const nameOfIssuer = z
  .string()
  .regex(
    issuerName,
    'an issuer name is 1 to 20 lower-case letters, digits and dashes, a letter first; with its instance, as in eks/eu, 20 in all',
  )
const nameOfRule = z
  .string()
  .regex(ruleName, 'a name is 1 to 63 lower-case letters, digits and dashes, a letter first; so is that of a row')
const name = z.string().regex(targetName, 'a name is 1 to 63 lower-case letters, digits and dashes, a letter first')
const clientId = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'a client_id is 1 to 64 letters, digits, dots, underscores and dashes, a letter or digit first',
  )
const url = z
  .string()
  .regex(/^https?:\/\/[^\s]+$/, 'write an https URL')
  .max(512)
const issuerUrl = z
  .string()
  .regex(/^(?:https?|spiffe):\/\/[^\s]+$/, 'write an https URL, or the trust domain of preset: spiffe')
  .max(512)
const scalar = z.union([z.string(), z.number(), z.boolean()])
const withId = z
  .strictObject({ name: z.string().describe('For people: nothing compares it.'), id: z.string().min(1).optional() })
  .describe('A name, and the id that decides: of a claim of the preset that has an id beside it.')
const oneOrMore = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).min(1)])

const matcher = z
  .union([
    scalar,
    z.array(scalar).min(1),
    withId,
    z.array(withId).min(1),
    z.strictObject({ glob: z.string().min(1).max(256) }),
    z.strictObject({ contains: scalar }),
    z.strictObject({ not: oneOrMore(scalar) }),
  ])
  .describe('A value, a list of values, or one of { name:, id: }, { glob: }, { contains: }, { not: }.')
const match = z
  .record(z.string().min(1).max(256), matcher)
  .describe('Claims and what they must be. A key is a claim name, a JSON Pointer, or an alias of the preset.')

const generation = z.string().regex(/^[A-Za-z0-9-]{1,32}$/, 'a generation is 1 to 32 letters, digits and dashes')
const signingFields = z.strictObject({
  algorithms: z
    .array(z.enum(['ES256', 'RS256']))
    .min(1)
    .describe('One KMS key each; the first signs access tokens. RS256 must be listed.'),
  keys: z
    .partialRecord(
      z.enum(['ES256', 'RS256']),
      z.strictObject({
        active: generation.default('1').describe('The generation that signs.'),
        published: z.array(generation).default([]).describe('Generations that are published and do not sign.'),
      }),
    )
    .default({})
    .describe('Key generations, for rotation.'),
})
const signing = signingFields.check(({ value: { algorithms, keys }, issues }) => {
  const wrong = (path: PropertyKey[], message: string) =>
    issues.push({ code: 'custom', input: undefined, path, message })
  for (const [index, alg] of algorithms.entries())
    if (algorithms.indexOf(alg) !== index) wrong(['algorithms', index], `${alg} is listed twice`)
  for (const alg of Object.keys(keys))
    if (!algorithms.some((listed) => listed === alg))
      wrong(['keys', alg], `${alg} is not among algorithms, so it would have no key: list it, or remove it here`)
})

const jwks = z.union([z.strictObject({ uri: url }), z.strictObject({ keys: z.array(z.looseObject({})).min(1) })])

const issuer = z.strictObject({
  preset: z
    .enum(presetNames)
    .optional()
    .describe('What kind of issuer it is: fixes URL, algorithms, replay mode, subject and forbidden events.'),
  issuer: issuerUrl
    .optional()
    .describe('The `iss` of its tokens, exactly. With preset: spiffe the trust domain: spiffe://acme.example.'),
  shares_issuer: z
    .literal(true)
    .optional()
    .describe('Another issuer has the same `iss`, and says so too: the kid tells their tokens apart. Needs jwks.keys.'),
  audiences: z
    .array(z.string().min(1).max(512))
    .min(1)
    .optional()
    .describe('What `aud` may be. Default: our own issuer.'),
  algorithms: z
    .array(z.enum(subjectTokenAlgorithms))
    .min(1)
    .optional()
    .describe('What its tokens may be signed with. Default: RS256, or what the preset says.'),
  jwks: jwks
    .optional()
    .describe('Where its keys are, or the keys themselves for a private issuer. Default: discovery.'),
  subject: expression.optional().describe('The path of the claim that names the subject. Default: claims.sub.'),
  replay: z
    .enum(['once', 'once_per_target', 'off'])
    .optional()
    .describe('How often a token may be traded. off needs max_token_lifetime of an hour or less.'),
  clock_tolerance: duration.optional().describe('How far its clock may be from ours. Default 60s, at most 5m.'),
  max_token_lifetime: duration
    .optional()
    .describe('The longest lifetime a token of its may have. Default 1h, at most 24h.'),
  require: match.optional().describe('What every token must meet before any rule is read: the tenant pin.'),
  login: issuerLogin.optional().describe('People may log in there, with us as its client.'),
})

const policyDocument = z
  .looseObject({ Statement: z.union([z.array(z.looseObject({})), z.looseObject({})]) })
  .describe('An IAM policy document, as a value: it narrows what the session may do.')

const target = z.strictObject({
  audience: z
    .string()
    .regex(/^[a-z][a-z0-9+.-]*:[^\s#]+$/i, 'an audience is an absolute URI without a fragment (RFC 8707 section 2)')
    .max(512)
    .optional()
    .describe('The `aud` of the tokens: a URI. A target has an audience or a role.'),
  scopes: z.array(scope).optional().describe('The scopes that rules may grant. Only with an audience.'),
  lifetime: duration
    .optional()
    .describe('How long what is issued lives. A token: 1m to 24h, default 15m. Credentials: 15m to 1h, default 1h.'),
  role: z
    .string()
    .regex(
      // The broker's own policy names it, where IAM would read * and ? as wildcards and ${…} as a variable.
      /^(?!.*[*?$])arn:aws[a-z-]*:iam::\d{12}:role\/(?:[\x21-\x7e]{1,510}\/)?[\w+=,.@-]{1,64}$/,
      'a role is an ARN such as arn:aws:iam::123456789012:role/web-deployer, without * ? $',
    )
    .optional()
    .describe('The ARN of the AWS role whose credentials are issued.'),
  external_id: z
    .string()
    .regex(/^[\w+=,.@:/-]{2,1224}$/, 'an external_id is 2 to 1224 letters, digits and _+=,.@:/-')
    .optional()
    .describe("What the role's trust policy asks for as sts:ExternalId. Not a secret. Only with a role."),
  region: z
    .string()
    .regex(/^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/, 'a region is written like eu-west-1')
    .optional()
    .describe("Whose STS is asked. Default: the broker's own region. Only with a role."),
  session_policy: policyDocument
    .optional()
    .describe('An IAM policy document that narrows every session of the role. Only with a role.'),
})

const grant = z.strictObject({
  target: z.string().describe('The name of a target.'),
  scopes: z.array(scope).min(1).optional().describe('Required where the target has scopes.'),
  claims: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z][A-Za-z0-9_.:/-]{0,63}$/, 'a claim name is 1 to 64 letters, digits and _.:/-, a letter first'),
      expression,
    )
    .default({})
    .describe('Claims to add to our token, from the verified ones.'),
  expires_with_subject: z.boolean().default(false).describe('Never beyond the subject token.'),
  session_tags: z
    .record(
      z
        .string()
        // Not in the JSON Schema: a pattern there has no flags, and not every reader takes it for Unicode.
        .refine(
          (key) => /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu.test(key),
          'a tag key is 1 to 128 letters, digits, spaces and _.:/=+-@, and does not begin with aws:',
        ),
      expression,
    )
    .optional()
    .describe('AWS session tags, from the verified claims. Only where the target is a role.'),
  transitive_tags: z
    .array(z.string())
    .optional()
    .describe('Those of session_tags that stay on when the session assumes another role.'),
  session_policy: policyDocument.optional().describe('An IAM policy document that narrows the session.'),
  managed_policies: z
    .array(
      z
        .string()
        .regex(
          /^arn:aws[a-z-]*:iam::(?:\d{12}|aws):policy\/[\w+=,.@/-]{1,512}$/,
          'a managed policy is an ARN such as arn:aws:iam::aws:policy/ReadOnlyAccess',
        ),
    )
    .max(10, 'STS takes 10 managed policies at most')
    .optional()
    .describe(
      'ARNs of managed policies that narrow the session. AWS allows what any of these and session_policy allow.',
    ),
})

const rule = z.strictObject({
  issuer: oneOrMore(z.string())
    .optional()
    .describe('The name of an issuer, or a list of names. A rule has an issuer or a client.'),
  client: z.string().optional().describe('The client_id of a client that gets this for itself, by client_credentials.'),
  clients: z.array(z.string()).min(1).optional().describe('Only requests of these clients. Default: any, and none.'),
  owner: z.string().min(1).max(128).optional().describe('Who answers for this rule.'),
  expires: z.iso.date().optional().describe('The last day, in UTC, on which the rule grants.'),
  match: match.default({}),
  when: expression.optional().describe('A further condition, in CEL over claims: only true admits.'),
  mode: z.enum(['enforce', 'shadow']).default('enforce').describe('shadow: evaluated and recorded, never granted.'),
  grant: z.array(grant).min(1),
})

const clientSecret = z
  .strictObject({
    sha256: z
      .array(
        z
          .string()
          .regex(secretHash, 'it is the base64url SHA-256 of a secret: make both with `token-broker clients secret`'),
      )
      .min(1)
      .max(2)
      .describe('Hashes of the secrets that are accepted: two while one replaces the other.'),
    methods: z
      .array(z.enum(['basic', 'post']))
      .min(1)
      .default(['basic'])
      .describe('Where the secret may stand: client_secret_basic, client_secret_post. Default: basic.'),
  })
  .describe('A secret, of which only the hash is here: made by `token-broker clients secret`.')

const clientAuth = z.strictObject({
  client_secret: clientSecret.optional(),
  private_key_jwt: z
    .strictObject({
      jwks: jwks.describe("Where the client's public keys are, or the keys themselves."),
      algorithms: z
        .array(z.enum(subjectTokenAlgorithms))
        .min(1)
        .default(['ES256', 'RS256'])
        .describe('What it may sign with. Default: ES256, RS256.'),
      token_endpoint_audience: tokenEndpointAudience,
    })
    .optional()
    .describe('The client signs a JWT with a key of its own (RFC 7523).'),
  federated: z
    .strictObject({
      issuer: z.string().describe('The name of an issuer, whose token is the proof.'),
      match: match.default({}),
      when: expression.optional().describe('A further condition, in CEL over claims: only true admits.'),
    })
    .optional()
    .describe('A token of a trusted issuer is the proof: no secret, and no key.'),
})

const client = z.strictObject({
  type: z.literal('public').optional().describe('A client that proves nothing, known by name. Others have auth.'),
  auth: clientAuth.optional().describe('How the client authenticates: exactly one way.'),
  grants: z
    .array(z.enum(['token-exchange', 'client_credentials', 'authorization_code', 'refresh_token']))
    .min(1)
    .default(['token-exchange'])
    .describe('The grant types it may use.'),
  introspect: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('The targets whose tokens it may look up: for a resource server.'),
  ...clientLogin,
  allowed_origins: allowedOrigins,
})

export const schema = z.strictObject({
  version: z.literal(1).describe('The version of this format.'),
  issuer: z.string().min(1).max(512).describe('Our own `iss`: an https origin, or auto.'),
  signing: signing.default({ algorithms: ['ES256', 'RS256'], keys: {} }),
  issuers: z.record(nameOfIssuer, issuer).describe('Whose tokens are accepted.'),
  targets: z.record(name, target).describe('What is issued.'),
  rules: z.record(nameOfRule, rule).describe('Who may get what. Nothing is granted by default.'),
  receipts: z
    .strictObject({
      retention: duration.prefault('90d').describe('How long receipts are kept: 1d to 3650d. Default 90d.'),
    })
    .prefault({}),
  clients: z.record(clientId, client).default({}),
  login: login.prefault({}).describe('How people stay logged in, and what our pages look like.'),
  registration: registration
    .optional()
    .describe('Clients may register themselves (RFC 7591). Absent: none may, and those that did are none.'),
})

export type BrokerFile = z.output<typeof schema>

const column = z
  .string()
  .regex(/^\$[a-z][a-z0-9_]*$/)
  .describe('In a rule with each: the value that this column of the row has.')

/** Whole values may come from a row. */
function orColumn<Shape extends z.ZodRawShape>(fields: z.ZodObject<Shape>): z.ZodRawShape {
  return Object.fromEntries(
    Object.entries(fields.shape).map(([key, field]) => [key, z.union([field as z.ZodType, column])]),
  )
}

const block = issuer.extend({
  instances: z
    .record(name, issuer.omit({ preset: true }))
    .optional()
    .describe('Several issuers of this kind, by name: what one of them says stands instead of what is said here.'),
})

const ruleForRows = z.strictObject({
  ...orColumn(rule),
  grant: z.array(z.strictObject(orColumn(grant))).min(1),
  each: z
    .record(name, z.record(z.string().regex(/^[a-z][a-z0-9_]*$/), z.unknown()))
    .optional()
    .describe('Rows, by name: the rule stands once for each, with every $column replaced by its value.'),
})

/** broker.yaml as it is written: with what `schema` has no more, because it is expanded before. For the JSON Schema. */
export const writtenSchema = schema.extend({
  include: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Files below this one’s folder, such as rules/*.yaml, with more issuers, targets, rules and clients.'),
  issuers: z.record(nameOfIssuer, block).optional().describe('Whose tokens are accepted.'),
  targets: schema.shape.targets.optional(),
  rules: z.record(name, ruleForRows).optional().describe('Who may get what. Nothing is granted by default.'),
})

/** The keys at each place, for suggestions. `*` stands for a name or an index. */
export const knownKeys: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(writtenSchema.shape),
  signing: Object.keys(signingFields.shape),
  'issuers.*': Object.keys(block.shape),
  'targets.*': Object.keys(target.shape),
  'rules.*': Object.keys(ruleForRows.shape),
  'rules.*.grant.*': Object.keys(grant.shape),
  'issuers.*.login': Object.keys(issuerLogin.shape),
  'issuers.*.login.auth': ['client_secret'],
  'issuers.*.login.claims': identityClaims,
  'clients.*': Object.keys(client.shape),
  'clients.*.auth': Object.keys(clientAuth.shape),
  'clients.*.auth.client_secret': Object.keys(clientSecret.shape),
  'clients.*.auth.private_key_jwt': ['jwks', 'algorithms', 'token_endpoint_audience'],
  'clients.*.auth.federated': ['issuer', 'match', 'when'],
  receipts: ['retention'],
  login: Object.keys(login.shape),
  'login.session': Object.keys(session.shape),
  'login.refresh_tokens': Object.keys(refreshTokens.shape),
  'login.branding': Object.keys(branding.shape),
  registration: Object.keys(registration.shape),
  'registration.initial_access_tokens': Object.keys(initialAccessTokens.shape),
}

/** Keys of parts that are not built yet: known, and refused by name. */
export const notYet: Readonly<Record<string, readonly string[]>> = {
  'rules.*': ['actor', 'impersonation', 'max_depth'],
}
