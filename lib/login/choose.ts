import { RefusedError } from '../protocol/errors.ts'
import { parameter, parseForm, requiredParameter } from '../protocol/form.ts'
import { answering } from './asked.ts'
import { choice, sendTo } from './begin.ts'
import type { Cookies, LoginContext } from './context.ts'
import { findPending } from './find-pending.ts'
import { issuerMeant, loginIssuers } from './home-realm.ts'
import type { LoginOutcome } from './outcome.ts'

/**
 * Which issuer the person has chosen, by name or by an e-mail address; with neither they are asked. `query`: `id`, and
 * `issuer` or `login_hint`. Throws RefusedError, AnsweredError and UnavailableError.
 */
export async function choose(query: string, cookies: Cookies, given: LoginContext): Promise<LoginOutcome> {
  const form = parseForm(query)
  const { asked, pending, context } = await findPending(requiredParameter(form, 'id'), cookies, given)
  return answering(asked.to, async () => {
    const issuers = loginIssuers(asked.client.issuers, context.policy)
    const name = parameter(form, 'issuer')
    const address = parameter(form, 'login_hint')
    if (name === undefined) {
      const meant = issuerMeant(address, issuers)
      if (meant === undefined) return choice(asked, pending, issuers, address !== undefined)
      const hinted = { ...asked, request: { ...asked.request, login_hint: address } }
      return sendTo(meant, hinted, pending, context)
    }
    const issuer = issuers.find((each) => each.name === name)
    if (issuer === undefined)
      throw new RefusedError({ reason: 'issuer_not_offered', client_id: asked.to.client_id, issuer: name.slice(0, 20) })
    return sendTo(issuer, asked, pending, context)
  })
}
