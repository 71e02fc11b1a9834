import type { AuthorizationCode, LoginGrant } from '../ports.ts'
import { authenticationFailed } from '../protocol/client-authentication.ts'
import { RefusedError } from '../protocol/errors.ts'
import { parameter, requiredParameter, type Form } from '../protocol/form.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import { hashOfSecret } from '../tokens/client-secret.ts'
import { fitsChallenge } from '../tokens/pkce.ts'
import type { RequestClient } from '../tokens/request-client.ts'
import type { GrantContext } from './index.ts'
import { codeReceiptKey } from './receipt.ts'
import { decideRecalled, issueRecalled, type Recalled } from './recalled-login.ts'
import { beginFamily, familyJti, revokeFamily } from './refresh-family.ts'
import { tokenRevocation } from './token-revocation.ts'

/** RFC 6749 section 4.1.3: trade the code of a login for tokens. Whatever is wrong before the receipt leaves it unspent. */
export async function authorizationCode(
  form: Form,
  client: RequestClient | undefined,
  context: GrantContext,
): Promise<TokenResponse> {
  if (client === undefined) throw authenticationFailed('a code is traded by the client that asked for it')
  const hash = hashOfSecret(requiredParameter(form, 'code'))
  const code = await findCode(hash, form, client, context)
  const request = { scopes: code.scopes, resource: form.get('resource') ?? [], scope: code.target?.scope }
  const recalled = decideRecalled(code, request, { reason: 'code_unknown' }, client, context)
  // Before the receipt: whoever is told that the code was used before finds the family to revoke.
  const refresh = recalled.scopes.includes('offline_access')
    ? await beginFamily(bound(code, recalled), context)
    : undefined
  const parents = refresh === undefined ? [] : [familyJti(refresh.family)]
  try {
    const response = await issueRecalled(code, recalled, client, context, { code: hash, parents, since: code.at })
    return { ...response, ...(refresh === undefined ? {} : { refresh_token: refresh.text }) }
  } catch (error) {
    if (!(error instanceof RefusedError) || error.refusal.reason !== 'subject_token_replayed') throw error
    throw await revokeFirstUse(code, codeReceiptKey(recalled.subject, hash), client, context)
  }
}

/** What refreshing is bound to: what was granted now, and no more of it (RFC 6749 section 6). */
function bound(
  { client_id, claims, acr_values, authentication, target }: AuthorizationCode,
  { scopes, decision: { granted } }: Recalled,
): LoginGrant {
  const ofTarget = target && { target: { resource: [granted.audience], scope: granted.scopes } }
  return { client_id, scopes, claims, acr_values, authentication, ...ofTarget }
}

/** By the client that asked for it, from where it was sent, with the proof that it asked. Throws RefusedError. */
async function findCode(
  hash: string,
  form: Form,
  { client_id }: RequestClient,
  { ports, signal }: GrantContext,
): Promise<AuthorizationCode> {
  const redirect_uri = requiredParameter(form, 'redirect_uri')
  const code = await ports.codes.find(hash, ports.now(), signal)
  if (code === undefined) throw new RefusedError({ reason: 'code_unknown' })
  if (code.client_id !== client_id) throw new RefusedError({ reason: 'code_of_another_client', client_id })
  if (code.redirect_uri !== redirect_uri) throw new RefusedError({ reason: 'code_mismatch', parameter: 'redirect_uri' })
  if (!fitsChallenge(parameter(form, 'code_verifier'), code.code_challenge))
    throw new RefusedError({ reason: 'code_mismatch', parameter: 'code_verifier' })
  return code
}

/**
 * RFC 6749 section 4.1.2: whoever has client, redirect URI and proof has used the code before, or somebody else has: what
 * came of it is revoked. Returns what the client is told.
 */
async function revokeFirstUse(
  { scopes }: AuthorizationCode,
  key: string,
  { client_id }: RequestClient,
  context: GrantContext,
): Promise<RefusedError> {
  const { ports, decision_id, signal } = context
  const first = await ports.receipts.find(key, signal)
  if (first !== undefined) {
    const reason = 'its code was used again'
    await ports.register.revoke(tokenRevocation(first.decision_id, reason, client_id, ports.now()), signal)
    ports.log.warn('revoked', { decision_id, jti: first.decision_id, by: client_id })
    // Also if broker.yaml has changed since, so that this use would have begun none.
    if (scopes.includes('offline_access')) await revokeFamily(first.decision_id, { reason, by: client_id }, context)
  }
  return new RefusedError({ reason: 'code_replayed', revoked: first?.decision_id })
}
