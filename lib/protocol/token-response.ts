import type { ACCESS_TOKEN_TYPE } from './urns.ts'

/** RFC 8693 section 2.2.1. `expires_in` in seconds. */
export interface TokenResponse {
  access_token: string
  issued_token_type: typeof ACCESS_TOKEN_TYPE
  token_type: 'Bearer'
  expires_in: number
  scope?: string
}
