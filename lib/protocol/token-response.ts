import type { ACCESS_TOKEN_TYPE, AWS_CREDENTIALS_TYPE } from './urns.ts'

/** RFC 6749 section 5.1, and RFC 8693 section 2.2.1 for an exchange. `expires_in` in seconds. */
export interface TokenResponse {
  /** A JWT, or the JSON text of a `credential_process` document. */
  access_token: string
  /** Of an exchange. */
  issued_token_type?: typeof ACCESS_TOKEN_TYPE | typeof AWS_CREDENTIALS_TYPE
  /** RFC 8693 section 2.2.1: N_A for what is no OAuth access token. */
  token_type: 'Bearer' | 'N_A'
  expires_in: number
  scope?: string
  /** OpenID Connect Core section 3.1.3.3. */
  id_token?: string
  /** RFC 6749 section 1.5. */
  refresh_token?: string
}
