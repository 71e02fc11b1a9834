/** What kept a person from logging in at an issuer, as far as it matters to them. */
export type UpstreamTrouble = 'cancelled' | 'unavailable' | 'misconfigured'

/** Of the `error` that an issuer answered with (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6). */
export function toUpstreamTrouble(error: string): UpstreamTrouble {
  switch (error) {
    case 'access_denied':
    case 'login_required':
    case 'consent_required':
    case 'interaction_required':
    case 'account_selection_required':
      return 'cancelled'
    case 'server_error':
    case 'temporarily_unavailable':
      return 'unavailable'
    default:
      return 'misconfigured'
  }
}
