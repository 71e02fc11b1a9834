import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { openidRelyingParty, type RelyingPartyOptions } from '../../lib/http/relying-party.ts'
import type { RelyingParty, Secrets, Signer, Upstream, UpstreamBinding } from '../../lib/ports.ts'
import type { SigningAlgorithm } from '../../lib/protocol/algorithms.ts'
import { signedClientAssertions } from '../../lib/tokens/client-assertion.ts'
import { serve } from './test-server.ts'

export const ourIssuer = 'https://broker.example'
export const signal = AbortSignal.timeout(60_000)
export const clientSecret = 'a secret: with/odd+characters%'

const keys = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
export const publicKeys = Object.entries(keys).map(([alg, { publicKey }]) => {
  return { ...publicKey.export({ format: 'jwk' }), kid: `our-${alg}`, alg, use: 'sig' }
})

export const signer: Signer = {
  activeKey: (alg) => ({ kid: `our-${alg}`, alg }),
  sign: async (key, input) => sign('sha256', input, { key: keys[key.alg].privateKey, dsaEncoding: 'ieee-p1363' }),
}

/** What a browser is bound by, as callers derive it. */
export function newBinding(): UpstreamBinding {
  const random = () => randomBytes(32).toString('base64url')
  return { state: random(), nonce: random(), code_verifier: random() }
}

export interface TestRelyingParty extends RelyingParty {
  /** Stands still unless a test moves it. */
  clock: { now: number }
  secret: { current: string; asked: string[] }
  logged: { message: string; fields: Record<string, unknown> }[]
}

export function relyingParty(
  options: Partial<RelyingPartyOptions> & { algorithms?: SigningAlgorithm[] } = {},
): TestRelyingParty {
  const clock = { now: 1_800_000_000 }
  const secret = { current: clientSecret, asked: [] as string[] }
  const logged: TestRelyingParty['logged'] = []
  const secrets: Secrets = {
    async find(name) {
      secret.asked.push(`find ${name}`)
      return clientSecret
    },
    async renew(name, refused) {
      secret.asked.push(`renew ${name}`)
      return secret.current === refused ? undefined : secret.current
    },
  }
  const { algorithms = ['ES256', 'RS256'], ...rest } = options
  const party = openidRelyingParty({
    issuer: ourIssuer,
    local: true,
    now: () => clock.now,
    log: { warn: (message, fields) => void logged.push({ message, fields }) },
    secrets,
    assertions: signedClientAssertions({
      signer,
      algorithms,
      // The issuer's clock is the real one.
      now: () => Math.floor(Date.now() / 1000),
      newId: () => randomBytes(16).toString('base64url'),
    }),
    ...rest,
  })
  return { ...party, clock, secret, logged }
}

export interface HandMadeUpstream {
  upstream: Upstream
  binding: UpstreamBinding
  requests: { path: string; headers: IncomingMessage['headers']; body: URLSearchParams }[]
  /** What it answers: to change for a test. */
  answers: {
    discovery: Answer
    token: Answer
    userinfo: Answer
  }
  /** Its own, which a test may spoil. */
  document: Record<string, unknown>
  tokens: Record<string, unknown>
  claims: Record<string, unknown>
  /** A proper answer, with changes: the callback's query. */
  query: (changes?: Record<string, string | undefined>) => string
}

type Answer = (response: ServerResponse) => unknown

/** An issuer that signs nothing and checks nothing, so that a test may let it say anything. */
export async function handMadeUpstream(t: TestContext): Promise<HandMadeUpstream> {
  const port = await serve(t, (request, response) => void answer(request, response))
  const issuer = `http://127.0.0.1:${port}`
  const binding = newBinding()
  const json = (value: () => unknown) => (response: ServerResponse) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(value()))
  const made: HandMadeUpstream = {
    upstream: { name: 'acme', issuer, client_id: 'our client', auth: 'private_key_jwt', scopes: ['openid', 'email'] },
    binding,
    requests: [],
    document: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/jwks`,
      id_token_signing_alg_values_supported: ['RS256'],
      authorization_response_iss_parameter_supported: true,
    },
    claims: { iss: issuer, sub: 'ada', aud: 'our client', iat: 1, exp: 2, nonce: binding.nonce },
    tokens: { access_token: 'access', token_type: 'Bearer', expires_in: 60 },
    answers: {
      discovery: json(() => made.document),
      token: json(() => ({ id_token: idToken(made.claims), ...made.tokens })),
      userinfo: json(() => ({ sub: 'ada', email: 'ada@acme.example' })),
    },
    query(changes = {}) {
      const parameters = Object.entries({ code: 'the-code', state: binding.state, iss: issuer, ...changes })
      return new URLSearchParams(
        parameters.filter((entry): entry is [string, string] => entry[1] !== undefined),
      ).toString()
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString()
    const { pathname } = new URL(request.url ?? '', issuer)
    made.requests.push({ path: pathname, headers: request.headers, body: new URLSearchParams(body) })
    if (pathname === '/token') made.answers.token(response)
    else if (pathname === '/userinfo') made.answers.userinfo(response)
    else made.answers.discovery(response)
  }

  return made
}

/** Its signature is none: whoever redeems a code does not look at it. */
export function idToken(claims: Record<string, unknown>, header: Record<string, unknown> = { alg: 'RS256' }): string {
  const segment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${segment(header)}.${segment(claims)}.${createHash('sha256').digest('base64url')}`
}
