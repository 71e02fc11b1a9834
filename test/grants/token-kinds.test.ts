import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { before, test } from 'node:test'
import { decodeProtectedHeader } from 'jose'
import { grantToken } from '../../lib/grants/index.ts'
import { introspect } from '../../lib/grants/introspect.ts'
import { userinfo } from '../../lib/grants/userinfo.ts'
import { RefusedError } from '../../lib/protocol/errors.ts'
import { INTROSPECTION_JWT } from '../../lib/protocol/introspection.ts'
import { parseKeySet } from '../../lib/protocol/key-set.ts'
import {
  ACCESS_TOKEN_TYPE,
  AUTHORIZATION_CODE_GRANT,
  ID_TOKEN_TYPE,
  JWT_BEARER_ASSERTION,
  JWT_TYPE,
  TOKEN_EXCHANGE_GRANT,
} from '../../lib/protocol/urns.ts'
import { signedClientAssertions } from '../../lib/tokens/client-assertion.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import { verifyIdTokenHint } from '../../lib/tokens/verify-id-token-hint.ts'
import { verifyOwnToken } from '../../lib/tokens/verify-own-token.ts'
import { verifySubjectToken } from '../../lib/tokens/verify-subject-token.ts'
import type { Client } from '../../lib/trust/configuration.ts'
import { toPolicy, type Policy } from '../../lib/trust/policy.ts'
import { InvalidTokenError } from '../../verify/errors.ts'
import { verifierOf } from '../../verify/verifier.ts'
import { loginClient, loginConfiguration, loginIssuer } from '../login/login-policy.ts'
import { memoryStores } from '../login/memory-stores.ts'
import { fixedKeySets, now, ourIssuer } from '../tokens/issuer-fixture.ts'
import { basic, form, introspectionWorld } from './introspection-fixture.ts'

/** Everything that a key of ours signs, made as it is made. */
const kinds = {
  'an access token for a target': '',
  'an access token for /userinfo': '',
  'an ID token': '',
  'a signed introspection': '',
  'a signed answer of /userinfo': '',
  'what proves us to an issuer': '',
}
type Kind = keyof typeof kinds

const world = introspectionWorld()
const { ours, ports } = world
const keySet = parseKeySet({ keys: ours.keys.map(({ jwk, kid, alg }) => ({ ...jwk, kid, alg, use: 'sig' })) })
const { signal } = new AbortController()
const code = 'c'.repeat(43)
const code_verifier = 'v'.repeat(43)
let policy: Policy
const context = () => ({ ...world.context(), policy, ports })

/** Whoever looks tokens up, and a client that would believe an issuer of our name. */
const clients: Record<string, Client> = {
  'web-app': loginClient(
    { userinfo_signed_response_alg: 'RS256' },
    { grants: [AUTHORIZATION_CODE_GRANT, TOKEN_EXCHANGE_GRANT] },
  ),
  api: { ...world.policy.configuration.clients['orders-api']!, introspect: ['api', 'plain'] },
  pod: {
    type: 'confidential',
    auth: { kind: 'federated', rule: { name: 'pod', issuers: ['ours'], match: [], mode: 'enforce', grant: [] } },
    grants: [TOKEN_EXCHANGE_GRANT],
    introspect: [],
  },
}
const audiences = ['https://api.test', `${ourIssuer}/userinfo`, 'web-app', 'api', 'https://partner.test']

before(async () => {
  const configured = loginConfiguration({ clients })
  // No guardrail lets that through: here nothing but the code stands in the way.
  const itself = loginIssuer('ours', { issuer: ourIssuer, audiences, algorithms: ['ES256', 'RS256'] })
  const everybody = configured.rules.map((rule) => ({ ...rule, issuers: ['partner', 'ours'], match: [] }))
  policy = await toPolicy(
    { ...configured, issuers: { ...configured.issuers, ours: itself }, rules: everybody },
    ourIssuer,
  )
  ports.keySets = fixedKeySets(keySet)
  const userinfo_token = await redeem(undefined)
  const { accounts } = memoryStores()
  const withAccounts = { ...context(), ports: { ...ports, accounts } }
  const target_token = await redeem({ resource: [], scope: ['read'] })
  const answer = await introspect(
    form({ token: target_token.access_token }),
    basic('api'),
    INTROSPECTION_JWT,
    context(),
  )
  const upstream = { name: 'partner', issuer: 'https://partner.test', client_id: ourIssuer }
  const assertions = signedClientAssertions({
    signer: ours.signer,
    algorithms: ['ES256', 'RS256'],
    now: () => now,
    newId: () => 'a',
  })
  Object.assign(kinds, {
    'an access token for a target': target_token.access_token,
    'an access token for /userinfo': userinfo_token.access_token,
    'an ID token': userinfo_token.id_token,
    'a signed introspection': answer,
    'a signed answer of /userinfo': (await userinfo(userinfo_token.access_token, withAccounts)).body,
    'what proves us to an issuer': await assertions.issue(upstream, undefined, signal),
  } satisfies Record<Kind, unknown>)
})

async function redeem(target: { resource: string[]; scope: string[] } | undefined) {
  ports.stored.clear()
  ports.codesStored.set(hashOfSecret(code), {
    key: hashOfSecret(code),
    client_id: 'web-app',
    redirect_uri: 'https://app.test/cb',
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    scopes: ['openid'],
    ...(target === undefined ? {} : { target }),
    claims: { id_token: [], userinfo: [] },
    acr_values: [],
    authentication: {
      sid: 's1',
      issuer_name: 'partner',
      subject: 'ada',
      sub: 'partner:ada',
      claims: { iss: 'https://partner.test', sub: 'ada' },
      hash: 'h',
      identity: {},
      acr: [],
      expires_at: now + 900,
    },
    at: now,
    expires_at: now + 60,
  })
  const grant_type = AUTHORIZATION_CODE_GRANT
  const fields = { grant_type, client_id: 'web-app', redirect_uri: 'https://app.test/cb', code, code_verifier }
  return grantToken(form(fields), undefined, context())
}

const exchanged = (subject_token_type: string) => (token: string) => {
  ports.stored.clear()
  const asked = { grant_type: TOKEN_EXCHANGE_GRANT, audience: 'api', subject_token: token, subject_token_type }
  return passes(grantToken(form({ ...asked, client_id: 'web-app' }), undefined, context()))
}

/** Each with the only kinds of token that pass there. */
const readers: Record<string, { takes: (token: string) => Promise<boolean>; only: readonly Kind[] }> = {
  '/introspect and /revoke': {
    takes: async (token) => (await verifyOwnToken(token, { keys: ours.keys, ourIssuer, now })) !== undefined,
    only: ['an access token for a target', 'an access token for /userinfo'],
  },
  '/userinfo': {
    takes(token) {
      const { accounts } = memoryStores()
      return passes(userinfo(token, { ...context(), ports: { ...ports, accounts } }))
    },
    only: ['an access token for /userinfo'],
  },
  id_token_hint: {
    takes: async (token) => (await verifyIdTokenHint(token, { keys: ours.keys, ourIssuer, clients })) !== undefined,
    only: ['an ID token'],
  },
  'subject_token, as a JWT': { takes: exchanged(JWT_TYPE), only: [] },
  'subject_token, as an ID token': { takes: exchanged(ID_TOKEN_TYPE), only: [] },
  'subject_token, as an access token': { takes: exchanged(ACCESS_TOKEN_TYPE), only: [] },
  client_assertion: {
    takes(client_assertion) {
      const proof = { client_id: 'pod', client_assertion_type: JWT_BEARER_ASSERTION, client_assertion }
      const asked = { grant_type: TOKEN_EXCHANGE_GRANT, subject_token: 'x', subject_token_type: JWT_TYPE }
      return grantToken(form({ ...asked, ...proof }), undefined, context()).then(
        () => assert.fail('a subject token that is none was taken'),
        // A client that is believed comes as far as its subject token.
        (error) => reasonOf(error) !== 'client_assertion_refused',
      )
    },
    only: [],
  },
  '/callback': {
    takes: (token) =>
      passes(
        verifySubjectToken(token, ID_TOKEN_TYPE, {
          issuers: policy.issuers,
          ourIssuer,
          keySets: ports.keySets,
          now,
          signal,
        }),
      ),
    only: [],
  },
  ...Object.fromEntries(
    audiences.map((audience) => [
      `token-broker/verify for ${audience}`,
      {
        only: audience.endsWith('.test')
          ? (['an access token for a target'] as const).filter(() => audience === 'https://api.test')
          : (['an access token for /userinfo'] as const).filter(() => audience.endsWith('/userinfo')),
        takes: (token: string) =>
          passes(
            verifierOf(
              { issuer: ourIssuer, audience, scopes: [], clockTolerance: 5 },
              {
                find: (kid) => {
                  const key = keySet.keys.find((each) => each.kid === kid)
                  return Promise.resolve(key && { key, introspection_endpoint: undefined })
                },
              },
              () => now * 1_000,
            )(token),
          ),
      },
    ]),
  ),
}

async function passes(work: Promise<unknown>): Promise<boolean> {
  try {
    await work
    return true
  } catch (error) {
    reasonOf(error)
    return false
  }
}

/** Throws what is no refusal. */
function reasonOf(error: unknown): string {
  if (error instanceof RefusedError) return error.refusal.reason
  if (error instanceof InvalidTokenError) return error.name
  throw error
}

for (const [place, { takes, only }] of Object.entries(readers))
  for (const kind of Object.keys(kinds) as Kind[])
    test(`${kind} ${only.includes(kind) ? 'passes' : 'does not pass'} at ${place}`, async () => {
      assert.equal(await takes(kinds[kind]), only.includes(kind))
    })

test('RFC 8725 section 3.11: what only its type tells apart has a type of its own', () => {
  assert.deepEqual(
    Object.values(kinds).map((token) => decodeProtectedHeader(token).typ),
    ['at+jwt', 'at+jwt', 'JWT', 'token-introspection+jwt', 'userinfo+jwt', 'JWT'],
  )
})
