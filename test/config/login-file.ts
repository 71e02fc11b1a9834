/** A broker.yaml with logins that holds, for rows that spoil it. */
export const loginFile = `version: 1
issuer: https://broker.test
issuers:
  partner:
    issuer: https://login.partner.test
    login:
      client_id: token-broker
      display_name: Partner Inc.
      domains: [partner.test]
      claims: { email: claims.mail, email_verified: claims.verified, name: 'claims.first + " " + claims.last' }
      acr: { "urn:acme:mfa": [mfa, "urn:partner:2fa"] }
  staff:
    preset: keycloak
    instances:
      eu: { issuer: "https://eu.acme.test/realms/staff" }
      us: { issuer: "https://us.acme.test/realms/staff" }
    login:
      client_id: broker
      auth: { client_secret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:staff-AbCdEf" }
      scopes: [openid]
targets:
  orders: { audience: "https://orders.test", scopes: ["orders:read"] }
clients:
  web-app:
    type: public
    grants: [authorization_code, refresh_token]
    redirect_uris: [https://app.test/cb, "http://127.0.0.1/cb"]
    post_logout_redirect_uris: [https://app.test/bye]
    backchannel_logout_uri: https://app.test/back?tenant=1
    frontchannel_logout_uri: https://app.test/front
    allowed_origins: [https://app.test]
    login: [partner, staff]
    scopes: [openid, profile, email, offline_access]
    consent: always
  back-office:
    auth: { client_secret: { sha256: [LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ] } }
    grants: [authorization_code]
    client_name: Back office
    redirect_uris: [https://office.test/cb]
    login: [staff/eu]
    require_pkce: false
    id_token_signed_response_alg: ES256
    userinfo_signed_response_alg: RS256
rules:
  buyers:
    issuer: partner
    clients: [web-app]
    match: { groups: { contains: buyers } }
    grant: [{ target: orders, scopes: ["orders:read"] }]
login:
  session: { idle: 1h, absolute: 12h }
  refresh_tokens: { idle: 7d, absolute: 60d, reuse_window: 5s }
  branding: { name: Acme, accent: "#0A5FFF" }
`
