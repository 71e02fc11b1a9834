import * as z from 'zod'
import { parseDuration } from './durations.ts'

/** Values that stand in several places of broker.yaml. */

export const duration = z
  .string()
  .regex(/^(0|[1-9]\d{0,8})[smhd]$/, 'a duration is a number and a unit: 30s, 15m, 1h, 90d')
  .transform((text) => parseDuration(text) ?? 0)
  .describe('A duration: 30s, 15m, 1h, 90d.')

export const scope = z
  .string()
  .regex(
    /^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/,
    'a scope is printable ASCII without spaces, quotes and backslashes (RFC 6749 section 3.3)',
  )
  .describe('A scope token (RFC 6749 section 3.3).')

export const expression = z.string().min(1).describe('A path such as claims.sha, or CEL over claims.')

/** What people read: of printable characters. */
export const label = z
  .string()
  .refine(
    (text) => /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,64}$/u.test(text) && text.trim() === text,
    'write 1 to 64 printable characters',
  )

export const tokenEndpointAudience = z
  .boolean()
  .default(false)
  .describe('Default false. true: also assertions whose `aud` is our token endpoint, as older libraries make them.')
