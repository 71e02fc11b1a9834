import { invalidRequest } from './http-faces.ts'
import type { Face, Refusal } from './refusals.ts'

/** Why a logout comes to nothing. */
export type LogoutRefusal =
  // Asked by a client, in the browser: a page, never a redirect.
  | { reason: 'logout_hint_refused' }
  | { reason: 'logout_client_unknown' }
  | { reason: 'logout_client_mismatch'; client_id: string }
  | { reason: 'post_logout_redirect_uri_unknown'; client_id: string }
  | { reason: 'logout_not_asked' }
  // Told by an issuer at which people log in.
  | { reason: 'logout_issuer_unknown' }
  | { reason: 'logout_token_refused'; issuer: string; cause: Refusal }

/** As `wire`, for those. */
export const logoutFaces = {
  logout_hint_refused: invalidRequest('the id_token_hint is none of our ID tokens'),
  logout_client_unknown: invalidRequest('the client_id is not known'),
  logout_client_mismatch: invalidRequest('the id_token_hint is not one of this client'),
  post_logout_redirect_uri_unknown: invalidRequest('the post_logout_redirect_uri is not one of this client'),
  logout_not_asked: invalidRequest('this logout cannot be continued: log out again'),
  logout_issuer_unknown: invalidRequest('the logout token was not accepted'),
  logout_token_refused: invalidRequest('the logout token was not accepted'),
} as const satisfies Record<LogoutRefusal['reason'], Face>
