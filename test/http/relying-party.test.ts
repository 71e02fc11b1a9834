import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { clientSecret, handMadeUpstream, relyingParty, signal } from './upstream-fixture.ts'

describe('the way to the issuer', () => {
  test('names the request, the browser by its state and nonce, and the verifier only by its challenge', async (t) => {
    const { upstream, document } = await handMadeUpstream(t)
    document.authorization_endpoint = `${upstream.issuer}/authorize?tenant=7`
    const binding = {
      state: 'the-state',
      nonce: 'the-nonce',
      // RFC 7636 appendix B
      code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    }
    const url = new URL(await relyingParty().authorizationUrl(upstream, binding, {}, signal))
    assert.equal(url.origin + url.pathname, `${upstream.issuer}/authorize`)
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      tenant: '7',
      response_type: 'code',
      client_id: 'our client',
      redirect_uri: 'https://broker.example/callback/acme',
      scope: 'openid email',
      state: 'the-state',
      nonce: 'the-nonce',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    })
  })

  test('says what else was asked for, a max_age of 0 too', async (t) => {
    const { upstream, binding } = await handMadeUpstream(t)
    const url = await relyingParty().authorizationUrl(
      upstream,
      binding,
      { login_hint: 'ada@acme.example', prompt: 'login', max_age: 0, acr_values: ['a', 'b'], ui_locales: 'de en' },
      signal,
    )
    const { login_hint, prompt, max_age, acr_values, ui_locales } = Object.fromEntries(new URL(url).searchParams)
    assert.deepEqual(
      [login_hint, prompt, max_age, acr_values, ui_locales],
      ['ada@acme.example', 'login', '0', 'a b', 'de en'],
    )
  })
})

test('only what it needs is asked at the token endpoint, and the redirect URI is the same', async (t) => {
  const issuer = await handMadeUpstream(t)
  issuer.document.mtls_endpoint_aliases = { token_endpoint: 'https://elsewhere.example/token' }
  await relyingParty().redeem(issuer.upstream, issuer.binding, issuer.query({ x: 'y', access_token: 'z' }), signal)
  const { path, body } = issuer.requests.at(-1)!
  const { client_assertion, ...rest } = Object.fromEntries(body)
  assert.equal(path, '/token')
  assert.deepEqual(rest, {
    grant_type: 'authorization_code',
    code: 'the-code',
    redirect_uri: 'https://broker.example/callback/acme',
    code_verifier: issuer.binding.code_verifier,
    client_id: 'our client',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  })
  assert.ok(client_assertion)
})

describe('our secret', () => {
  const byHeader = (authorization: string | undefined) => {
    // RFC 6749 section 2.3.1
    const [, encoded = ''] = /^Basic (.*)$/.exec(authorization ?? '') ?? []
    return Buffer.from(encoded, 'base64')
      .toString()
      .split(':')
      .map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
  }

  for (const [what, methods] of [
    ['does not say', undefined],
    ['takes both ways', ['client_secret_post', 'client_secret_basic']],
    ['lists no way of a secret', ['private_key_jwt']],
  ] as const) {
    test(`goes into the header where the issuer ${what}`, async (t) => {
      const issuer = await handMadeUpstream(t)
      issuer.document.token_endpoint_auth_methods_supported = methods
      const upstream = { ...issuer.upstream, auth: { client_secret: 'acme-secret' } }
      const party = relyingParty()
      await party.redeem(upstream, issuer.binding, issuer.query(), signal)
      const { headers, body } = issuer.requests.at(-1)!
      assert.deepEqual(byHeader(headers.authorization), ['our client', clientSecret])
      assert.deepEqual(
        [body.has('client_secret'), body.has('client_assertion'), body.has('client_id')],
        [false, false, false],
      )
      assert.deepEqual(party.secret.asked, ['find acme-secret'])
    })
  }

  test('goes into the body where the issuer takes it nowhere else', async (t) => {
    const issuer = await handMadeUpstream(t)
    issuer.document.token_endpoint_auth_methods_supported = ['client_secret_post']
    const upstream = { ...issuer.upstream, auth: { client_secret: 'acme-secret' } }
    await relyingParty().redeem(upstream, issuer.binding, issuer.query(), signal)
    const { headers, body } = issuer.requests.at(-1)!
    assert.deepEqual(
      [headers.authorization, body.get('client_id'), body.get('client_secret')],
      [undefined, 'our client', clientSecret],
    )
  })

  test('is asked for when a code is traded, and not before', async (t) => {
    const issuer = await handMadeUpstream(t)
    const upstream = { ...issuer.upstream, auth: { client_secret: 'acme-secret' } }
    const party = relyingParty()
    await party.authorizationUrl(upstream, issuer.binding, {}, signal)
    await assert.rejects(
      party.redeem(upstream, issuer.binding, issuer.query({ code: undefined, error: 'access_denied' }), signal),
    )
    assert.deepEqual(party.secret.asked, [])
  })

  test('that is refused is tried again only where there is a new one, and once', async (t) => {
    const issuer = await handMadeUpstream(t)
    const upstream = { ...issuer.upstream, auth: { client_secret: 'acme-secret' } }
    issuer.answers.token = (response) => response.writeHead(401).end()
    const refused = new UnavailableError('upstream', 'acme: token endpoint: our client authentication is refused')
    const tried = () => issuer.requests.filter(({ path }) => path === '/token').length
    const party = relyingParty()
    await assert.rejects(party.redeem(upstream, issuer.binding, issuer.query(), signal), refused)
    assert.deepEqual([tried(), party.secret.asked], [1, ['find acme-secret', 'renew acme-secret']])
    party.secret.current = 'rotated'
    await assert.rejects(party.redeem(upstream, issuer.binding, issuer.query(), signal), refused)
    assert.equal(tried(), 3)
  })

  test('or signature that cannot be had is what is unavailable', async (t) => {
    const issuer = await handMadeUpstream(t)
    const fails = (error: Error) => async () => {
      throw error
    }
    const [secretsOut, kmsOut] = [
      new UnavailableError('secrets', 'ThrottlingException'),
      new UnavailableError('kms', 'x'),
    ]
    const party = relyingParty({
      secrets: { find: fails(secretsOut), renew: fails(secretsOut) },
      assertions: { issue: fails(kmsOut) },
    })
    const bySecret = { ...issuer.upstream, auth: { client_secret: 'acme-secret' } }
    await assert.rejects(party.redeem(bySecret, issuer.binding, issuer.query(), signal), secretsOut)
    await assert.rejects(party.redeem(issuer.upstream, issuer.binding, issuer.query(), signal), kmsOut)
    assert.equal(issuer.requests.filter(({ path }) => path === '/token').length, 0)
  })
})

describe('the metadata', () => {
  async function remembered(t: TestContext) {
    const issuer = await handMadeUpstream(t)
    const party = relyingParty()
    const working = issuer.answers.discovery
    return {
      party,
      issuer,
      ask: () => party.authorizationUrl(issuer.upstream, issuer.binding, {}, signal),
      fetches: () => issuer.requests.length,
      goesDown: () => void (issuer.answers.discovery = (response) => response.writeHead(500).end()),
      comesBack: () => void (issuer.answers.discovery = working),
    }
  }
  const down = new UnavailableError('upstream', 'acme: discovery: answered 500')

  test('is fetched once in 10 min, and for all who ask at once', async (t) => {
    const { party, ask, fetches } = await remembered(t)
    await Promise.all([ask(), ask(), ask()])
    party.clock.now += 599
    await ask()
    assert.equal(fetches(), 1)
    party.clock.now += 1
    await ask()
    assert.equal(fetches(), 2)
  })

  test('that cannot be had anew serves until it is an hour old, and the operator is told', async (t) => {
    const { party, ask, fetches, goesDown, comesBack } = await remembered(t)
    await ask()
    goesDown()
    party.clock.now += 600
    await ask()
    const fields = { issuer: 'acme', age: 600, detail: down.message }
    assert.deepEqual(party.logged, [{ message: 'stale_metadata_served', fields }])
    party.clock.now += 29
    await ask()
    assert.equal(fetches(), 2, 'not asked for again within 30 s')
    party.clock.now += 1
    await ask()
    assert.equal(fetches(), 3)
    party.clock.now += 3_600 - 630 - 1
    await ask()
    party.clock.now += 1
    await assert.rejects(ask(), down)
    comesBack()
    await ask()
  })

  test('that was never had is asked for every time', async (t) => {
    const { ask, fetches, goesDown, comesBack } = await remembered(t)
    goesDown()
    await assert.rejects(ask(), down)
    comesBack()
    await ask()
    assert.equal(fetches(), 2)
  })

  test('is fetched anew when the clock was set back', async (t) => {
    const { party, ask, fetches } = await remembered(t)
    await ask()
    party.clock.now -= 1
    await ask()
    assert.equal(fetches(), 2)
  })
})
