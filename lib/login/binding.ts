import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { UpstreamBinding } from '../ports.ts'

/**
 * Everything that ties a login to one browser is derived from the secret in its cookie: the table, pages and URLs hold
 * nothing that could finish it (RFC 9700 section 4.7). All values are base64url.
 */

/** For one login at one issuer: `state` names both. */
export function bindingOf(secret: string, login_id: string, issuer_name: string): UpstreamBinding {
  const of = (purpose: string) => mac(secret, [purpose, login_id, issuer_name])
  return { state: `${login_id}.${issuer_name}.${of('state')}`, nonce: of('nonce'), code_verifier: of('code_verifier') }
}

/** What `state` says before anything of it is believed. */
export function readState(state: string): { login_id: string; issuer_name: string } | undefined {
  const [, login_id, issuer_name] = /^([A-Za-z0-9_-]{22})\.([a-z0-9/-]{1,20})\.[A-Za-z0-9_-]{43}$/.exec(state) ?? []
  return login_id === undefined || issuer_name === undefined ? undefined : { login_id, issuer_name }
}

/** Stands in a form that only this browser was shown, about this session and no other. */
export function consentProof(secret: string, login_id: string, session_key: string): string {
  return mac(secret, ['consent', login_id, session_key])
}

/** The same of a question whether to log out: about this request, in this session. */
export function logoutProof(session_secret: string, request: string): string {
  return mac(session_secret, ['logout', request])
}

/** In a time that tells nothing of where they differ. */
export function isSame(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}

function mac(secret: string, parts: readonly string[]): string {
  return createHmac('sha256', secret).update(JSON.stringify(parts)).digest('base64url')
}
