import { html } from 'hono/html'
import type { IdentityScope } from '../protocol/identity.ts'
import type { Branding } from './branding.ts'
import { toDestination } from './destination.ts'
import { layout, name, type Markup, type Page } from './layout.ts'
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
  /** Where the client registered itself: the host that it goes back to, and what it says of itself. */
  registered?: { host: string; policy_uri: string | undefined; tos_uri: string | undefined }
}

const inWords = {
  openid: 'recognize you when you log in',
  profile: 'read your name and the rest of your profile',
  email: 'read your e-mail address',
  address: 'read your postal address',
  phone: 'read your phone number',
  offline_access: 'stay connected while you are away',
} as const satisfies Record<IdentityScope, string>

/** Whether a client may have what it asks for of a person. */
export function consentPage(branding: Branding, question: ConsentQuestion): Page {
  const { client_name, issuer, scopes, target } = question
  const person = toShownText(question.person ?? '')
  return layout(branding, {
    title: `${client_name} asks for access`,
    heading: html`${name(client_name)} asks for access`,
    body: html` <p>
        ${
          person === ''
            ? html`You are logged in at ${name(issuer)}`
            : html`You are logged in as <strong id="person">${name(person)}</strong> at ${name(issuer)}`
        }
      </p>
      <h2>If you allow it, ${name(client_name)} can</h2>
      <ul class="scopes">
        ${scopes.map((scope) => html` <li>${inWords[scope]}</li>`)}
        ${target !== undefined && html` <li>use ${name(target.name)} for you${rights(target.scopes)}</li>`}
      </ul>
      ${question.registered !== undefined && unknown(client_name, question.registered)}
      <form method="post" action="/consent">
        <input type="hidden" name="id" value="${question.login_id}" />
        <input type="hidden" name="proof" value="${question.proof}" />
        <div class="actions">
          <button id="consent-allow" class="primary" name="decision" value="allow">Allow</button>
          <button id="consent-deny" name="decision" value="deny">Deny</button>
        </div>
      </form>
      <p class="muted">Allow it only if you are about to use ${name(client_name)} yourself.</p>`,
  })
}

/** Whoever chose its name chose these addresses too, so each is shown with its host. */
function unknown(
  client_name: string,
  { host, policy_uri, tos_uri }: NonNullable<ConsentQuestion['registered']>,
): Markup {
  const link = (id: string, text: string, href: string) =>
    html` <li>
      <a id="${id}" href="${toDestination(href)}" rel="noopener noreferrer">${text}</a> at ${name(new URL(href).host)}
    </li>`
  const links = [
    ...(policy_uri === undefined ? [] : [link('consent-policy', 'Its privacy policy', policy_uri)]),
    ...(tos_uri === undefined ? [] : [link('consent-terms', 'Its terms of service', tos_uri)]),
  ]
  return html`<p id="consent-registered">
      This application registered itself, and chose the name ${name(client_name)}. You go back to
      <strong id="consent-host">${name(host)}</strong>: allow it only if you know that address.
    </p>
    ${
      links.length > 0 &&
      html`<ul>
        ${links}
      </ul>`
    }`
}

function rights(scopes: readonly string[]): Markup {
  if (scopes.length === 0) return ''
  return html`: ${scopes.map((scope, index) => html`${index > 0 && ', '}<code>${toShownText(scope)}</code>`)}`
}
