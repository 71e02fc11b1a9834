import type { ClientNotifier, LogoutNotice, Ports } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { LOGOUT_TOKEN_TYP, logoutTokenClaims } from '../tokens/logout-token.ts'
import { signingInput, toCompactJws } from '../tokens/signed-jwt.ts'
import type { Client } from '../trust/configuration.ts'

/** One notice, and what may be used to deliver it. */
export interface DeliveryContext {
  /** Our `iss`. */
  ourIssuer: string
  /** A client of ours, as it is now. Throws UnavailableError. */
  findClient: (client_id: string, signal: AbortSignal) => Promise<Pick<Client, 'login'> | undefined>
  ports: Pick<Ports, 'now' | 'signer' | 'log'> & { notifier: ClientNotifier }
  signal: AbortSignal
}

/**
 * Tells one client that a session has ended (OpenID Connect Back-Channel Logout 1.0 section 2.5), at the address that it has
 * now: a client that is no more, or no longer asks for it, is told nothing. However late: that session stays ended. May be
 * repeated. Throws UnavailableError where it is to be tried again: all but a 200 or 204 of the client's.
 */
export async function deliver(
  notice: LogoutNotice,
  { ourIssuer, findClient, ports, signal }: DeliveryContext,
): Promise<void> {
  const { id, client_id, at } = notice
  const login = (await findClient(client_id, signal))?.login
  const about = { decision_id: id, client_id, age: ports.now() - at }
  if (login?.backchannel_logout_uri === undefined) {
    ports.log.info('logout not delivered', { ...about, detail: 'no such client, or it is told of no logouts' })
    return
  }
  const { backchannel_logout_uri, id_token_signed_response_alg } = login
  const key = ports.signer.activeKey(id_token_signed_response_alg)
  const input = signingInput(key, LOGOUT_TOKEN_TYP, logoutTokenClaims(notice, { iss: ourIssuer, now: ports.now() }))
  const logout_token = toCompactJws(input, await ports.signer.sign(key, Buffer.from(input), signal))
  const status = await ports.notifier.notify({ client_id, backchannel_logout_uri }, logout_token, signal)
  // Section 2.8: some frameworks make 204 of 200.
  if (status !== 200 && status !== 204) throw new UnavailableError('client', `${client_id}: answered ${status}`)
  ports.log.info('logout delivered', { ...about, status })
}
