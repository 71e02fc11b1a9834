import { html } from 'hono/html'
import type { Branding } from './branding.ts'
import { toDestination } from './destination.ts'
import { layout, name, type Markup, type Page } from './layout.ts'

export interface Choice {
  login_id: string
  client_name: string
  /** In order of display. `href`: what chooses it. */
  issuers: readonly { name: string; display_name: string; href: string }[]
  /** Whether an e-mail address can choose one. */
  byAddress: boolean
  /** Whether the one that was typed last names none of them. */
  unknown: boolean
}

/** At which issuer a person logs in. */
export function choicePage(branding: Branding, choice: Choice): Page {
  const { client_name, issuers, byAddress } = choice
  return layout(branding, {
    title: `Log in to ${client_name}`,
    heading: html`Log in to ${name(client_name)}`,
    body: html` <p>Choose where you have your account.</p>
      <ul class="choices" role="list">
        ${issuers.map(
          (issuer) =>
            html` <li>
              <a id="issuer-${issuer.name.replaceAll('/', '-')}" href="${toDestination(issuer.href)}"
                >${name(issuer.display_name)}</a
              >
            </li>`,
        )}
      </ul>
      ${byAddress && addressForm(choice)}`,
  })
}

/** GET, and answered with a redirect to the issuer: see docs/pages.md for why no form-action goes with it. */
function addressForm({ login_id, unknown }: Choice): Markup {
  return html`<form class="or" method="get" action="/login">
    <h2>Or use your e-mail address</h2>
    <input type="hidden" name="id" value="${login_id}" />
    <label for="login-hint">E-mail address</label>
    ${unknown && html`<p id="login-hint-error" class="error">We do not know where people with this address log in. Check it, or choose from the list.</p>`}
    <input
      id="login-hint"
      name="login_hint"
      type="email"
      autocomplete="username"
      maxlength="320"
      required${unknown && html` aria-invalid="true" aria-describedby="login-hint-error"`}
    />
    <div class="actions"><button id="login-hint-continue">Continue</button></div>
  </form>`
}
