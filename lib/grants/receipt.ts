import type { AssertionReceipt, Receipt, RoleSession } from '../ports.ts'
import type { JsonObject } from '../protocol/strict-json.ts'
import {
  AUTHORIZATION_CODE_GRANT,
  CLIENT_CREDENTIALS_GRANT,
  REFRESH_TOKEN_GRANT,
  TOKEN_EXCHANGE_GRANT,
} from '../protocol/urns.ts'
import { claimAt, toName, type ClaimPath } from '../tokens/claim-path.ts'
import type { AuthenticatedClient, RequestClient } from '../tokens/request-client.ts'
import { MAX_CLOCK_TOLERANCE } from '../tokens/trusted-issuer.ts'
import type { VerifiedSubject } from '../tokens/verify-subject-token.ts'
import type { Granted, Trace } from '../trust/decide.ts'
import type { Policy } from '../trust/policy.ts'

const MAX_CLAIMS_BYTES = 8 * 1024

/** What was made: signed by a key of ours, or a session of a role. `exp` in seconds since 1970. */
export type Issued = { exp: number } & ({ kid: string } | { session: RoleSession })

interface Exchange {
  decision: { granted: Granted; trace: Trace }
  subject: VerifiedSubject | AuthenticatedClient
  client: RequestClient | undefined
  decision_id: string
  issued: Issued
  now: number
  policy: Policy
  /** Absent: a token was traded, or nothing. */
  login?: OfLogin | undefined
}

/** What of a login it is issued for. */
export interface OfLogin {
  /** base64url SHA-256 of the code that was traded. Absent: a refresh token was. */
  code?: string
  /** What else it is revoked by: what refreshes it. */
  parents: readonly string[]
}

/** What is written before anything is released. Kept at least as long as the subject token or what was issued could be used, also if broker.yaml tolerates more by then. */
export function receiptOf({
  decision: { granted, trace },
  subject,
  client,
  decision_id,
  issued,
  now,
  policy,
  login,
}: Exchange): Receipt {
  const retained = now + policy.configuration.receipts.retention
  const common = {
    decision_id,
    sub: subject.sub,
    ...askerOf(subject, client),
    rules: [...granted.rules],
    config_hash: policy.configuration.hash,
    target: granted.target,
    scopes: 'scopes' in granted ? [...granted.scopes] : [],
    ...sealOf(issued),
    issued_exp: issued.exp,
    parents: [...(login?.parents ?? [])],
    shadow: [...trace.shadow],
    at: now,
  }
  if (!('issuer' in subject)) {
    return {
      ...common,
      key: `client:${subject.client_id}#id:${decision_id}`,
      grant_type: CLIENT_CREDENTIALS_GRANT,
      claims: {},
      expires_at: Math.max(issued.exp, retained),
    }
  }
  return {
    ...common,
    ...(login === undefined
      ? { key: receiptKey(subject, granted.target, decision_id), grant_type: TOKEN_EXCHANGE_GRANT }
      : ofLogin(subject, login, decision_id)),
    ...evidenceOf(subject),
    ...namedClaims(subject, policy),
    expires_at: Math.max(subject.exp + MAX_CLOCK_TOLERANCE, issued.exp + MAX_CLOCK_TOLERANCE, retained),
  }
}

/** What is written before a client is believed that has proved itself by a token, so that the token does so once. */
export function assertionReceiptOf(
  client_id: string,
  assertion: VerifiedSubject,
  decision_id: string,
  now: number,
): AssertionReceipt {
  return {
    // No target has a colon in its name: where a token counts once per target, a client is one more.
    key: receiptKey(assertion, `client:${client_id}`, decision_id),
    decision_id,
    use: 'client_assertion',
    client_id,
    ...evidenceOf(assertion),
    at: now,
    expires_at: assertion.exp + MAX_CLOCK_TOLERANCE,
  }
}

/** As token and receipt say it: a workload that names no client is its own. `client_sub`: of a federated client, its workload. */
export function askerOf(
  subject: VerifiedSubject | AuthenticatedClient,
  client: RequestClient | undefined,
): Pick<Receipt, 'client_id' | 'client_sub'> {
  const client_id = client?.client_id ?? subject.sub
  const workload = client?.authenticated ? client.workload : undefined
  return workload === undefined ? { client_id } : { client_id, client_sub: workload.sub }
}

function evidenceOf({ issuer, subject, jti, hash }: VerifiedSubject) {
  return { issuer_name: issuer.name, iss: issuer.issuer, subject, subject_jti: jti, subject_hash: hash }
}

function sealOf(issued: Issued): Pick<Receipt, 'kid' | 'role' | 'source_identity' | 'session_name'> {
  if ('kid' in issued) return { kid: issued.kid }
  const { role, source_identity, session_name } = issued.session
  return { role, source_identity, session_name }
}

function ofLogin(subject: VerifiedSubject, { code }: OfLogin, decision_id: string) {
  return code === undefined
    ? { key: decisionReceiptKey(subject, decision_id), grant_type: REFRESH_TOKEN_GRANT }
    : { key: codeReceiptKey(subject, code), grant_type: AUTHORIZATION_CODE_GRANT }
}

/** A code is traded once, for whatever it is traded. */
export function codeReceiptKey({ issuer }: VerifiedSubject, code: string): string {
  return `${issuer.name}#code:${code}`
}

function decisionReceiptKey({ issuer }: VerifiedSubject, decision_id: string): string {
  return `${issuer.name}#id:${decision_id}`
}

/** What makes an exchange unique: the token where it may be used once, the token and target, or this decision alone. */
function receiptKey(subject: VerifiedSubject, target: string, decision_id: string): string {
  const { issuer, jti, hash } = subject
  const token = jti === undefined ? `hash:${hash}` : `jti:${jti}`
  if (issuer.replay === 'once') return `${issuer.name}#${token}`
  if (issuer.replay === 'once_per_target') return `${issuer.name}#${token}#${target}`
  return decisionReceiptKey(subject, decision_id)
}

/** Only the claims that the issuer or its rules name, and no more than 8 KiB of them; the names of those that found no room. */
function namedClaims(subject: VerifiedSubject, policy: Policy): Pick<Receipt, 'claims' | 'claims_left_out'> {
  const claims: JsonObject = {}
  const left: string[] = []
  // The opening brace; each member brings the comma or brace that follows it.
  let bytes = 1
  for (const path of policy.namedClaims.get(subject.issuer.name) as readonly ClaimPath[]) {
    const value = claimAt(subject.claims, path)
    if (value === undefined) continue
    const key = toName(path)
    bytes += Buffer.byteLength(JSON.stringify({ [key]: value })) - 1
    if (bytes > MAX_CLAIMS_BYTES) left.push(key)
    else claims[key] = value
  }
  return { claims, ...(left.length > 0 ? { claims_left_out: left } : {}) }
}
