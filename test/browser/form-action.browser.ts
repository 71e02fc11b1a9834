import assert from 'node:assert/strict'
import { after } from 'node:test'
import { consentPage } from '../../lib/pages/consent-page.ts'
import { branding, question } from '../pages/sample-pages.ts'
import { withBrowser } from './with-browser.ts'
import { federation } from './federation.ts'

const page = consentPage(branding, question)
const { broker, close } = await federation({ strict: { ...page, csp: `${page.csp}; form-action 'self'` } })
after(close)

withBrowser(
  'a browser applies form-action to the redirects after a form, which is why our forms go without',
  async (page) => {
    await page.goto(`${broker.origin}/strict`)
    const complaint = page.waitForEvent('console')
    await page.click('#consent-allow')
    assert.match((await complaint).text(), /form-action/)
    assert.equal(page.url(), `${broker.origin}/strict`)
  },
  { expected: /form-action/ },
)
