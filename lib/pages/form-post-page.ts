import { html } from 'hono/html'
import type { Branding } from './branding.ts'
import { toDestination } from './destination.ts'
import { layout, name, type Page } from './layout.ts'

export interface FormPost {
  client_name: string
  redirect_uri: string
  parameters: Readonly<Record<string, string>>
}

/** The page's only form. None of our parameters is called `submit`, which would hide the method. */
const script = 'document.forms[0].submit()'

/** OAuth 2.0 Form Post Response Mode section 2: the answer to a client, sent by the browser itself, or by the person. */
export function formPostPage(branding: Branding, { client_name, redirect_uri, parameters }: FormPost): Page {
  return layout(branding, {
    title: `Back to ${client_name}`,
    heading: html`Back to ${name(client_name)}`,
    body: html` <p>If this page does not go on by itself, continue here.</p>
      <form method="post" action="${toDestination(redirect_uri)}">
        ${Object.entries(parameters).map(
          ([parameter, value]) => html` <input type="hidden" name="${parameter}" value="${value}" />`,
        )}
        <div class="actions"><button id="continue" class="primary">Continue</button></div>
      </form>`,
    script,
  })
}
