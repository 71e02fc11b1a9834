import { createHash } from 'node:crypto'
import { RefusedError } from '../protocol/errors.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import { claimAt, type ClaimPath } from './claim-path.ts'
import type { SubjectTemplate } from './trusted-issuer.ts'

const MAX_SUB_BYTES = 255

/** Fills the template. Throws RefusedError when a claim it needs is absent, or could pass for the template's own text. */
export function subjectOf(claims: JsonObject, template: SubjectTemplate): string {
  const composed = template.length > 1
  return template
    .map((part) => {
      if (typeof part === 'string') return part
      const path = part.otherwise && claimAt(claims, part.claim) === undefined ? part.otherwise : part.claim
      return identifier(claims, path, composed)
    })
    .join('')
}

/**
 * What CloudTrail records of every call of a session, also through further roles: `<issuer name>.<base64url SHA-256 of
 * issuer name, a zero byte, subject>`, where a / in the name is a dot. Of the alphabet and the 64 characters that STS takes, whatever the subject is.
 */
export function sourceIdentity(issuerName: string, subject: string): string {
  const hash = createHash('sha256').update(`${issuerName}\0${subject}`).digest('base64url')
  return `${issuerName.slice(0, 20).replace('/', '.')}.${hash}`
}

function identifier(claims: JsonObject, path: ClaimPath, composed: boolean): string {
  const value = claimAt(claims, path)
  const claim = path.join('/')
  if (value === undefined || value === null) throw new RefusedError({ reason: 'subject_claim_missing', claim })
  // Only where the operator chose the claim: the issuers we have presets for send all their ids as text.
  const text = !composed && typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  // `:` or `/` inside a part would let one subject spell another's.
  if (typeof text !== 'string' || text === '' || (composed && !/^[A-Za-z0-9._{}-]+$/.test(text)))
    throw new RefusedError({ reason: 'claim_malformed', claim, detail: 'not an identifier' })
  return text
}

/**
 * `<issuer name>:<subject>`, so that two issuers' subjects never meet. What is over 255 bytes, outside printable ASCII,
 * or already spelt like a hash becomes `<issuer name>:sha256:<base64url>`, so the two forms cannot meet either.
 */
export function toSub(issuerName: string, subject: string): string {
  const sub = `${issuerName}:${subject}`
  if (sub.length <= MAX_SUB_BYTES && /^[\x20-\x7e]+$/.test(subject) && !subject.startsWith('sha256:')) return sub
  return `${issuerName}:sha256:${createHash('sha256').update(subject).digest('base64url')}`
}
