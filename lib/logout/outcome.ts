/** What the browser is to get. */
export type LogoutOutcome =
  | ({ kind: 'log-out' } & LogoutQuestion)
  /** The person thought better of it. */
  | { kind: 'stay'; client_name: string | undefined; back: string | undefined }
  | ({ kind: 'logged-out' } & LoggedOut)

export interface LogoutQuestion {
  /** Goes with the answer, as it came. */
  request: string
  /** The same: only a page of ours, in this session, had it. */
  proof: string
  client_name: string | undefined
  /** How the person is to know which account it is. */
  person: string | undefined
  /** Where they logged in, as people know it. */
  issuer: string
}

export interface LoggedOut {
  client_name: string | undefined
  /** Where the person goes on. Absent: they stay. */
  back: string | undefined
  /** Of clients that are told by the browser (OpenID Connect Front-Channel Logout 1.0 section 3), with their parameters. */
  frames: readonly string[]
  /** Where the person may still be logged in, as people know it. */
  issuer: string | undefined
}
