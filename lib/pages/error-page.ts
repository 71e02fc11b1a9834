import { html } from 'hono/html'
import type { Branding } from './branding.ts'
import { toDestination } from './destination.ts'
import { layout, name, type Markup, type Page } from './layout.ts'
import type { UpstreamTrouble } from './upstream-trouble.ts'

export interface PageError {
  /** Of HTTP. */
  status: number
  /** Of the face that the error has. */
  phrase: string
  decision_id: string
  /** Where it went wrong at an issuer. `issuer`: as people know it. */
  upstream?: { issuer: string; trouble: UpstreamTrouble } | undefined
  /** Where the same login begins anew. */
  again?: string | undefined
  /** Where the client waits: only if its redirect URI is trusted. */
  back?: { href: string; client_name: string } | undefined
  /** It was to log out that the person came: that goes without the client as well. */
  logOut?: boolean | undefined
}

/** What went wrong, and what the person can do about it. */
export function errorPage(branding: Branding, error: PageError): Page {
  const { status, decision_id, upstream, again, back, logOut } = error
  const { title, heading, what, next } = upstream ? atIssuer[upstream.trouble](upstream.issuer) : here(error)
  return layout(branding, {
    title,
    heading,
    body: html` <p>${what}</p>
      <p>${next}</p>
      ${
        (again !== undefined || back !== undefined || logOut) &&
        html`<div class="actions">
          ${again !== undefined && html`<a id="again" class="button primary" href="${toDestination(again)}">Log in again</a>`}
          ${back !== undefined && html`<a id="back" class="button" href="${toDestination(back.href)}"><span>Back to ${name(back.client_name)}</span></a>`}
          ${logOut && html`<a id="log-out" class="button primary" href="/logout">Log out here</a>`}
        </div>`
      }
      <p class="muted">Error ${status}, decision id <code id="decision-id">${decision_id}</code></p>`,
    form_action: "'none'",
  })
}

interface Words {
  title: string
  heading: Markup
  what: Markup
  next: Markup
}

const tellOperator = 'give those who run this service the decision id below.'

function here({ status, phrase }: PageError): Words {
  const title =
    status === 503
      ? 'Not available right now'
      : status === 404
        ? 'There is nothing here'
        : status === 403
          ? 'Not allowed'
          : 'This did not work'
  return { title, heading: title, what: sentence(phrase), next: nextOf(status) }
}

function nextOf(status: number): string {
  if (status === 503) return `Try again in a minute. If it does not get better, ${tellOperator}`
  if (status >= 500) return `Try again. If it happens once more, ${tellOperator}`
  if (status === 403) return `If you should have access, ${tellOperator}`
  return `Go back to the application and begin again. If it happens once more, ${tellOperator}`
}

const atIssuer = {
  cancelled: (issuer) => ({
    title: 'You are not logged in',
    heading: 'You are not logged in',
    what: html`The login at ${name(issuer)} was cancelled or denied there.`,
    next: html`You can log in again. If you did not cancel it, ${name(issuer)} may not let you in.`,
  }),
  unavailable: (issuer) => ({
    title: `${issuer} does not answer`,
    heading: html`${name(issuer)} does not answer`,
    what: html`You log in at ${name(issuer)}, and it cannot be reached right now.`,
    next: `Try again in a minute. If it does not get better, ${tellOperator}`,
  }),
  misconfigured: (issuer) => ({
    title: `The login at ${issuer} does not work`,
    heading: html`The login at ${name(issuer)} does not work`,
    what: html`${name(issuer)} and this service do not understand each other. It is no mistake of yours.`,
    next: `Please ${tellOperator}`,
  }),
} as const satisfies Record<UpstreamTrouble, (issuer: string) => Words>

/** A phrase of the faces, which begins small and has no full stop. */
function sentence(phrase: string): string {
  return `${phrase.charAt(0).toUpperCase()}${phrase.slice(1)}.`
}
