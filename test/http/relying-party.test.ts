import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { handMadeUpstream, relyingParty, signal } from './upstream-fixture.ts'

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
      redirect_uri: 'https://broker.example/callback',
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
