import { answering, parseAsked } from './asked.ts'
import type { Cookies, LoginContext } from './context.ts'
import type { LoginOutcome } from './outcome.ts'
import { findPerson } from './person.ts'
import { proceed } from './proceed.ts'

/** The authorization endpoint (RFC 6749 section 3.1). `text`: its parameters, form-encoded. Throws RefusedError, AnsweredError and UnavailableError. */
export async function authorize(text: string, cookies: Cookies, given: LoginContext): Promise<LoginOutcome> {
  const { asked, context } = await parseAsked(text, given)
  return answering(asked.to, async () => {
    const person = await findPerson(cookies.session, asked.to.client_id, context)
    return proceed(asked, { cookies, person }, context)
  })
}
