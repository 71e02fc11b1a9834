import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choicePage } from '../../lib/pages/choice-page.ts'
import { consentPage } from '../../lib/pages/consent-page.ts'
import { errorPage, type PageError } from '../../lib/pages/error-page.ts'
import { formPostPage } from '../../lib/pages/form-post-page.ts'
import { toUpstreamTrouble } from '../../lib/pages/upstream-trouble.ts'
import { identityScopes } from '../../lib/protocol/identity.ts'
import { byId, byTag, elementsOf, parsePage, textOf, type Element } from './parsed-page.ts'
import { branding, choice, failure, formPost, question, registered, upstreamFailure } from './sample-pages.ts'

const mainOf = ({ html }: { html: string }) => byTag(parsePage(html), 'main')
const all = (page: Element, tag: string) => elementsOf(page).filter((each) => each.tag === tag)
const has = (page: Element, id: string) => elementsOf(page).some(({ attributes }) => attributes.id === id)

test('issuers stand in their order, each with an id of its own', () => {
  const links = all(mainOf(choicePage(branding, choice)), 'a')
  assert.deepEqual(
    links.map((link) => [link.attributes.id, textOf(link), link.attributes.href]),
    choice.issuers.map(({ name, display_name, href }) => [
      `issuer-${name === 'staff/eu' ? 'staff-eu' : name}`,
      display_name,
      href,
    ]),
  )
})

test('an address can be typed only where it can decide, and is asked for again where it does not', () => {
  assert.equal(all(mainOf(choicePage(branding, { ...choice, byAddress: false })), 'form').length, 0)
  const asked = mainOf(choicePage(branding, choice))
  assert.deepEqual({ ...byTag(asked, 'form').attributes }, { class: 'or', method: 'get', action: '/login' })
  const { type, autocomplete, name } = byId(asked, 'login-hint').attributes
  assert.deepEqual([type, autocomplete, name], ['email', 'username', 'login_hint'])
  assert.ok(!has(asked, 'login-hint-error'))
  const again = mainOf(choicePage(branding, { ...choice, unknown: true }))
  assert.match(textOf(byId(again, 'login-hint-error')), /^We do not know/)
  assert.equal(byId(again, 'login-hint').attributes['aria-invalid'], 'true')
})

test('consent is asked to every scope in words', () => {
  const items = all(mainOf(consentPage(branding, { ...question, scopes: identityScopes })), 'li').map(textOf)
  assert.equal(new Set(items).size, identityScopes.length + 1)
  for (const scope of identityScopes) assert.ok(!items.includes(scope))
  assert.equal(items.at(-1), 'use warehouse for you: stock:read, stock:reserve')
})

test('consent to a target without scopes names the target', () => {
  const page = mainOf(consentPage(branding, { ...question, target: { name: 'warehouse', scopes: [] } }))
  assert.equal(all(page, 'li').map(textOf).at(-1), 'use warehouse for you')
})

test('a person without a name, or with one that nobody sees, is known by the issuer', () => {
  for (const person of [undefined, '', '\u202e\u200b'])
    assert.match(
      textOf(mainOf(consentPage(branding, { ...question, person }))),
      /You are logged in at Partner Inc\. If you/,
    )
})

test('of a client that registered itself people are told so, its host, and the host of each link', () => {
  const page = mainOf(consentPage(branding, { ...question, registered }))
  assert.match(
    textOf(byId(page, 'consent-registered')),
    /^This application registered itself, and chose the name Orders/,
  )
  assert.equal(textOf(byId(page, 'consent-host')), 'orders.acme.dev')
  for (const [id, href, host] of [
    ['consent-policy', registered.policy_uri, 'orders.acme.dev'],
    ['consent-terms', registered.tos_uri, 'terms.example'],
  ] as const) {
    assert.equal(byId(page, id).attributes.href, href)
    assert.equal(byId(page, id).attributes.rel, 'noopener noreferrer')
    assert.ok(all(page, 'li').some((item) => textOf(item).endsWith(` at ${host}`)))
  }
  const without = { host: '127.0.0.1:8080', policy_uri: undefined, tos_uri: undefined }
  const silent = mainOf(consentPage(branding, { ...question, registered: without }))
  assert.equal(all(silent, 'a').length, 0)
  assert.equal(all(silent, 'ul').length, 1)
  assert.ok(!has(mainOf(consentPage(branding, question)), 'consent-registered'))
})

test('the answer is one of two buttons, sent by POST with the proof', () => {
  const page = mainOf(consentPage(branding, question))
  assert.deepEqual({ ...byTag(page, 'form').attributes }, { method: 'post', action: '/consent' })
  assert.deepEqual(
    all(page, 'button').map(({ attributes: { id, name, value } }) => [id, name, value]),
    [
      ['consent-allow', 'decision', 'allow'],
      ['consent-deny', 'decision', 'deny'],
    ],
  )
  assert.deepEqual(
    all(page, 'input').map(({ attributes: { type, name, value } }) => [type, name, value]),
    [
      ['hidden', 'id', question.login_id],
      ['hidden', 'proof', question.proof],
    ],
  )
})

for (const [title, error, heading, text] of [
  ['a mistake', {}, 'This did not work', /application\. Go back to the application/],
  ['a wrong path', { status: 404 }, 'There is nothing here', /Go back/],
  ['a refusal', { status: 403 }, 'Not allowed', /If you should have access/],
  ['an outage', { status: 503 }, 'Not available right now', /Try again in a minute/],
  ['a fault of ours', { status: 500 }, 'This did not work', /Try again\. If it happens once more/],
  [
    'a login that was cancelled',
    { upstream: { issuer: 'Partner Inc.', trouble: 'cancelled' } },
    'You are not logged in',
    /The login at Partner Inc\. was cancelled/,
  ],
  [
    'an issuer that is away',
    { upstream: { issuer: 'Partner Inc.', trouble: 'unavailable' } },
    'Partner Inc. does not answer',
    /Try again in a minute/,
  ],
  [
    'an issuer that knows us otherwise',
    { upstream: { issuer: 'Partner Inc.', trouble: 'misconfigured' } },
    'The login at Partner Inc. does not work',
    /no mistake of yours\. Please give/,
  ],
] as const satisfies readonly (readonly [string, Partial<PageError>, string, RegExp])[]) {
  test(`of ${title} a person reads what it is, what to do, and by what others find it`, () => {
    const page = mainOf(errorPage(branding, { ...failure, ...error }))
    assert.equal(textOf(byTag(page, 'h1')), heading)
    assert.match(textOf(page), text)
    assert.equal(textOf(byId(page, 'decision-id')), failure.decision_id)
    assert.match(textOf(page), new RegExp(`Error ${{ ...failure, ...error }.status}\\b`))
  })
}

test('a way on and a way back stand there only if they are given', () => {
  assert.equal(all(mainOf(errorPage(branding, failure)), 'a').length, 0)
  assert.deepEqual(
    all(mainOf(errorPage(branding, upstreamFailure)), 'a').map(({ attributes: { id } }) => id),
    ['again', 'back'],
  )
  for (const only of ['again', 'back'] as const) {
    const page = mainOf(errorPage(branding, { ...failure, [only]: upstreamFailure[only] }))
    assert.deepEqual(
      all(page, 'a').map(({ attributes: { id } }) => id),
      [only],
    )
  }
})

for (const [error, trouble] of [
  ['access_denied', 'cancelled'],
  ['login_required', 'cancelled'],
  ['interaction_required', 'cancelled'],
  ['consent_required', 'cancelled'],
  ['account_selection_required', 'cancelled'],
  ['server_error', 'unavailable'],
  ['temporarily_unavailable', 'unavailable'],
  ['unauthorized_client', 'misconfigured'],
  ['invalid_scope', 'misconfigured'],
  ['other', 'misconfigured'],
] as const) {
  test(`${error} of an issuer is ${trouble} to a person`, () => {
    assert.equal(toUpstreamTrouble(error), trouble)
  })
}

test('form_post holds the answer and a button for who runs no script', () => {
  const page = mainOf(formPostPage(branding, formPost))
  assert.deepEqual(
    Object.fromEntries(all(page, 'input').map(({ attributes: { name, value } }) => [name, value])),
    formPost.parameters,
  )
  assert.deepEqual({ ...byTag(page, 'form').attributes }, { method: 'post', action: formPost.redirect_uri })
  // With a name it would be sent along.
  assert.deepEqual(Object.keys(byId(page, 'continue').attributes), ['id', 'class'])
})
