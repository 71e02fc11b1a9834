import type { ResponseMode } from '../protocol/authorization-request.ts'
import type { IdentityScope } from '../protocol/identity.ts'

/** To which client an answer goes. Made by `trustRedirect` alone: nothing is sent to a redirect URI that was not looked at. */
export interface AnswerTo {
  client_id: string
  /** As people know it. */
  client_name: string
  redirect_uri: string
  response_mode: ResponseMode
  state: string | undefined
}

/** What the browser is to get. */
export type LoginOutcome = { cookies?: NewCookies } & (
  | { kind: 'answer'; to: AnswerTo; parameters: Readonly<Record<string, string>> }
  /** At the issuer, or a path of ours. */
  | { kind: 'redirect'; url: string }
  | ({ kind: 'choice' } & Choice)
  | ({ kind: 'consent' } & ConsentQuestion)
)

/** Secrets, for cookies. */
export interface NewCookies {
  browser?: string
  session?: string
}

export interface Choice {
  login_id: string
  client_name: string
  issuers: readonly { name: string; display_name: string }[]
  /** Whether what the person typed names none of them. */
  unknown: boolean
  /** Whether one of them has domains, so that an e-mail address can decide. */
  byAddress: boolean
}

export interface ConsentQuestion {
  login_id: string
  /** Goes with the answer. */
  proof: string
  client_name: string
  /** As people know it. */
  issuer: string
  /** How the person is to know which account it is. */
  person: string | undefined
  scopes: readonly IdentityScope[]
  target: { name: string; scopes: readonly string[] } | undefined
  /** Where the client registered itself: the host that it goes back to, and what it says of itself. */
  registered?: { host: string; policy_uri: string | undefined; tos_uri: string | undefined }
}

/** An error that the client may be told, for its redirect URI is trusted. */
export class AnsweredError extends Error {
  readonly to: AnswerTo
  /** Of a person who did log in, and may still not have what was asked for. */
  readonly cookies: NewCookies

  constructor(to: AnswerTo, cause: unknown, cookies: NewCookies = {}) {
    super('a login came to nothing', { cause })
    this.name = 'AnsweredError'
    this.to = to
    this.cookies = cookies
  }
}

/** What went wrong at the issuer: the person is told, and may go on from there. `issuer`: as people know it. */
export class UpstreamFailure extends Error {
  readonly at: { to: AnswerTo; login_id: string; name: string; issuer: string }

  constructor(at: UpstreamFailure['at'], cause: unknown) {
    super('a login at an issuer came to nothing', { cause })
    this.name = 'UpstreamFailure'
    this.at = at
  }
}
