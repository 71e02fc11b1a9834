import { RefusedError } from '../protocol/errors.ts'
import { parseForm, requiredParameter, type Form } from '../protocol/form.ts'
import { answering } from './asked.ts'
import { consentProof, isSame } from './binding.ts'
import type { Cookies, LoginContext } from './context.ts'
import { findPending } from './find-pending.ts'
import type { LoginOutcome } from './outcome.ts'
import { findPerson } from './person.ts'
import { proceed } from './proceed.ts'

/**
 * The question at an address of its own, which can be loaded anew: that of the callback holds a code that counts once. Asks
 * what /authorize would, of this login. `query`: `id`. Throws RefusedError, AnsweredError and UnavailableError.
 */
export async function askConsent(query: string, cookies: Cookies, given: LoginContext): Promise<LoginOutcome> {
  const { asked, pending, context } = await findPending(requiredParameter(parseForm(query), 'id'), cookies, given)
  return answering(asked.to, async () => {
    const person = await findPerson(cookies.session, asked.to.client_id, context)
    return proceed(asked, { cookies, person, pending }, context)
  })
}

/** The person's answer: `id`, `proof`, `decision`. Throws RefusedError, AnsweredError and UnavailableError. */
export async function consent(form: Form, cookies: Cookies, given: LoginContext): Promise<LoginOutcome> {
  const { ports, signal } = given
  const id = requiredParameter(form, 'id')
  const proof = requiredParameter(form, 'proof')
  const decision = requiredParameter(form, 'decision')
  const { asked, pending, context } = await findPending(id, cookies, given)
  return answering(asked.to, async () => {
    const person = await findPerson(cookies.session, asked.to.client_id, context)
    if (person === undefined) throw new RefusedError({ reason: 'login_unknown' })
    // RFC 9700 section 4.7: only a page of ours, in this browser and session, had it.
    if (!isSame(proof, consentProof(pending.secret, id, person.session.key)))
      throw new RefusedError({ reason: 'browser_mismatch' })
    if (decision === 'allow') return proceed(asked, { cookies, person, pending, consented: true }, context)
    if (decision !== 'deny')
      throw new RefusedError({ reason: 'parameter_unsupported', parameter: 'decision', detail: 'not allow or deny' })
    await ports.logins.consume(id, ports.now(), signal)
    throw new RefusedError({ reason: 'consent_denied', client_id: asked.to.client_id })
  })
}
