/** OpenID Connect Back-Channel Logout 1.0 section 2.4: what a logout token tells. */
export const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout'

/** RFC 8693 section 2.1 */
export const TOKEN_EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** RFC 6749 section 4.4 */
export const CLIENT_CREDENTIALS_GRANT = 'client_credentials'

/** RFC 6749 section 4.1 */
export const AUTHORIZATION_CODE_GRANT = 'authorization_code'

/** RFC 6749 section 6 */
export const REFRESH_TOKEN_GRANT = 'refresh_token'

/** RFC 7523 section 2.2 */
export const JWT_BEARER_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** RFC 8693 section 3 */
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'
export const ID_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:id_token'
export const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt'

/** Ours: what a target with a role issues. */
export const AWS_CREDENTIALS_TYPE = 'urn:token-broker:token-type:aws-credentials'
