import assert from 'node:assert/strict'
import { after } from 'node:test'
import type { Page } from 'playwright-core'
import { toBranding } from '../../lib/pages/branding.ts'
import { choicePage } from '../../lib/pages/choice-page.ts'
import { consentPage } from '../../lib/pages/consent-page.ts'
import { errorPage } from '../../lib/pages/error-page.ts'
import { branding, choice, formPost, question, samplePages, upstreamFailure } from '../pages/sample-pages.ts'
import { assertAccessible, tabs } from './accessibility.ts'
import { withBrowser } from './with-browser.ts'
import { federation } from './federation.ts'

const long = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft'
const longPages = {
  'choice with long names': choicePage(toBranding({ name: long }, 'https://broker.acme.dev'), {
    ...choice,
    client_name: long,
    issuers: choice.issuers.map((issuer) => ({ ...issuer, display_name: long })),
    unknown: true,
  }),
  'consent with long names': consentPage(branding, {
    ...question,
    client_name: long,
    person: `${long}@partner.example`,
    target: { name: 'warehouse', scopes: ['https://warehouse.acme.dev/stock.read', `${long.slice(0, 20)}:read`] },
  }),
  'error with long names': errorPage(branding, {
    ...upstreamFailure,
    upstream: { issuer: long, trouble: 'unavailable' },
    back: { href: 'https://orders.acme.dev/', client_name: long },
  }),
}

// The second asks other servers: see logout.browser.ts.
const { form_post: _, 'logged out, and clients told': __, ...quietPages } = samplePages
const pages = { ...quietPages, ...longPages }
const { application, broker, close } = await federation(pages)
after(close)

const at = (name: string) => `${broker.origin}/${encodeURIComponent(name)}`
const welcomed = (page: Page) => page.waitForURL(`${application.origin}/home`)

for (const [look, options] of [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['forced', { forcedColors: 'active' }],
] as const) {
  withBrowser(
    `axe finds nothing on pages in ${look} colours`,
    async (page) => {
      for (const name of Object.keys(pages)) {
        await page.goto(at(name))
        await assertAccessible(page, name)
      }
    },
    options,
  )
}

withBrowser(
  'no page is wider than a window of 320 pixels',
  async (page) => {
    for (const name of Object.keys(pages)) {
      await page.goto(at(name))
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320, name)
    }
  },
  // WCAG 2.2 section 1.4.10: what a window of 1280 by 1024 shows at 400 %.
  { viewport: { width: 320, height: 256 }, deviceScaleFactor: 4 },
)

withBrowser(
  'with text of twice the size nothing is cut off',
  async (page) => {
    const session = await page.context().newCDPSession(page)
    // WCAG 2.2 section 1.4.4
    await session.send('Page.setFontSizes', { fontSizes: { standard: 32, fixed: 26 } })
    for (const name of Object.keys(pages)) {
      await page.goto(at(name))
      assert.equal(await page.evaluate('getComputedStyle(document.body).fontSize'), '32px')
      const cut = await page.evaluate(`[...document.querySelectorAll('body *')]
        .filter(({ scrollWidth, clientWidth }) => clientWidth > 0 && scrollWidth > clientWidth + 1)
        .map(({ outerHTML }) => outerHTML.slice(0, 80))`)
      assert.deepEqual(cut, [], name)
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 640, name)
    }
  },
  { viewport: { width: 640, height: 512 } },
)

withBrowser('with keys alone an issuer is chosen', async (page) => {
  await page.goto(at('choice'))
  assert.deepEqual(await tabs(page, 2), ['issuer-partner', 'issuer-staff-eu'])
  await page.keyboard.press('Enter')
  await welcomed(page)
  assert.equal(broker.received.at(-1)?.url, choice.issuers[1]?.href)
})

withBrowser('with keys alone an address is typed', async (page) => {
  await page.goto(at('choice'))
  assert.equal(
    (await tabs(page, 5)).join(' '),
    'issuer-partner issuer-staff-eu issuer-school login-hint login-hint-continue',
  )
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.type('ada+orders@partner.example')
  await page.keyboard.press('Enter')
  await welcomed(page)
  assert.equal(broker.received.at(-1)?.url, `/login?id=${choice.login_id}&login_hint=ada%2Borders%40partner.example`)
})

for (const [answer, presses] of [
  ['allow', 1],
  ['deny', 2],
] as const) {
  withBrowser(`with keys alone a person answers ${answer}`, async (page) => {
    await page.goto(at('consent'))
    assert.equal((await tabs(page, presses)).at(-1), `consent-${answer}`)
    await page.keyboard.press('Enter')
    await welcomed(page)
    const body = `id=${question.login_id}&proof=${question.proof}&decision=${answer}`
    assert.deepEqual(broker.received.at(-1), { method: 'POST', url: '/consent', body })
  })
}

withBrowser('with keys alone a person leaves an error', async (page) => {
  await page.goto(at('error at an issuer'))
  assert.deepEqual(await tabs(page, 2), ['again', 'back'])
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Enter')
  await welcomed(page)
  assert.equal(broker.received.at(-1)?.url, upstreamFailure.again)
})

const posted = { method: 'POST', url: '/cb?tenant=a', body: new URLSearchParams(formPost.parameters).toString() }

withBrowser('form_post sends itself, and the application may send the browser on to another site', async (page) => {
  await page.goto(at('auto'))
  await welcomed(page)
  assert.deepEqual(
    application.received.findLast(({ method }) => method === 'POST'),
    posted,
  )
})

withBrowser(
  'without script a person chooses, answers and continues',
  async (page) => {
    await page.goto(at('choice'))
    await page.click('#issuer-school')
    await welcomed(page)
    await page.goto(at('choice'))
    await page.fill('#login-hint', 'ada@partner.example')
    await page.click('#login-hint-continue')
    await welcomed(page)
    await page.goto(at('consent'))
    await page.click('#consent-deny')
    await welcomed(page)
    assert.match(broker.received.at(-1)?.body ?? '', /&decision=deny$/)
    await page.goto(at('auto'))
    await page.click('#continue')
    await welcomed(page)
    assert.deepEqual(
      application.received.findLast(({ method }) => method === 'POST'),
      posted,
    )
  },
  { javaScriptEnabled: false },
)

withBrowser('an application that logs in by a popup hears of it', async (page) => {
  await page.goto(`${application.otherOrigin}/popup`)
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.click('button')])
  await Promise.all([popup.waitForEvent('close'), popup.click('#issuer-partner')])
  assert.equal(await page.title(), 'Logged in')
})

withBrowser(
  'no other site has a page of ours in a frame',
  async (page) => {
    await page.goto(`${application.otherOrigin}/frame`)
    await page.waitForLoadState()
    assert.equal(await page.frames()[1]?.evaluate("document.querySelector('form')"), null)
  },
  { expected: /frame-ancestors|X-Frame-Options|chrome-error/i },
)
