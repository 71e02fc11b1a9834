import { html } from 'hono/html'
import type { IdentityScope } from '../protocol/identity.ts'
import type { Branding } from './branding.ts'
import { layout, name, type Page } from './layout.ts'
import { toShownText } from './shown-text.ts'

export interface ConsentQuestion {
  login_id: string
  /** Goes with the answer. */
  proof: string
  client_name: string
  /** As people know it. */
  issuer: string
  /** How the person is to know which account it is. */
  person: string | undefined
  scopes: readonly IdentityScope[]
  target: { name: string; scopes: readonly string[] } | undefined
}

const inWords = {
  openid: 'know that it is you who logs in',
  profile: 'read your name and the rest of your profile',
  email: 'read your e-mail address',
  address: 'read your postal address',
  phone: 'read your phone number',
  offline_access: 'stay connected while you are away',
} as const satisfies Record<IdentityScope, string>

/** Whether a client may have what it asks for of a person. */
export function consentPage(branding: Branding, question: ConsentQuestion): Page {
  const { client_name, issuer, target } = question
  const person = toShownText(question.person ?? '')
  return layout(branding, {
    title: `Allow ${client_name}?`,
    heading: html`Allow ${name(client_name)}?`,
    body: html` <p>
        You are logged in ${person !== '' && html`as <strong id="person">${name(person)}</strong>, `}through
        ${name(issuer)}.
      </p>
      <h2>${name(client_name)} asks to</h2>
      <ul class="scopes">
        ${question.scopes.map((scope) => html` <li>${inWords[scope]}</li>`)}${
          target !== undefined &&
          html` <li>
            use ${name(target.name)} for you${target.scopes.length > 0 && html`, as far as ${list(target.scopes)}`}
          </li>`
        }
      </ul>
      <form method="post" action="/consent">
        <input type="hidden" name="id" value="${question.login_id}" />
        <input type="hidden" name="proof" value="${question.proof}" />
        <div class="actions">
          <button id="consent-allow" class="primary" name="decision" value="allow">Allow</button>
          <button id="consent-deny" name="decision" value="deny">Deny</button>
        </div>
      </form>
      <p class="muted">Allow it only if you have just asked ${name(client_name)} to log you in.</p>`,
  })
}

const list = (scopes: readonly string[]) =>
  scopes.map((scope, index) => html`${index > 0 && ', '}<code>${toShownText(scope)}</code>`)
