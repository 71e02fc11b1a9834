import { createHash } from 'node:crypto'
import { html, raw } from 'hono/html'
import type { Branding } from './branding.ts'
import { toShownText } from './shown-text.ts'
import { stylesheet } from './stylesheet.ts'

/** A document, and the Content-Security-Policy that fits it and no other. */
export interface Page {
  html: string
  csp: string
}

/** What `html` makes, whose values are escaped but for what it made itself; or text, which is to be escaped. */
export type Markup = ReturnType<typeof html> | string

export interface Content {
  /** Without markup: of the window. */
  title: string
  heading: Markup
  body: Markup
  /** A constant of ours: the only script that runs. */
  script?: string
  /** Where its forms may be sent, as the policy has it. Absent: anywhere. */
  form_action?: string
  /** What may be shown in frames of it. Absent: nothing. */
  frame_src?: string
}

/** Constants of ours, which are not escaped: character by character what their hash is of. */
function inline(element: 'style' | 'script', text: string): Markup {
  return raw(`<${element}>${text}</${element}>`)
}

/** As the policy names an inline element: by all of its text (CSP Level 3 section 2.3.1). */
function source(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

const styleSource = source(stylesheet)

/** A page of ours: it works without script, asks nothing of any other server but what it is given frames of, and can be framed by none. */
export function layout(branding: Branding, { title, heading, body, script, form_action, frame_src }: Content): Page {
  // The icon is empty: a browser may ask for /favicon.ico where none is named.
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${toShownText(title)} · ${branding.name}</title>
        <link rel="icon" href="data:," />
        ${inline('style', branding.palette)} ${inline('style', stylesheet)}
      </head>
      <body>
        <header>
          ${branding.logo !== undefined && html`<img src="${branding.logo}" alt="" />`}<span>${branding.name}</span>
        </header>
        <main>
          <h1>${heading}</h1>
          ${body}
        </main>
        ${script !== undefined && inline('script', script)}
      </body>
    </html> `
  if (document instanceof Promise) throw new TypeError('a page waits for nothing')
  return {
    html: document.toString(),
    csp: [
      "default-src 'none'",
      `style-src ${source(branding.palette)} ${styleSource}`,
      ...(script === undefined ? [] : [`script-src ${source(script)}`]),
      'img-src data:',
      ...(frame_src === undefined ? [] : [`frame-src ${frame_src}`]),
      "base-uri 'none'",
      "frame-ancestors 'none'",
      ...(form_action === undefined ? [] : [`form-action ${form_action}`]),
    ].join('; '),
  }
}

/** A name of others in a sentence of ours: its direction stays its own. */
export function name(text: string): Markup {
  return html`<bdi>${toShownText(text)}</bdi>`
}
