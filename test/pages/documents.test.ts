import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { toBranding } from '../../lib/pages/branding.ts'
import { errorPage } from '../../lib/pages/error-page.ts'
import { byTag, elementsOf, parsePage, textOf, type Element } from './parsed-page.ts'
import {
  branding,
  choice,
  failure,
  formPost,
  loggedOut,
  registered,
  samplePages,
  upstreamFailure,
} from './sample-pages.ts'

const all = (page: Element, tag: string) => elementsOf(page).filter((each) => each.tag === tag)
const sources = (page: Element, tag: string) =>
  all(page, tag).map(({ children: [text] }) => {
    const hash = createHash('sha256')
      .update(text as string)
      .digest('base64')
    return `'sha256-${hash}'`
  })

function directivesOf(csp: string): Map<string, string> {
  const directives = csp.split('; ').map((each) => /^([a-z-]+) (.+)$/.exec(each) ?? [])
  return new Map(directives.map(([, name = '', value = '']) => [name, value]))
}

for (const [name, { html, csp }] of Object.entries(samplePages)) {
  const page = parsePage(html)

  test(`${name}: the policy lets in what stands on the page, by its hash, and nothing else`, () => {
    const { 'form-action': _, 'frame-src': frames, ...directives } = Object.fromEntries(directivesOf(csp))
    assert.deepEqual(directives, {
      'default-src': "'none'",
      'style-src': sources(page, 'style').join(' '),
      ...(name === 'form_post' ? { 'script-src': sources(page, 'script').join(' ') } : {}),
      'img-src': 'data:',
      'base-uri': "'none'",
      'frame-ancestors': "'none'",
    })
    assert.equal(
      frames,
      name === 'logged out, and clients told' ? 'https://orders.acme.dev https://stock.acme.dev:8443' : undefined,
    )
    assert.equal(all(page, 'script').length, name === 'form_post' ? 1 : 0)
    for (const { attributes } of elementsOf(page))
      assert.deepEqual(
        Object.keys(attributes).filter((each) => each === 'style' || each.startsWith('on')),
        [],
      )
  })

  test(`${name}: nothing is loaded, and links lead where they were said to`, () => {
    const given = new Set([
      ...choice.issuers.map(({ href }) => href),
      upstreamFailure.again,
      upstreamFailure.back?.href,
      formPost.redirect_uri,
      branding.logo,
      '/login',
      '/consent',
      '/logout',
      '/logout/confirm',
      loggedOut.back,
      registered.policy_uri,
      registered.tos_uri,
      ...loggedOut.frames,
      'data:,',
    ])
    const places = elementsOf(page).flatMap(({ attributes: { src, href, action, srcset, formaction } }) =>
      [src, href, action, srcset, formaction].filter((place) => place !== undefined),
    )
    assert.deepEqual(
      places.filter((place) => !given.has(place)),
      [],
    )
    // A browser may ask for /favicon.ico where none is named.
    assert.deepEqual({ ...byTag(page, 'link').attributes }, { rel: 'icon', href: 'data:,' })
    for (const style of all(page, 'style')) assert.doesNotMatch(textOf(style), /url\(|@import|image-set|src\(/)
  })

  test(`${name}: who does not see it finds the way`, () => {
    assert.equal(byTag(page, 'html').attributes.lang, 'en')
    assert.match(textOf(byTag(page, 'title')), /^\S.+ · Acme$/)
    const [heading, ...others] = elementsOf(byTag(page, 'main')).filter(({ tag }) => /^h[1-6]$/.test(tag))
    assert.equal(heading?.tag, 'h1')
    assert.ok(textOf(heading).length > 0)
    assert.ok(others.every(({ tag }) => tag === 'h2'))
    const ids = elementsOf(page).flatMap(({ attributes: { id } }) => (id === undefined ? [] : [id]))
    assert.equal(new Set(ids).size, ids.length)
    for (const { attributes } of all(page, 'img')) assert.equal(attributes.alt, '')
    for (const { attributes } of all(page, 'input').filter((each) => each.attributes.type !== 'hidden')) {
      assert.equal(all(page, 'label').filter((label) => label.attributes.for === attributes.id).length, 1)
      assert.ok(attributes['aria-describedby'] === undefined || ids.includes(attributes['aria-describedby']))
    }
    for (const each of [...all(page, 'a'), ...all(page, 'button')]) assert.ok(textOf(each).length > 0)
  })
}

test('only a page that answers no form says where forms go', () => {
  const actions = Object.entries(samplePages).map(([name, { csp }]) => [name, directivesOf(csp).get('form-action')])
  assert.deepEqual(
    actions.filter(([, action]) => action !== undefined),
    [
      ['error', "'none'"],
      ['error at an issuer', "'none'"],
      ['error at a logout', "'none'"],
      ['logged out', "'none'"],
      ['logged out, and clients told', "'none'"],
      ['nobody is logged in', "'none'"],
      ['still logged in', "'none'"],
    ],
  )
})

test('another accent is another hash, beside that of the stylesheet', () => {
  const styles = ['#0a5fff', '#ffd400'].map((accent) => {
    const { csp } = errorPage(toBranding({ accent }, 'https://broker.acme.dev'), failure)
    return directivesOf(csp).get('style-src')?.split(' ') ?? []
  })
  assert.notEqual(styles[0]?.[0], styles[1]?.[0])
  assert.equal(styles[0]?.[1], styles[1]?.[1])
})
