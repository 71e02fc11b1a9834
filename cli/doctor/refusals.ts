import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { claimsOf } from '../../client/token-claims.ts'
import { answered, orUnanswered, type AskBroker, type BrokerAnswer } from './ask-broker.ts'
import { failed, ok, type Check } from './check.ts'

/** RFC 2606: a name that nobody can have, so no broker.yaml trusts it. */
const nobody = 'https://doctor.invalid'

/** What the broker must refuse whatever its broker.yaml says. `subject_token`: one that it may accept, if there is any. */
export async function checkRefusals(
  broker: string,
  ask: AskBroker,
  subject_token: string | undefined,
): Promise<Check[]> {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: nobody, sub: 'doctor', aud: broker, iat: now, exp: now + 60, jti: randomUUID() }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const stranger = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'doctor' }).sign(privateKey)
  // The claims of a token that would be accepted show more than those of a stranger.
  const unsigned = unsecured((subject_token === undefined ? undefined : claimsOf(subject_token)) ?? claims)
  return [
    ...(await refused('stranger', 'a token of an issuer that nobody trusts', stranger, ask)),
    ...(await refused('unsigned', 'a token that nobody signed (alg: none)', unsigned, ask)),
    ...(await unauthenticated('introspection', '/introspect', { token: stranger }, ask)),
    ...(await unauthenticated('revocation', '/revoke', { token: stranger, client_id: 'doctor.invalid' }, ask)),
  ]
}

/** RFC 7519 section 6 */
function unsecured(claims: Record<string, unknown>): string {
  const [header, payload] = [{ alg: 'none', typ: 'JWT' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return `${header}.${payload}.`
}

/** RFC 8693 section 2.2.2 */
function refused(check: string, what: string, subject_token: string, ask: AskBroker): Promise<Check[]> {
  return orUnanswered(check, async () => {
    const form = { grant_type: TOKEN_EXCHANGE_GRANT, subject_token, subject_token_type: JWT_TYPE }
    const answer = await ask('/token', form)
    if (typeof answer.body?.access_token === 'string')
      return [failed(check, `${what} WAS ACCEPTED`, 'take this URL down: it is no token-broker')]
    if (answer.status !== 400 || answer.body?.error !== 'invalid_request')
      return [failed(check, `to ${what} it ${answered(answer)}, not 400 invalid_request`, askTheLog(answer))]
    if (!answer.headers.get('x-decision-id'))
      return [failed(check, `${what} is refused without a decision id`, 'see that it is a token-broker that answers')]
    if (!/no-store/.test(answer.headers.get('cache-control') ?? ''))
      return [failed(check, `the refusal of ${what} may be cached`, 'see what answers in between')]
    return [ok(check, `${what} is refused`)]
  })
}

function unauthenticated(check: string, path: string, form: Record<string, string>, ask: AskBroker): Promise<Check[]> {
  return orUnanswered(check, async () => {
    const answer = await ask(path, form)
    if (answer.status === 401 && answer.body?.error === 'invalid_client')
      return [ok(check, `${path} asks a client who it is`)]
    const seen = `to a client that is none ${path} ${answered(answer)}, not 401 invalid_client`
    return [failed(check, seen, askTheLog(answer))]
  })
}

export function askTheLog({ status, headers }: BrokerAnswer): string {
  const id = headers.get('x-decision-id')
  if (id && /^[\w-]{1,64}$/.test(id)) return `the broker's log says why, under ${id}`
  return status === 429 ? 'it is throttled: ask again in a minute' : 'see what answers before the broker, and its log'
}
