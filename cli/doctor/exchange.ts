import { createLocalJWKSet, errors, jwtVerify, type JWTPayload } from 'jose'
import { TokenBrokerError } from '../../client/errors.ts'
import { readTokenResponse, type IssuedAccessToken } from '../../client/issued.ts'
import { describeSubject } from '../../client/token-claims.ts'
import type { VerificationKey } from '../../lib/protocol/key-set.ts'
import { ACCESS_TOKEN_TYPE, JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { answered, orUnanswered, type AskBroker } from './ask-broker.ts'
import { failed, ok, warning, type Check } from './check.ts'
import { askTheLog } from './refusals.ts'

export interface Exchanged {
  broker: string
  subject_token: string
  /** As the request names it. Absent: the one target that the token is granted. */
  target: string | undefined
  /** What the issued token must be for, where that is known. */
  audience: string | undefined
  keys: readonly VerificationKey[]
  /** Seconds that the broker's clock is ahead of ours. */
  offset: number
}

/** Trades a token as a job does, looks at what was issued as a resource server does, and hands it back. */
export function checkExchange(exchanged: Exchanged, ask: AskBroker): Promise<Check[]> {
  const { subject_token, target } = exchanged
  return orUnanswered('exchange', async () => {
    const answer = await ask('/token', {
      grant_type: TOKEN_EXCHANGE_GRANT,
      subject_token,
      subject_token_type: JWT_TYPE,
      ...(target === undefined ? {} : { audience: target }),
    })
    if (answer.status !== 200)
      return [
        failed(
          'exchange',
          `it ${answered(answer)} to a token with ${describeSubject(subject_token)}`,
          `\`token-broker explain\` says why, unless that token was traded before; ${askTheLog(answer)}`,
        ),
      ]
    const now = Math.floor(Date.now() / 1000)
    const issued = answer.body && readTokenResponse(answer.body, now)
    if (issued === undefined) return [failed('exchange', 'it answered 200, and no token', 'see what answers there')]
    const seconds = Math.floor(issued.expires_at - now)
    if (issued.issued_token_type !== ACCESS_TOKEN_TYPE)
      return [ok('exchange', `AWS credentials for ${seconds} s; they were thrown away, and nobody can hand them back`)]
    return [
      ok('exchange', `an access token for ${seconds} s${issued.scope === undefined ? '' : `, scope ${issued.scope}`}`),
      await checkToken(issued, exchanged),
      ...(await handBack(issued, seconds, ask)),
    ]
  })
}

/** RFC 9068 section 4, by the keys that everybody has. */
async function checkToken({ access_token }: IssuedAccessToken, exchanged: Exchanged): Promise<Check> {
  const { broker, audience, keys, offset } = exchanged
  try {
    const { payload, protectedHeader } = await jwtVerify(
      access_token,
      createLocalJWKSet({ keys: keys.map(({ jwk }) => jwk) }),
      {
        issuer: broker,
        typ: 'at+jwt',
        algorithms: ['ES256', 'RS256'],
        requiredClaims: ['sub', 'aud', 'exp', 'iat', 'jti', 'client_id'],
        currentDate: new Date(Date.now() + offset * 1000),
        ...(audience === undefined ? {} : { audience }),
      },
    )
    return ok('token', `signed by ${protectedHeader.kid} for ${audienceOf(payload)}`)
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error
    const claim = error instanceof errors.JWTClaimValidationFailed ? `: ${error.claim}` : ''
    return failed(
      'token',
      `it cannot be verified by the published keys (${error.code}${claim})`,
      'deploy again: /jwks and what signs must be of one deployment',
    )
  }
}

function audienceOf({ aud }: JWTPayload): string {
  return [aud ?? 'nobody'].flat().join(', ')
}

/** RFC 7009: whoever holds a workload's token may. */
async function handBack({ access_token: token }: IssuedAccessToken, seconds: number, ask: AskBroker): Promise<Check[]> {
  const left = `the token is good for ${seconds} s more, and was not kept`
  try {
    const answer = await ask('/revoke', { token })
    if (answer.status === 200) return [ok('hand-back', 'the token was revoked, and nothing is left behind')]
    return [warning('hand-back', `/revoke ${answered(answer)}`, left)]
  } catch (error) {
    if (!(error instanceof TokenBrokerError)) throw error
    return [warning('hand-back', error.message, left)]
  }
}
