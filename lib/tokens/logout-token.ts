import type { LogoutNotice } from '../ports.ts'
import type { JsonObject } from '../protocol/strict-json.ts'

/** Of the header: it is not to be taken for an ID token (OpenID Connect Back-Channel Logout 1.0 section 2.4). */
export const LOGOUT_TOKEN_TYP = 'logout+jwt'

const BACKCHANNEL_LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout'

/** In seconds: it is looked at when it comes, and the section asks for two minutes at most. */
const LIFETIME = 120

/**
 * OpenID Connect Back-Channel Logout 1.0 section 2.4. The `jti` is the notice's: of one that is sent again a client sees that
 * it is the same. Never a `nonce`, which section 2.4 forbids.
 */
export function logoutTokenClaims(
  { id, client_id, sub, sid }: LogoutNotice,
  { iss, now }: { iss: string; now: number },
): JsonObject {
  return {
    iss,
    sub,
    aud: client_id,
    iat: now,
    exp: now + LIFETIME,
    jti: id,
    events: { [BACKCHANNEL_LOGOUT_EVENT]: {} },
    sid,
  }
}
