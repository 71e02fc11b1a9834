import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { html } from 'hono/html'
import { sendPage, type Markup } from './partner-page.ts'
import type { PartnerPerson } from './partner-people.ts'

/** What oidc-provider knows of a login that waits for the person. */
export interface Interaction {
  prompt: { reasons: readonly string[] }
  params: { login_hint?: string; acr_values?: string }
  session?: { accountId: string }
}

/** What of oidc-provider the login page needs. */
export interface Interactions {
  interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
  interactionFinished(
    request: IncomingMessage,
    response: ServerResponse,
    result: object,
    options: { mergeWithLastSubmission: boolean },
  ): Promise<void>
}

const title = 'Log in at Partner Inc.'

/** Shows the form, or takes it. Never rejects. */
export async function answerLogin(
  provider: Interactions,
  people: readonly PartnerPerson[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const interaction = await provider.interactionDetails(request, response)
    const asked = toAsked(interaction, people)
    if (request.method !== 'POST') return sendPage(response, 200, title, loginPage(asked, people))
    const form = new URLSearchParams(await text(request))
    const result = form.has('cancel')
      ? { error: 'access_denied', error_description: 'the person has cancelled' }
      : login(asked, form, people)
    if (result === undefined) return sendPage(response, 403, title, loginPage({ ...asked, wrong: true }, people))
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
  } catch {
    const ended = html`<p>This login has ended: start again from the application.</p>`
    sendPage(response, 400, title, ended)
  }
}

/** `known`: who needs to type no more than a code. */
interface Asked {
  known: PartnerPerson | undefined
  code: boolean
  username: string
  wrong?: boolean
}

function toAsked({ prompt, params, session }: Interaction, people: readonly PartnerPerson[]): Asked {
  const known = prompt.reasons.every((reason) => reason === 'second_factor')
    ? people.find(({ claims }) => claims.sub === session?.accountId)
    : undefined
  return {
    known,
    code: params.acr_values?.split(' ').includes('mfa') === true,
    username: params.login_hint?.replace(/@.*$/, '') ?? '',
  }
}

/** Undefined where something is wrong. A code may be left out: then the login is as strong as a password (RFC 8176 section 2). */
function login({ known, code }: Asked, form: URLSearchParams, people: readonly PartnerPerson[]): object | undefined {
  const person =
    known ??
    people.find(({ username, password }) => form.get('username') === username && form.get('password') === password)
  const typed = code ? (form.get('code') ?? '') : ''
  if (person === undefined || (typed !== '' && typed !== person.code)) return undefined
  const strength = typed === '' ? { acr: 'pwd', amr: ['pwd'] } : { acr: 'mfa', amr: ['pwd', 'otp', 'mfa'] }
  return { login: { accountId: person.claims.sub, ...strength }, select_account: {} }
}

function loginPage({ known, code, username, wrong }: Asked, people: readonly PartnerPerson[]): Markup {
  return html`${wrong === true && html`<p id="wrong" role="alert">That was not right. Try again.</p>`}
    <form method="post">
      ${
        known === undefined
          ? html`<p>
                <label for="username">User name</label>
                <input id="username" name="username" value="${username}" autocomplete="username" required />
              </p>
              <p>
                <label for="password">Password</label>
                <input id="password" name="password" type="password" autocomplete="current-password" required />
              </p>`
          : html`<p>You are ${known.username}.</p>`
      }
      ${
        code &&
        html`<p>
          <label for="code">Code of your second factor, if you have one</label>
          <input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" />
        </p>`
      }
      <p>
        <button id="log-in">Log in</button>
        <button id="cancel" name="cancel" value="yes" formnovalidate>Cancel</button>
      </p>
    </form>
    <h2>This is an example</h2>
    <ul>
      ${people.map(
        (person) =>
          html`<li>
            ${person.username}, password <code>${person.password}</code>${
              person.code !== undefined && html`, code <code>${person.code}</code>`
            }:
            in ${person.claims.groups.join(', ')}
          </li>`,
      )}
    </ul>`
}
