import { RefusedError } from '../protocol/errors.ts'
import { hashOfSecret } from '../tokens/client-secret.ts'
import { parseAsked, type Asked } from './asked.ts'
import type { Pending } from './begin.ts'
import { isSame } from './binding.ts'
import type { Cookies, LoginContext } from './context.ts'

/** The login of that id, if this browser began it; what was asked is read again, by what holds now, and the context knows its client. Throws RefusedError and UnavailableError. */
export async function findPending(
  id: string,
  { browser }: Cookies,
  given: LoginContext,
): Promise<{ asked: Asked; pending: Pending; context: LoginContext }> {
  const { ports, signal } = given
  // What is none of ours in form is in no row.
  const login = /^[A-Za-z0-9_-]{22}$/.test(id) ? await ports.logins.find(id, ports.now(), signal) : undefined
  if (login === undefined) throw new RefusedError({ reason: 'login_unknown' })
  if (browser === undefined || !isSame(hashOfSecret(browser), login.browser))
    throw new RefusedError({ reason: 'browser_mismatch' })
  return { ...(await parseAsked(login.request, given)), pending: { login, secret: browser } }
}
