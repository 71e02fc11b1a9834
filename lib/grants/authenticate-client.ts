import type { Ports } from '../ports.ts'
import { authenticationFailed, presentedClient, type PresentedClient } from '../protocol/client-authentication.ts'
import { RefusedError, UnavailableError } from '../protocol/errors.ts'
import { parameter, type Form } from '../protocol/form.ts'
import { secretFits } from '../tokens/client-secret.ts'
import { parseCompactJws } from '../tokens/compact-jws.ts'
import { toIssuers } from '../tokens/issuers.ts'
import type { AuthenticatedClient, RequestClient } from '../tokens/request-client.ts'
import { verifySubjectToken, type Verification, type VerifiedSubject } from '../tokens/verify-subject-token.ts'
import { admitClient } from '../trust/admit-client.ts'
import { named, type ClientAuth } from '../trust/configuration.ts'
import type { Policy } from '../trust/policy.ts'
import { assertionReceiptOf } from './receipt.ts'
import { release } from './release.ts'
import { withRegistered } from './with-registered.ts'

/** What authenticating takes. */
export interface ClientContext {
  policy: Policy
  ports: Pick<Ports, 'now' | 'keySets' | 'receipts' | 'registered' | 'log'>
  decision_id: string
  signal: AbortSignal
}

/**
 * Does `work` for the request's client, or for undefined where it names none: a workload that presents its own token is
 * its own client. The policy of the context that `work` gets knows the client, also where it registered itself. A token that was the client's proof is spent, and given back only when `work` ends in an UnavailableError.
 * Throws RefusedError and UnavailableError.
 */
export async function asClient<T, Context extends ClientContext>(
  form: Form,
  authorization: string | undefined,
  given: Context,
  work: (client: RequestClient | undefined, context: Context) => Promise<T>,
): Promise<T> {
  const presented = presentedClient(form, authorization)
  if (presented.method === 'assertion') refuseSameToken(presented.assertion, form)
  const client_id =
    presented.method === 'assertion' ? (presented.client_id ?? claimedClient(presented.assertion)) : presented.client_id
  const context = await withRegistered(client_id, given)
  if (presented.method === 'none') return work(namedClient(presented.client_id, context.policy), context)
  if (presented.method !== 'assertion') return work(bySecret(presented, context.policy), context)
  return byAssertion(presented.assertion, presented.client_id, context, (client) => work(client, context))
}

function namedClient(client_id: string | undefined, { configuration }: Policy): RequestClient | undefined {
  if (client_id === undefined) return undefined
  const client = named(configuration.clients, client_id)
  if (client === undefined) throw new RefusedError({ reason: 'client_unknown' })
  if (client.type !== 'public') throw authenticationFailed('a confidential client only gave its name')
  return { client_id, authenticated: false }
}

function bySecret(
  { method, client_id, client_secret }: Extract<PresentedClient, { client_secret: string }>,
  policy: Policy,
): RequestClient {
  const auth = authOf(client_id, policy)
  const kept = auth?.kind === 'client_secret' ? auth : undefined
  // Looked at in every case, so that a client that does not exist takes as long as one that does.
  const fits = secretFits(client_secret, kept?.sha256 ?? [])
  const basic = method === 'basic'
  if (kept === undefined) throw authenticationFailed('no client of this name has a secret', basic)
  if (!fits) throw authenticationFailed('the secret is wrong', basic)
  if (!kept.methods.includes(method))
    throw authenticationFailed(`the client may not authenticate by client_secret_${method}`, basic)
  return authenticated(client_id, undefined)
}

/** RFC 7523 section 3. */
async function byAssertion<T>(
  assertion: string,
  named: string | undefined,
  context: ClientContext,
  work: (client: RequestClient) => Promise<T>,
): Promise<T> {
  const { policy, ports, decision_id, signal } = context
  const client_id = named ?? claimedClient(assertion)
  const auth = authOf(client_id, policy)
  if (auth?.kind !== 'private_key_jwt' && auth?.kind !== 'federated')
    throw authenticationFailed('no client of this name authenticates by an assertion')
  if (auth.kind === 'federated' && named === undefined)
    throw authenticationFailed('a federated client is named by client_id')
  const proof = await verifyAssertion(assertion, client_id, auth, context)
  const client = authenticated(client_id, auth.kind === 'federated' ? proof : undefined)
  if (proof.issuer.replay === 'off') return work(client)
  const receipt = assertionReceiptOf(client_id, proof, decision_id, ports.now())
  if ((await ports.receipts.record(receipt, signal)) === 'replayed')
    throw refusedAssertion(client_id, new RefusedError({ reason: 'subject_token_replayed' }))
  try {
    return await work(client)
  } catch (error) {
    if (error instanceof UnavailableError) await release(receipt, ports)
    throw error
  }
}

async function verifyAssertion(
  assertion: string,
  client_id: string,
  auth: Exclude<ClientAuth, { kind: 'client_secret' }>,
  { policy, ports, signal }: ClientContext,
): Promise<VerifiedSubject> {
  let proof: VerifiedSubject
  try {
    proof = await verifySubjectToken(assertion, 'client_assertion', {
      ...issuersOf(auth, policy),
      ourIssuer: policy.ourIssuer,
      keySets: ports.keySets,
      now: ports.now(),
      signal,
    })
  } catch (error) {
    throw error instanceof RefusedError ? refusedAssertion(client_id, error) : error
  }
  // RFC 7523 section 3: its subject is the client. Whom a federated one is about, its conditions say.
  if (auth.kind === 'private_key_jwt' && proof.subject !== client_id)
    throw authenticationFailed('the subject of the assertion is not the client')
  const unfit = auth.kind === 'federated' ? admitClient(auth, proof, policy, ports.now()) : undefined
  if (unfit) throw refusedAssertion(client_id, new RefusedError(unfit.refused), unfit.failed)
  return proof
}

/** One token cannot say both who asks and for whom: whoever holds it could be either. */
function refuseSameToken(assertion: string, form: Form): void {
  const subject_token = parameter(form, 'subject_token')
  if (subject_token !== undefined && signedPart(subject_token) === signedPart(assertion))
    throw authenticationFailed('the client assertion is also the subject token')
}

/** A signature can be respelt. */
function signedPart(token: string): string {
  return token.slice(0, Math.max(token.lastIndexOf('.'), 0))
}

/** Only to find whose keys to look at: nothing of it is believed yet. */
function claimedClient(assertion: string): string {
  try {
    const { sub } = parseCompactJws(assertion).payload
    return typeof sub === 'string' ? sub : ''
  } catch (error) {
    throw error instanceof RefusedError ? authenticationFailed('the assertion cannot be read') : error
  }
}

/** A trusted issuer's own token, or one that the client has signed itself. */
function issuersOf(
  auth: Exclude<ClientAuth, { kind: 'client_secret' }>,
  { issuers, ourIssuer }: Policy,
): Pick<Verification, 'issuers' | 'only'> {
  if (auth.kind === 'private_key_jwt') {
    const { signer, token_endpoint_audience } = auth
    const audiences = token_endpoint_audience ? [ourIssuer, `${ourIssuer}/token`] : [ourIssuer]
    return { issuers: toIssuers([{ ...signer, audiences }]) }
  }
  const [only] = auth.rule.issuers
  if (only === undefined) throw new Error('a federated client without an issuer')
  return { issuers, only }
}

function authOf(client_id: string, { configuration }: Policy): ClientAuth | undefined {
  return named(configuration.clients, client_id)?.auth
}

function authenticated(client_id: string, workload: VerifiedSubject | undefined): AuthenticatedClient {
  return { client_id, authenticated: true, sub: client_id, workload } as AuthenticatedClient
}

function refusedAssertion(client_id: string, { refusal }: RefusedError, because?: string): RefusedError {
  return new RefusedError({
    reason: 'client_assertion_refused',
    client_id,
    cause: refusal,
    ...(because === undefined ? {} : { failed: because }),
  })
}
