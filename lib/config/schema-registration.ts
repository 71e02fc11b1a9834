import * as z from 'zod'
import { identityScopes } from '../protocol/identity.ts'
import { registrationMethods } from '../protocol/registered-client.ts'
import { secretHash } from '../tokens/client-secret.ts'
import { duration, tokenEndpointAudience } from './schema-values.ts'

/** What broker.yaml says of clients that register themselves. */

export const initialAccessTokens = z.strictObject({
  sha256: z
    .array(
      z
        .string()
        .regex(secretHash, 'it is the base64url SHA-256 of a token: make both with `token-broker clients secret`'),
    )
    .min(1)
    .describe(
      'Hashes of the initial access tokens that are accepted. Without its hash here a token and all its clients are gone.',
    ),
})

export const registration = z.strictObject({
  initial_access_tokens: initialAccessTokens.describe(
    'Who may register clients: made by `token-broker clients secret`, and only the hash is here.',
  ),
  redirect_hosts: z
    .array(z.string().min(1).max(253))
    .min(1)
    .describe(
      'Hosts to which people may be sent back. *. at the front stands for one label; 127.0.0.1 and [::1] may be named.',
    ),
  grants: z
    .array(z.enum(['authorization_code', 'refresh_token']))
    .min(1)
    .default(['authorization_code'])
    .describe('The grant types that they may use. Default: authorization_code.'),
  auth: z
    .array(z.enum(registrationMethods))
    .min(1)
    .default(['none', 'private_key_jwt'])
    .describe('How they may authenticate. Default: none, private_key_jwt.'),
  login: z.array(z.string()).min(1).describe('The issuers at which their people log in, in order of display.'),
  scopes: z
    .array(z.enum(identityScopes))
    .min(1)
    .default(['openid'])
    .describe('The identity scopes that they may have. Default: openid. They get nothing by rules.'),
  require_pkce: z.boolean().default(true).describe('Default true. false: those that authenticate may do without PKCE.'),
  token_endpoint_audience: tokenEndpointAudience,
  lifetime: duration.prefault('30d').describe('How long a client lives: 1h to 365d. Default 30d.'),
  limit: z
    .int()
    .default(20)
    .describe('How many clients of one initial access token may be alive: 1 to 1000. Default 20.'),
})
