import { subjectTokenAlgorithms } from '../../protocol/algorithms.ts'
import { claimsOfScope } from '../../protocol/identity.ts'
import type { ClaimPath } from '../../tokens/claim-path.ts'
import { verifiedBy, type Preset } from './preset.ts'

/** Of a tenant of Entra, but for that of all personal accounts. */
const tenantId = '(?!9188040d-6c67-4c5b-b112-36a304b66dad)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'

/** OpenID Connect Core section 5.1: what people say of themselves, and of many people alike. `nonce` is the application's. */
const profile: readonly ClaimPath[] = [
  ...claimsOfScope.profile,
  ...claimsOfScope.address,
  'email_verified',
  'phone_number_verified',
  'nonce',
].map((name) => [name])

/** Issuers of people. */
export const peoplePresets: Readonly<
  Record<'google-workspace' | 'entra-id' | 'okta' | 'auth0' | 'keycloak' | 'cognito', Preset>
> = {
  'google-workspace': {
    issuer: 'https://accounts.google.com',
    issuers: [/^https:\/\/accounts\.google\.com$/],
    // The domain. Absent from tokens of private people and of service accounts.
    tenantClaims: ['hd'],
    audiences: 'registered',
    algorithms: ['RS256'],
    subject: [{ claim: ['sub'] }],
    // An application has one token of a person for all it needs.
    replay: 'once_per_target',
    // An hour and five minutes, in its documentation.
    max_token_lifetime: 3_900,
    callerChosen: profile,
    verifiedBy,
    otherTypes: ['email_verified'],
    claims: [
      'at_hash',
      'azp',
      'email',
      'email_verified',
      'family_name',
      'given_name',
      'hd',
      'locale',
      'name',
      'nonce',
      'picture',
      'profile',
    ],
    aliases: {},
    ids: {},
  },
  'entra-id': {
    // One issuer a tenant, by its id.
    issuers: [
      new RegExp(
        `^https://login\\.(?:microsoftonline\\.(?:com|us)|partner\\.microsoftonline\\.cn)/${tenantId}/v2\\.0$`,
      ),
      new RegExp(`^https://sts\\.(?:windows\\.net|chinacloudapi\\.cn)/${tenantId}/$`),
    ],
    audiences: 'registered',
    algorithms: ['RS256'],
    subject: ['user:', { claim: ['tid'] }, '/', { claim: ['oid'] }],
    replay: 'once_per_target',
    // Up to 90 minutes, and the five that tokens of its documentation have over an hour.
    max_token_lifetime: 5_700,
    callerChosen: [...profile, ['email'], ['phone_number'], ['upn'], ['unique_name'], ['login_hint']],
    aliases: {},
    ids: {},
  },
  okta: {
    // The organization's own authorization server, or one of its custom ones.
    issuers: [/^https:\/\/[a-z0-9.-]+(?:\/oauth2\/[A-Za-z0-9]+)?$/],
    algorithms: ['RS256'],
    // In an access token sub is the login, which changes; only an ID token has the id there.
    subject: ['user:', { claim: ['uid'], otherwise: ['sub'] }],
    replay: 'once_per_target',
    max_token_lifetime: 3_600,
    callerChosen: profile,
    verifiedBy,
    aliases: {},
    ids: {},
  },
  auth0: {
    issuers: [/^https:\/\/[a-z0-9.-]+\/$/],
    algorithms: ['RS256', 'PS256'],
    subject: [{ claim: ['sub'] }],
    replay: 'once_per_target',
    max_token_lifetime: 3_600,
    callerChosen: profile,
    verifiedBy,
    aliases: {},
    ids: {},
  },
  keycloak: {
    issuers: [/^https:\/\/[a-z0-9.-]+(?::\d+)?(?:\/[A-Za-z0-9._~-]+)*\/realms\/[A-Za-z0-9._~-]+$/],
    // Whatever the realm is set to.
    algorithms: subjectTokenAlgorithms,
    subject: [{ claim: ['sub'] }],
    replay: 'once_per_target',
    max_token_lifetime: 3_600,
    callerChosen: profile,
    verifiedBy,
    aliases: { realm_roles: ['realm_access', 'roles'] },
    ids: {},
  },
  cognito: {
    issuers: [/^https:\/\/cognito-idp\.([a-z0-9-]+)\.amazonaws\.com\/\1_[A-Za-z0-9]+$/],
    audiences: 'registered',
    algorithms: ['RS256'],
    // Of ID tokens: access tokens have no aud, and are refused.
    subject: ['user:', { claim: ['sub'] }],
    replay: 'once_per_target',
    max_token_lifetime: 3_600,
    // Whoever signs up chooses a user name, and writes what attributes the application may.
    callerChosen: [...profile, /^custom:/, ['cognito:username'], ['token_use']],
    verifiedBy,
    aliases: { groups: ['cognito:groups'] },
    ids: {},
  },
}
