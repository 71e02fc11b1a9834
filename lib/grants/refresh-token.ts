import type { RefreshFamily } from '../ports.ts'
import { authenticationFailed } from '../protocol/client-authentication.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import { requiredParameter, type Form } from '../protocol/form.ts'
import { isIdentityScope } from '../protocol/identity.ts'
import { parseTargetRequest } from '../protocol/token-exchange-request.ts'
import type { TokenResponse } from '../protocol/token-response.ts'
import { parseRefreshToken, seal, unseal, type RefreshToken } from '../tokens/refresh-token.ts'
import type { RequestClient } from '../tokens/request-client.ts'
import { named } from '../trust/configuration.ts'
import { consentNames } from './consent-names.ts'
import type { GrantContext } from './index.ts'
import { decideRecalled, issueRecalled, withdrawn, type Recalled, type RecalledRequest } from './recalled-login.ts'
import { endOf, familyJti, nextOf, revokeFamily, standingOf } from './refresh-family.ts'

/**
 * RFC 6749 section 6, RFC 9700 section 4.14.2: trade a refresh token for tokens, and for the next refresh token. Whatever
 * fails before that is on record leaves it as it was.
 */
export async function refreshToken(
  form: Form,
  client: RequestClient | undefined,
  context: GrantContext,
): Promise<TokenResponse> {
  if (client === undefined) throw authenticationFailed('a refresh token is used by the client that it was issued to')
  const presented = parseRefreshToken(requiredParameter(form, 'refresh_token'))
  if (presented === undefined) throw unknown()
  const family = await findFamily(presented, context)
  await checkStanding(presented, family, client, context)
  const recalled = decide(family, form, client, context)
  await checkConsent(family, recalled, client, context)
  let next: RefreshToken | undefined
  const response = await issueRecalled(family, recalled, client, context, {
    parents: [familyJti(family.id)],
    since: family.at,
    async settle() {
      next = await successor(presented, family, client, context)
    },
  })
  if (next === undefined) throw new Error('tokens were issued, and nothing was settled')
  return { ...response, refresh_token: next.text }
}

const unknown = () => new RefusedError({ reason: 'refresh_token_unknown' })

/** Of a token that once was of it. Throws RefusedError. */
async function findFamily(
  { family: id, holder }: RefreshToken,
  { policy, ports, signal }: GrantContext,
): Promise<RefreshFamily> {
  const now = ports.now()
  const family = await ports.families.find(id, now, signal)
  if (family?.holder !== holder || endOf(family, policy.configuration.login.refresh_tokens) <= now) throw unknown()
  return family
}

/** Throws RefusedError, once a token that was used, or is a stranger's, has brought its family down. */
async function checkStanding(
  presented: RefreshToken,
  family: RefreshFamily,
  { client_id }: RequestClient,
  context: GrantContext,
): Promise<'current' | 'before'> {
  const { policy, ports } = context
  const { id } = family
  if (family.revoked_at !== undefined) throw new RefusedError({ reason: 'refresh_token_revoked', family: id })
  const standing = standingOf(presented, family, policy.configuration.login.refresh_tokens, ports.now())
  const isTheirs = family.client_id === client_id
  if (isTheirs && standing !== 'used') return standing
  if (standing === 'current') throw new RefusedError({ reason: 'refresh_token_of_another_client', client_id })
  await revokeFamily(id, { reason: 'a refresh token was used again', by: client_id }, context)
  throw new RefusedError({ reason: 'refresh_token_reused', family: id, client_id })
}

/** Anew, and never more than was granted when the person logged in. Throws RefusedError. */
function decide(family: RefreshFamily, form: Form, client: RequestClient, context: GrantContext): Recalled {
  const { client_id } = client
  if (!named(context.policy.configuration.clients, client_id)?.login?.scopes.includes('offline_access'))
    throw withdrawn(client, { reason: 'grant_type_not_allowed', client_id })
  const recalled = decideRecalled(family, narrowed(form, family), { reason: 'refresh_token_unknown' }, client, context)
  const { granted, trace } = recalled.decision
  if (family.target === undefined) return recalled
  const bound = family.target.scope ?? []
  const scopes = granted.scopes.filter((scope) => bound.includes(scope))
  if (scopes.length === 0 && bound.length > 0)
    throw withdrawn(client, { reason: 'scope_not_granted', target: granted.target, excess: [...bound], unknown: 0 })
  return { ...recalled, decision: { granted: { ...granted, scopes }, trace } }
}

/** RFC 6749 section 6: `scope` may ask for less. Throws RefusedError. */
function narrowed(form: Form, { scopes, target }: RefreshFamily): RecalledRequest {
  const { resource, scope } = parseTargetRequest(form)
  if (scope === undefined) return { scopes, resource, scope }
  const bound = target?.scope ?? []
  const ofTarget = scope.filter((each) => !isIdentityScope(each))
  const excess = scope.filter((each) => !scopes.includes(each) && !bound.includes(each)).length
  // What opens nothing of its target is not what was asked for.
  if (excess > 0 || (bound.length > 0 && ofTarget.length === 0))
    throw new RefusedError({ reason: 'scope_not_granted', target: '', excess: [], unknown: excess })
  return { scopes: scope.filter(isIdentityScope), resource, scope: ofTarget }
}

/** Throws RefusedError where the person, or the operator, has withdrawn what this rests on. */
async function checkConsent(
  { scopes, target, authentication: { sub } }: RefreshFamily,
  { decision: { granted } }: Recalled,
  client: RequestClient,
  { policy, ports, signal }: GrantContext,
): Promise<void> {
  const { client_id } = client
  if (named(policy.configuration.clients, client_id)?.login?.consent === 'never') return
  const given = await ports.consents.find({ client_id, sub }, ports.now(), signal)
  if (!consentNames(scopes, target && granted).every((name) => given?.scopes.includes(name)))
    throw withdrawn(client, { reason: 'consent_needed' })
}

/**
 * The refresh token that comes next: of all who present one at once the same, and the write says whose it is and that the
 * family stands. Throws RefusedError and UnavailableError.
 */
async function successor(
  presented: RefreshToken,
  family: RefreshFamily,
  client: RequestClient,
  context: GrantContext,
): Promise<RefreshToken> {
  const { policy, ports, signal } = context
  if (family.current !== presented.hash) return readSuccessor(family, presented)
  const next = nextOf(presented, ports)
  const settings = policy.configuration.login.refresh_tokens
  const at = ports.now()
  const rotation = {
    presented: presented.hash,
    current: next.hash,
    successor: seal(next, presented, ports.random(12)),
    at,
    expires_at: Math.min(at + settings.idle, family.ends_at, family.at + settings.absolute),
  }
  const rotated = await ports.families.rotate(family.id, rotation, signal).catch(asOutage)
  if (rotated === true) return next
  const found = await findFamily(presented, context)
  // Ours, of which the answer was lost.
  if (found.current === next.hash && found.revoked_at === undefined) return next
  const standing = await checkStanding(presented, found, client, context)
  if (standing === 'before') return readSuccessor(found, presented)
  throw rotated === false ? new UnavailableError('dynamodb', 'a rotation could not be settled') : rotated
}

function asOutage(error: unknown): UnavailableError {
  if (error instanceof UnavailableError) return error
  throw error
}

function readSuccessor({ rotation }: RefreshFamily, presented: RefreshToken): RefreshToken {
  const next = rotation && unseal(rotation.successor, presented)
  if (next === undefined) throw new UnavailableError('dynamodb', 'a row with a broken successor')
  return next
}
