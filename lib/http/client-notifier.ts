import { deadlines, within } from '../deadlines.ts'
import type { ClientNotifier } from '../ports.ts'
import { UnavailableError } from '../protocol/errors.ts'
import { FetchError, guardedStatus, type Guards } from './guarded-fetch.ts'

/** Over https to the public internet alone; no redirect is followed. */
export function httpClientNotifier(guards: Omit<Guards, 'signal'>): ClientNotifier {
  return {
    async notify({ client_id, backchannel_logout_uri }, logout_token, signal) {
      const request = {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ logout_token }).toString(),
      } as const
      try {
        return await within(deadlines.logoutDelivery, (deadline) =>
          guardedStatus(backchannel_logout_uri, request, { ...guards, signal: AbortSignal.any([signal, deadline]) }),
        )
      } catch (error) {
        if (!(error instanceof FetchError)) throw error
        throw new UnavailableError('client', `${client_id}: ${error.message}`)
      }
    },
  }
}
