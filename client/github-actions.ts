import { keepsSecrets } from './broker-url.ts'
import { TemporaryError, TokenBrokerError } from './errors.ts'
import { parseJsonObject } from './json-object.ts'
import { request } from './request.ts'
import { parseRetryAfter } from './retry.ts'
import { parseSubjectToken, type SubjectTokenSource } from './subject-token.ts'

const name = 'GitHub Actions'

/** What a job has with the permission `id-token: write` (GitHub's OpenID Connect reference, "Methods for requesting the OIDC token"). */
export interface IdTokenRequest {
  url: string
  /** Of this job alone. */
  token: string
}

/** A new token at each call: GitHub signs one whenever the job asks. Throws TokenBrokerError. */
export function githubActions({ url, token }: IdTokenRequest, audience: string): SubjectTokenSource {
  if (!URL.canParse(url) || !keepsSecrets(new URL(url)))
    throw new TokenBrokerError('ACTIONS_ID_TOKEN_REQUEST_URL is no https URL')
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new TokenBrokerError('ACTIONS_ID_TOKEN_REQUEST_TOKEN holds characters that no token has')
  const asked = new URL(url)
  asked.searchParams.set('audience', audience)
  return {
    name,
    fresh: true,
    identity: () => Promise.resolve(JSON.stringify([asked.href, token])),
    async token(left) {
      const { status, headers, text } = await request(asked.href, {
        name,
        timeout: Math.min(5_000, left),
        headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      })
      if (status === 429 || status >= 500)
        throw new TemporaryError(
          `${name} answered ${status} when asked for a token`,
          parseRetryAfter(headers.get('retry-after'), Date.now()),
        )
      if (status !== 200)
        throw new TokenBrokerError(
          `${name} answered ${status} when asked for a token: the job's right to ask may have ended with it`,
        )
      return parseSubjectToken(parseJsonObject(text)?.value, `the answer of ${name}`)
    },
  }
}
