import * as z from 'zod'
import { identityClaims, identityScopes } from '../protocol/identity.ts'
import { secretReference } from '../trust/guardrails/upstream-login.ts'
import { duration, expression, label, scope } from './schema-values.ts'

/** What broker.yaml says of people who log in: at an issuer, to a client, and here. */

const acrValue = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'an acr value is printable ASCII without spaces (OpenID Connect Core section 3.1.2.1)')

export const issuerLogin = z.strictObject({
  client_id: z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'a client_id is printable ASCII without spaces')
    .describe('What the issuer calls us: the `aud` of its ID tokens.'),
  auth: z
    .union([
      z.literal('private_key_jwt'),
      z.strictObject({
        client_secret: z
          .string()
          .regex(secretReference, 'secrets never stand in this file: write the ARN of one in Secrets Manager')
          .describe('The ARN of a secret in Secrets Manager; env:NAME in local runs.'),
      }),
    ])
    .default('private_key_jwt')
    .describe('How we authenticate there: by a key of ours, or by a secret. Default: private_key_jwt.'),
  scopes: z
    .array(scope)
    .min(1)
    .default(['openid', 'profile', 'email'])
    .describe('What we ask for there. Default: openid, profile, email.'),
  display_name: label
    .optional()
    .describe('What people read who choose where to log in. Default: the host of the issuer.'),
  domains: z
    .array(
      z
        .string()
        .max(253)
        .regex(
          /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/,
          'a domain is a host name in lower case',
        ),
    )
    .min(1)
    .optional()
    .describe('Whose people log in there: the part of their e-mail address behind the @.'),
  claims: z
    .strictObject(Object.fromEntries(identityClaims.map((claim) => [claim, expression.exactOptional()])))
    .optional()
    .describe(
      'What clients may learn, by claims of OpenID Connect, each with where it comes from. Default: all, by their own names.',
    ),
  acr: z
    .record(acrValue, z.array(acrValue).min(1))
    .default({})
    .describe('Our acr values, each with the acr or amr values of the issuer that satisfy it.'),
})

/** Of a client with the grant authorization_code. */
export const clientLogin = {
  client_name: label.optional().describe('What people read who consent. Default: the client_id.'),
  redirect_uris: z
    .array(z.string().min(1).max(512))
    .min(1)
    .optional()
    .describe(
      'Where its people come back to, compared exactly. The port of http://127.0.0.1 and http://[::1] is free.',
    ),
  post_logout_redirect_uris: z
    .array(z.string().min(1).max(512))
    .min(1)
    .optional()
    .describe('Where its people may come back to once they have logged out, compared exactly.'),
  backchannel_logout_uri: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe('Where we tell it that somebody has logged out (OpenID Connect Back-Channel Logout).'),
  frontchannel_logout_uri: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe(
      'The same through the browser, in a frame (OpenID Connect Front-Channel Logout): on the origin of a redirect URI.',
    ),
  login: z.array(z.string()).min(1).optional().describe('The issuers at which its people log in, in order of display.'),
  scopes: z
    .array(z.enum(identityScopes))
    .optional()
    .describe('The identity scopes that it may have; others come from rules. Default: openid.'),
  consent: z
    .enum(['never', 'first_time', 'always'])
    .optional()
    .describe('When people are asked whether it may have these scopes. Default: first_time.'),
  require_pkce: z
    .boolean()
    .optional()
    .describe('Default true. false only for a confidential client that cannot (RFC 7636).'),
  id_token_signed_response_alg: z
    .enum(['ES256', 'RS256'])
    .optional()
    .describe('What signs its ID tokens: one of signing.algorithms. Default: RS256.'),
  userinfo_signed_response_alg: z
    .enum(['ES256', 'RS256'])
    .optional()
    .describe('What signs the answers of /userinfo to it. Default: nothing, they are JSON.'),
}

export const allowedOrigins = z
  .array(z.string().min(1).max(512))
  .min(1)
  .optional()
  .describe('Origins whose scripts may call /token, /userinfo and /revoke (CORS).')

export const session = z.strictObject({
  idle: duration.prefault('8h').describe('How long people stay logged in without being seen: 5m to 30d. Default 8h.'),
  absolute: duration.prefault('24h').describe('How long they do in all: 5m to 90d. Default 24h.'),
})

export const refreshTokens = z.strictObject({
  idle: duration.prefault('14d').describe('How long a refresh token may lie unused: 1h to 90d. Default 14d.'),
  absolute: duration
    .prefault('90d')
    .describe('How long tokens are refreshed after a login, in all: 1h to 365d. Default 90d.'),
  reuse_window: duration
    .prefault('10s')
    .describe('How long after its use a refresh token brings the same next one again: 0s to 60s. Default 10s.'),
})

export const branding = z.strictObject({
  name: label.optional().describe('Whose broker it is. Default: the host of our issuer.'),
  logo: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe('An .svg or .png below the folder of this file, at most 32 KiB.'),
  accent: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, 'a colour is written #rrggbb')
    .optional()
    .describe('The colour of buttons: #rrggbb.'),
})

export const login = z.strictObject({
  session: session.prefault({}),
  refresh_tokens: refreshTokens.prefault({}),
  branding: branding.default({}),
})
