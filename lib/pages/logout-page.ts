import { html } from 'hono/html'
import type { Branding } from './branding.ts'
import { toDestination } from './destination.ts'
import { layout, name, type Markup, type Page } from './layout.ts'
import { toShownText } from './shown-text.ts'

export interface LogoutQuestion {
  /** Goes with the answer, as it came. */
  request: string
  proof: string
  client_name: string | undefined
  /** How the person is to know which account it is. */
  person: string | undefined
  /** As people know it. */
  issuer: string
}

/** Whether to log out. */
export function logoutPage(branding: Branding, { request, proof, client_name, person, issuer }: LogoutQuestion): Page {
  const account = toShownText(person ?? '')
  return layout(branding, {
    title: 'Log out?',
    heading: 'Log out?',
    body: html` <p>
        ${client_name !== undefined && html`${name(client_name)} asks whether you want to log out. `}
        ${
          account === ''
            ? html`You are logged in at ${name(issuer)}`
            : html`You are logged in as <strong id="person">${name(account)}</strong> at ${name(issuer)}`
        }
      </p>
      <form method="post" action="/logout/confirm">
        <input type="hidden" name="request" value="${request}" />
        <input type="hidden" name="proof" value="${proof}" />
        <div class="actions">
          <button id="log-out" class="primary" name="decision" value="log-out">Log out</button>
          <button id="stay" name="decision" value="stay">Stay logged in</button>
        </div>
      </form>`,
  })
}

export interface LoggedOut {
  client_name: string | undefined
  /** Absent: there is nowhere to go on. */
  back: string | undefined
  /** URLs of clients that are told by the browser. */
  frames: readonly string[]
  /** Where the person may still be logged in, as people know it. */
  issuer: string | undefined
}

/** The person is logged out here; frames that nobody sees tell clients so (OpenID Connect Front-Channel Logout 1.0 section 3). */
export function loggedOutPage(branding: Branding, { client_name, back, frames, issuer }: LoggedOut): Page {
  return layout(branding, {
    title: 'You are logged out',
    heading: 'You are logged out',
    body: html` <p>
        ${
          issuer === undefined
            ? 'Nobody is logged in here in this browser. Applications may still know you: log out there too.'
            : html`You may still be logged in at ${name(issuer)}. On a computer that others use, log out there too.`
        }
      </p>
      ${onward(back, client_name)}
      ${frames.map((frame) => html`<iframe hidden title="" sandbox="allow-scripts allow-same-origin" src="${toDestination(frame)}"></iframe>`)}`,
    form_action: "'none'",
    ...(frames.length === 0 ? {} : { frame_src: [...new Set(frames.map((frame) => new URL(frame).origin))].join(' ') }),
  })
}

/** The person thought better of it. */
export function stayedPage(branding: Branding, { client_name, back }: Pick<LoggedOut, 'client_name' | 'back'>): Page {
  return layout(branding, {
    title: 'You are still logged in',
    heading: 'You are still logged in',
    body: html` <p>Nothing has changed.</p>
      ${onward(back, client_name)}`,
    form_action: "'none'",
  })
}

function onward(back: string | undefined, client_name: string | undefined): Markup {
  if (back === undefined) return ''
  return html`<div class="actions">
    <a id="continue" class="button primary" href="${toDestination(back)}"
      ><span>${client_name === undefined ? 'Continue' : html`Back to ${name(client_name)}`}</span></a
    >
  </div>`
}
