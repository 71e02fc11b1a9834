import type { Face, Refusal } from './refusals.ts'

/** Why a client is not registered, or not as it asked. `detail` is a sentence of ours, and quotes nothing. */
export type RegistrationRefusal =
  | { reason: 'redirect_uri_refused'; member: string; detail: string }
  | { reason: 'client_metadata_refused'; member: string; detail: string }
  | { reason: 'software_statement_refused' }
  | { reason: 'registration_limit_reached'; limit: number }

/**
 * Beside `wire`, at /register (RFC 7591 section 3.2.2): whoever asks there has shown a token of ours, and is told what is
 * wrong. `refusal`: the one to be answered.
 */
export function registrationFaces(refusal: Refusal | undefined): Record<RegistrationRefusal['reason'], Face> {
  const said = refusal !== undefined && 'member' in refusal ? `${refusal.member}: ${refusal.detail}` : ''
  return {
    redirect_uri_refused: [400, 'invalid_redirect_uri', said],
    client_metadata_refused: [400, 'invalid_client_metadata', said],
    software_statement_refused: [
      400,
      'unapproved_software_statement',
      'software_statement: nobody is trusted to make one, leave it out',
    ],
    registration_limit_reached: [
      403,
      'access_denied',
      'this initial access token has as many clients as it may: delete one, or wait until one has expired',
    ],
  }
}
