import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toBranding } from '../../lib/pages/branding.ts'
import { choicePage } from '../../lib/pages/choice-page.ts'
import { consentPage } from '../../lib/pages/consent-page.ts'
import { errorPage } from '../../lib/pages/error-page.ts'
import { formPostPage } from '../../lib/pages/form-post-page.ts'
import type { Page } from '../../lib/pages/layout.ts'
import { byId, byTag, elementsOf, find, parsePage, textOf, type Element } from './parsed-page.ts'
import { branding, choice, failure, formPost, question, registered, upstreamFailure } from './sample-pages.ts'

const hostile = [
  '"><script>alert(1)</script>',
  "' onmouseover='alert(1)",
  '" autofocus onfocus="alert(1)',
  '</style><script>alert(1)</script>',
  '</title></bdi></main><form action="https://evil.test">',
  '<!-- <img src=x onerror=alert(1)>',
  '&lt;b&gt; &amp; &#0; &',
  '${alert(1)} {{7*7}} <%= 7 %>',
  'javascript:alert(1)',
]

type Case = [title: string, make: (value: string) => Page, where: (page: Element) => string | undefined]

const hidden = (name: string) => (page: Element) =>
  find(page, ({ attributes }) => attributes.type === 'hidden' && attributes.name === name).attributes.value

const [issuer] = choice.issuers
assert.ok(issuer)

const cases: readonly Case[] = [
  [
    'the name of the operator',
    (name) => choicePage(toBranding({ name }, 'https://broker.acme.dev'), choice),
    (page) => textOf(byTag(page, 'header')),
  ],
  [
    'the client on the choice page',
    (client_name) => choicePage(branding, { ...choice, client_name }),
    (page) => textOf(byTag(page, 'h1')).slice('Log in to '.length),
  ],
  [
    'the client in a title',
    (client_name) => choicePage(branding, { ...choice, client_name }),
    (page) => textOf(byTag(page, 'title')).slice('Log in to '.length, -' · Acme'.length),
  ],
  [
    'an issuer to choose',
    (display_name) => choicePage(branding, { ...choice, issuers: [{ ...issuer, display_name }] }),
    (page) => textOf(byId(page, 'issuer-partner')),
  ],
  [
    'what chooses an issuer',
    (value) => choicePage(branding, { ...choice, issuers: [{ ...issuer, href: `/login?${value}` }] }),
    (page) => byId(page, 'issuer-partner').attributes.href?.slice('/login?'.length),
  ],
  [
    'the login on the choice page',
    (login_id) => choicePage(branding, { ...choice, login_id }),
    (page) => hidden('id')(page),
  ],
  [
    'the client on the consent page',
    (client_name) => consentPage(branding, { ...question, client_name }),
    (page) => textOf(byTag(page, 'h1')).slice(0, -' asks for access'.length),
  ],
  ['the person', (person) => consentPage(branding, { ...question, person }), (page) => textOf(byId(page, 'person'))],
  [
    'where the person has logged in',
    (issuer) => consentPage(branding, { ...question, person: undefined, issuer }),
    (page) => textOf(byTag(page, 'p', 0)).slice('You are logged in at '.length),
  ],
  [
    'a target',
    (name) => consentPage(branding, { ...question, scopes: [], target: { name, scopes: [] } }),
    (page) => textOf(byTag(page, 'li')).slice('use '.length, -' for you'.length),
  ],
  [
    'a scope',
    (scope) => consentPage(branding, { ...question, target: { name: 'warehouse', scopes: [scope] } }),
    (page) => textOf(byTag(page, 'code')),
  ],
  [
    'the login on the consent page',
    (login_id) => consentPage(branding, { ...question, login_id }),
    (page) => hidden('id')(page),
  ],
  ['the proof', (proof) => consentPage(branding, { ...question, proof }), (page) => hidden('proof')(page)],
  [
    'the phrase of an error',
    (phrase) => errorPage(branding, { ...failure, phrase: `the ${phrase}` }),
    (page) => textOf(byTag(page, 'p', 0)).slice('The '.length, -1),
  ],
  [
    'the decision',
    (decision_id) => errorPage(branding, { ...failure, decision_id }),
    (page) => textOf(byId(page, 'decision-id')),
  ],
  [
    'the name that a client chose for itself',
    (client_name) => consentPage(branding, { ...question, client_name, registered }),
    (page) => /chose the name (.*)\. You go back/s.exec(textOf(byId(page, 'consent-registered')))?.[1],
  ],
  [
    'the host of a client that registered itself',
    (host) => consentPage(branding, { ...question, registered: { ...registered, host } }),
    (page) => textOf(byId(page, 'consent-host')),
  ],
  [
    'the privacy policy of a client that registered itself',
    (value) =>
      consentPage(branding, { ...question, registered: { ...registered, policy_uri: `https://a.example/?${value}` } }),
    (page) => byId(page, 'consent-policy').attributes.href?.slice('https://a.example/?'.length),
  ],
  [
    'the issuer that does not answer',
    (issuer) => errorPage(branding, { ...upstreamFailure, upstream: { issuer, trouble: 'unavailable' } }),
    (page) => textOf(byTag(page, 'h1')).slice(0, -' does not answer'.length),
  ],
  [
    'the issuer that does not understand',
    (issuer) => errorPage(branding, { ...upstreamFailure, upstream: { issuer, trouble: 'misconfigured' } }),
    (page) => textOf(byTag(page, 'h1')).slice('The login at '.length, -' does not work'.length),
  ],
  [
    'the issuer at which a login was cancelled',
    (issuer) => errorPage(branding, { ...upstreamFailure, upstream: { issuer, trouble: 'cancelled' } }),
    (page) => textOf(byTag(page, 'p', 0)).slice('The login at '.length, -' was cancelled or denied there.'.length),
  ],
  [
    'where a login begins anew',
    (value) => errorPage(branding, { ...upstreamFailure, again: `/login?id=${value}` }),
    (page) => byId(page, 'again').attributes.href?.slice('/login?id='.length),
  ],
  [
    'where the client waits',
    (value) =>
      errorPage(branding, {
        ...failure,
        back: { href: `https://orders.acme.dev/cb?state=${value}`, client_name: 'A' },
      }),
    (page) => byId(page, 'back').attributes.href?.slice('https://orders.acme.dev/cb?state='.length),
  ],
  [
    'the client that waits',
    (client_name) => errorPage(branding, { ...failure, back: { href: 'https://orders.acme.dev/cb', client_name } }),
    (page) => textOf(byId(page, 'back')).slice('Back to '.length),
  ],
  [
    'the client of form_post',
    (client_name) => formPostPage(branding, { ...formPost, client_name }),
    (page) => textOf(byTag(page, 'h1')).slice('Back to '.length),
  ],
  [
    'a redirect URI',
    (value) => formPostPage(branding, { ...formPost, redirect_uri: `https://orders.acme.dev/cb?${value}` }),
    (page) => byTag(page, 'form').attributes.action?.slice('https://orders.acme.dev/cb?'.length),
  ],
  [
    'a state',
    (state) => formPostPage(branding, { ...formPost, parameters: { state } }),
    (page) => hidden('state')(page),
  ],
  [
    'the name of a parameter',
    (name) => formPostPage(branding, { ...formPost, parameters: { [name]: 'a' } }),
    (page) => find(page, ({ attributes }) => attributes.type === 'hidden').attributes.name,
  ],
]

for (const [title, make, where] of cases) {
  test(`${title} is text, whatever it is`, () => {
    const outline = outlineOf(parsePage(make('harmless').html))
    for (const value of hostile) {
      const page = parsePage(make(value).html)
      assert.equal(where(page), value)
      assert.deepEqual(outlineOf(page), outline)
    }
  })
}

/** All elements with the names of their attributes: what must not depend on a value. */
function outlineOf(page: Element): string[] {
  return elementsOf(page).map(({ tag, attributes }) => [tag, ...Object.keys(attributes)].join(' '))
}

test('no name reorders, hides or erases what stands beside it', () => {
  const client_name = 'Orders\u202e\u2066\u0000\n\u001b[2K\u200b\ufeff\u{e0041}'
  for (const { html } of [
    choicePage(branding, { ...choice, client_name, issuers: [{ ...issuer, display_name: client_name }] }),
    consentPage(branding, {
      ...question,
      client_name,
      issuer: client_name,
      person: client_name,
      target: { name: client_name, scopes: [client_name] },
    }),
    errorPage(branding, {
      ...upstreamFailure,
      upstream: { issuer: client_name, trouble: 'misconfigured' },
      back: { href: 'https://orders.acme.dev/', client_name },
    }),
    formPostPage(branding, { ...formPost, client_name }),
    choicePage(toBranding({ name: client_name }, 'https://broker.acme.dev'), choice),
  ])
    assert.doesNotMatch(html, /(?!\n)[\p{Cc}\p{Cf}]/u)
})

for (const href of [
  'javascript:alert(1)',
  ' \tjava\nscript:alert(1)',
  'JAVASCRIPT:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:a',
  'blob:https://orders.acme.dev/a',
  'file:///etc/passwd',
  'about:blank',
]) {
  test(`no page leads to ${JSON.stringify(href)}`, () => {
    for (const make of [
      () => choicePage(branding, { ...choice, issuers: [{ ...issuer, href }] }),
      () => errorPage(branding, { ...failure, again: href }),
      () => errorPage(branding, { ...failure, back: { href, client_name: 'Orders' } }),
      () => formPostPage(branding, { ...formPost, redirect_uri: href }),
    ])
      assert.throws(make, TypeError)
  })
}

for (const redirect_uri of ['http://127.0.0.1:3000/cb', 'https://orders.acme.dev/cb', 'dev.acme.orders:/cb']) {
  test(`an answer goes to ${redirect_uri} as it is`, () => {
    const page = parsePage(formPostPage(branding, { ...formPost, redirect_uri }).html)
    assert.equal(byTag(page, 'form').attributes.action, redirect_uri)
  })
}
