import { html } from 'hono/html'
import type { Markup } from './partner-page.ts'

export interface AppPage {
  status: number
  title: string
  body: Markup
}

export const welcome: AppPage = {
  status: 200,
  title: 'Partner app',
  body: html`<p>You are not logged in.</p>
    <p><a id="log-in" href="/login">Log in</a></p>
    <p><a id="log-in-mfa" href="/login?acr_values=urn:acme:mfa">Log in with a second factor</a></p>`,
}

export interface Profile {
  /** Of the ID token. */
  claims: Readonly<Record<string, unknown>>
  /** Of the access token. An app need not look into it: this one shows what the API will see. */
  access: { aud: unknown; scope: unknown; exp: unknown }
  /** Whoever logs out shows it. */
  id_token: string
}

/** Whom the broker says that the person is, and what the app may do for them. */
export function profilePage({ claims, access }: Profile): AppPage {
  return {
    status: 200,
    title: 'Partner app',
    body: html`<p>You are logged in.</p>
      <h2>Who you are</h2>
      <dl>
        ${Object.entries(claims).map(
          ([name, value]) =>
            html`<dt>${name}</dt>
              <dd id="claim-${name}">${shown(value)}</dd>`,
        )}
      </dl>
      <h2>What this app may do for you</h2>
      <p id="access">${shown(access.scope)} at ${shown(access.aud)}, until ${shown(access.exp)}</p>
      <form method="post" action="/log-out"><button id="log-out">Log out</button></form>`,
  }
}

export function failurePage(status: number, text: string): AppPage {
  return {
    status,
    title: 'You are not logged in',
    body: html`<p id="error">${text}</p>
      <p><a id="log-in" href="/login">Log in</a></p>
      <p><a id="without-orders" href="/login?orders=no">Log in without orders</a></p>`,
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
