import type { AwsCredentials } from './protocol/aws-credentials.ts'
import type { KeySet } from './protocol/key-set.ts'
import type { RegisteredClient } from './protocol/registered-client.ts'
import type { SigningAlgorithm } from './protocol/algorithms.ts'
import type { RevocationKey } from './protocol/revocation-dimensions.ts'
import type { JsonObject } from './protocol/strict-json.ts'

/** Where an issuer's keys come from. `name` keys every cache; `issuer` is compared with the discovery document. */
export interface KeySource {
  name: string
  issuer: string
  jwks: { discovery: true } | { uri: string } | { keys: KeySet }
}

export interface KeySets {
  /**
   * The newest key set known for this issuer. With a `kid` that the known set lacks, one refetch is tried (at most one
   * per issuer per 30 s for the whole table) and the newest set is returned whether or not it holds the kid.
   * Throws UnavailableError when no set younger than an hour can be had, or when the kid is unknown and the last fetch failed.
   */
  find(source: KeySource, kid: string | undefined, signal: AbortSignal): Promise<KeySet>
}

/** The issuer's own answer, over the network. */
export interface KeySetFetcher {
  /** Throws UnavailableError for anything but a well-formed, non-empty key set from the configured issuer. */
  fetch(source: KeySource, etag: string | undefined, signal: AbortSignal): Promise<FetchedKeySet>
}

export type FetchedKeySet = { notModified: true } | { notModified: false; keys: KeySet; etag: string | undefined }

/** Second level of the key cache, shared by every sandbox. Times are whole seconds since 1970. */
export interface KeySetItem {
  keys: KeySet
  fetched_at: number
  etag: string | undefined
}

export interface KeySetItems {
  /** The stored set, validated again on read, and when a fetch was last begun. Either may be absent. Throws UnavailableError. */
  find(name: string, signal: AbortSignal): Promise<{ item: KeySetItem | undefined; attempted_at: number | undefined }>
  /** True for exactly one caller per issuer until `refetch` seconds later: that caller fetches. */
  claimFetch(name: string, now: number, signal: AbortSignal): Promise<boolean>
  /** Stores a set unless a newer one is there: the item only moves forward in time. */
  store(name: string, item: KeySetItem, signal: AbortSignal): Promise<void>
}

/** One exchange: what was presented, what was decided, what was issued. Also the replay record. Times in seconds since 1970. */
export interface Receipt {
  /** `<issuer name>#<key>`: what makes this exchange unique. */
  key: string
  decision_id: string
  grant_type: string
  /** Of the subject token. Absent, with the four after it, where a client asked for itself. */
  issuer_name?: string
  iss?: string
  subject?: string
  sub: string
  client_id: string
  subject_jti?: string | undefined
  /** base64url SHA-256 of the subject token's `header.payload`. */
  subject_hash?: string
  rules: string[]
  config_hash: string
  target: string
  scopes: string[]
  /** The key that signed. */
  kid?: string
  /** Or the role whose session it is, and what CloudTrail calls it. */
  role?: string
  source_identity?: string
  session_name?: string
  /** Of the workload that authenticated a federated client: our `sub` for it. */
  client_sub?: string
  issued_exp: number
  parents: string[]
  claims: Record<string, unknown>
  /** Names of claims that the token has and for which there was no room. */
  claims_left_out?: string[]
  shadow: string[]
  at: number
  expires_at: number
}

/** One use of a token by which a client authenticated. It shares its keys with receipts: a token is presented once, in whichever role. */
export interface AssertionReceipt {
  key: string
  decision_id: string
  use: 'client_assertion'
  client_id: string
  /** `client:<client_id>` where the client signed it with a key of its own. */
  issuer_name: string
  iss: string
  subject: string
  subject_jti: string | undefined
  subject_hash: string
  at: number
  expires_at: number
}

export interface ReceiptStore {
  /**
   * 'recorded' for exactly one caller per key until `expires_at`, 'replayed' for every other; a released receipt may be
   * recorded again, three times in all. Concurrent callers get one 'recorded' between them.
   * Throws UnavailableError when it cannot be known which.
   */
  record(receipt: Receipt | AssertionReceipt, signal: AbortSignal): Promise<'recorded' | 'replayed'>
  /** Whose receipt that is, read consistently; undefined where there is none, or it has expired. Throws UnavailableError. */
  find(key: string, signal: AbortSignal): Promise<{ decision_id: string; state: 'recorded' | 'released' } | undefined>
  /** Marks our own receipt released, so that the same token may be tried again. No effect on anybody else's. Throws UnavailableError. */
  release(receipt: Receipt | AssertionReceipt, signal: AbortSignal): Promise<void>
}

export type { RegisteredClient, RevocationKey }

export interface Revocation extends RevocationKey {
  /** Tokens issued at or before this second are inactive. */
  not_before: number
  /** Nothing is issued before this second. 0 when issuing was never blocked. */
  blocked_until: number
  /** The row counts for nothing from this second on, also while the store still holds it. */
  expires_at: number
}

export interface RevocationStore {
  /** Every stored revocation among these keys, read consistently. Throws UnavailableError, also for a partial answer. */
  find(keys: RevocationKey[], signal: AbortSignal): Promise<Revocation[]>
}

/** What somebody asks to be revoked. Times in seconds since 1970. */
export interface RevocationEntry extends RevocationKey {
  not_before: number
  blocked_until: number
  /** Kept at least until this second. */
  expires_at: number
  /** One line, for the record. */
  reason: string
  /** Who asked: an IAM principal's ARN, or a client_id of ours. */
  by: string
  at: number
}

/** What is on record of it, and when somebody lifted it. */
export interface RevocationRecord extends RevocationEntry {
  /** Of this state of the record: another one has another. */
  id: string
  lifted_at?: number
  lifted_by?: string
  lifted_reason?: string
}

export interface Lifting {
  /** Also for tokens that were issued before it; otherwise only new ones are issued again. */
  tokens: boolean
  reason: string
  by: string
  at: number
  /** Kept until this second. */
  expires_at: number
}

export interface RevocationRegister {
  /**
   * Durable when it returns, with what is then on record. Raises what is stored, and never lowers it: of two revocations the
   * stricter holds, whichever came first. Throws UnavailableError.
   */
  revoke(entry: RevocationEntry, signal: AbortSignal): Promise<RevocationRecord>
}

/** The register for operators, who may also look into it and take back. */
export interface RevocationBook extends RevocationRegister {
  /** What is on record, read consistently. Throws UnavailableError. */
  find(key: RevocationKey, signal: AbortSignal): Promise<RevocationRecord | undefined>
  /**
   * What is then on record. May be repeated. 'changed': the record is no longer the one that is meant, so somebody else has
   * had a say since, and nothing was done. Throws UnavailableError.
   */
  lift(
    meant: RevocationKey & { id: string },
    lifting: Lifting,
    signal: AbortSignal,
  ): Promise<RevocationRecord | 'changed'>
  /** All but those of single tokens, a page at a time; it may lag by a moment. Throws UnavailableError. */
  list(after: string | undefined, signal: AbortSignal): Promise<{ records: RevocationRecord[]; next?: string }>
}

export interface ReceiptCountRequest extends RevocationKey {
  /** Seconds since 1970. */
  now: number
  /** Only what was issued at or before this second. */
  before?: number | undefined
  /** From 0: this part of so many `segments` of the table. */
  segment: number
  segments: number
  /** Where the last answer for this part said to go on. */
  after?: string | undefined
}

/** How many are still valid; `read`: rows that were looked at; `next`: where there are more. */
export interface ReceiptCount {
  tokens: number
  sessions: number
  read: number
  next?: string
}

export interface ReceiptCounter {
  /** What a revocation would reach, in one part of the table. Throws UnavailableError. */
  count(request: ReceiptCountRequest, signal: AbortSignal): Promise<ReceiptCount>
}

/** How a person logged in at an issuer, and what it said of them. Times in seconds since 1970. */
export interface Authentication {
  /** Names the session to clients (`sid`, OpenID Connect Back-Channel Logout 1.0 section 2.1). Random, and no secret. */
  sid: string
  issuer_name: string
  /** By immutable id, as the issuer's template builds it; `sub` is ours for it. */
  subject: string
  sub: string
  /** What the issuer's ID token said, which is what rules read; and what is on receipts of that token. */
  claims: JsonObject
  jti?: string
  hash: string
  /** What clients may read, by the names of OpenID Connect Core section 5.1. */
  identity: JsonObject
  /** When they proved who they are. Absent where the issuer does not say. */
  auth_time?: number
  /** Those of ours that this login satisfies. */
  acr: readonly string[]
  amr?: readonly string[]
  /** The end of the session, whatever happens in it. */
  expires_at: number
}

/** An authorization request that waits until its person has logged in and consented. */
export interface PendingLogin {
  /** 128 random bits, base64url. Stands in pages and in `state`, and opens nothing without the browser's secret. */
  id: string
  /** base64url SHA-256 of the secret of the browser that asked. */
  browser: string
  /** The request as it came: application/x-www-form-urlencoded. */
  request: string
  at: number
  expires_at: number
}

export interface PendingLogins {
  /** A new one. Throws UnavailableError, also where one of this id is there, which stays as it is until it has expired. */
  record(login: PendingLogin, signal: AbortSignal): Promise<void>
  /** Read consistently; undefined from `expires_at` on. Throws UnavailableError. */
  find(id: string, now: number, signal: AbortSignal): Promise<PendingLogin | undefined>
  /** True for at most one caller, and for none from `expires_at` on. Throws UnavailableError, also when it cannot be known whose it is. */
  consume(id: string, now: number, signal: AbortSignal): Promise<boolean>
}

/** One browser in which somebody is logged in. */
export interface Session {
  /** base64url SHA-256 of the secret in its cookie. */
  key: string
  authentication: Authentication
  /** The id of the pending login that made it. */
  login_id: string
  /** To which clients the person came in it that are to be told when it ends: client_ids. */
  clients: readonly string[]
  /** Somebody has ended it, and its clients are being told: it goes on for nobody. */
  ending?: true
  at: number
  seen_at: number
  /** Unless it is seen again: never after the authentication's own. */
  expires_at: number
}

export interface Sessions {
  /** A new one. Throws UnavailableError, also where one of this key is there, which stays as it is until it has expired. */
  record(session: Session, signal: AbortSignal): Promise<void>
  /** Read consistently; undefined from `expires_at` on, its own or the authentication's. Throws UnavailableError. */
  find(key: string, now: number, signal: AbortSignal): Promise<Session | undefined>
  /** Of two the later `seen_at` counts. No effect on a session that has ended, or expired by then. Throws UnavailableError. */
  touch(key: string, seen: { seen_at: number; expires_at: number }, signal: AbortSignal): Promise<void>
  /** It is one of its clients, durably when this returns. False where the session has ended, ends, or expired by then. Throws UnavailableError. */
  enter(key: string, client_id: string, now: number, signal: AbortSignal): Promise<boolean>
  /** Ends for everybody: what it then is, with all its clients, of which there come no more. Undefined where it is gone. May be repeated. Throws UnavailableError. */
  close(key: string, signal: AbortSignal): Promise<Session | undefined>
  /** It is no more. May be repeated. Throws UnavailableError. */
  end(key: string, signal: AbortSignal): Promise<void>
  /**
   * It is no more, as another takes its place. 'gone': it was so before, or ends. 'changed': it has more clients than when it was
   * read, and goes on. Throws UnavailableError.
   */
  replace(session: Pick<Session, 'key' | 'clients'>, signal: AbortSignal): Promise<'replaced' | 'gone' | 'changed'>
}

/** The same for those who end them for others. */
export interface SessionBook extends Sessions {
  /** All of a person, by our `sub`, a page at a time, and a page may be empty. It may lag by a moment. Throws UnavailableError. */
  list(
    sub: string,
    now: number,
    after: string | undefined,
    signal: AbortSignal,
  ): Promise<{ sessions: Session[]; next?: string }>
}

/** Whose an issuer's own session is, where it names one without the other (OpenID Connect Back-Channel Logout 1.0 section 2.4). */
export interface UpstreamSessions {
  /** `sid`: the issuer's. `sub`: ours. Instead of what was on record. Throws UnavailableError. */
  record(
    session: { issuer_name: string; sid: string; sub: string; at: number; expires_at: number },
    signal: AbortSignal,
  ): Promise<void>
  /** Our `sub`, read consistently; undefined from `expires_at` on. Throws UnavailableError. */
  find(of: { issuer_name: string; sid: string }, now: number, signal: AbortSignal): Promise<string | undefined>
}

/** That a session has ended, for one client to be told by us (OpenID Connect Back-Channel Logout 1.0). */
export interface LogoutNotice {
  /** 22 characters, base64url: the `jti` of the logout token, however often it is sent. */
  id: string
  client_id: string
  /** Our `sub`, and the session as the client's ID tokens name it. */
  sub: string
  sid: string
  /** When it ended. */
  at: number
}

export interface LogoutNotices {
  /** On their way when this returns: each is delivered at least once, or set aside for an operator. May be repeated. Throws UnavailableError. */
  send(notices: readonly LogoutNotice[], signal: AbortSignal): Promise<void>
}

/** How a client is told (OpenID Connect Back-Channel Logout 1.0 section 2.5). */
export interface ClientNotifier {
  /** The status of its answer, whatever it is, within 5 s. Throws UnavailableError where there is none. */
  notify(
    client: { client_id: string; backchannel_logout_uri: string },
    logout_token: string,
    signal: AbortSignal,
  ): Promise<number>
}

/** What a client was granted of a person who has logged in. */
export interface LoginGrant {
  client_id: string
  /** Identity scopes that were granted. */
  scopes: readonly string[]
  /** RFC 8707: what else was asked for. Absent: only who it is. */
  target?: { resource: readonly string[]; scope: readonly string[] | undefined }
  /** Claims that were asked for by name (OpenID Connect Core section 5.5). */
  claims: { id_token: readonly string[]; userinfo: readonly string[] }
  /** Those that were asked for, in order of preference. */
  acr_values: readonly string[]
  authentication: Authentication
}

/** What a code stands for. That it counts once its receipt decides. */
export interface AuthorizationCode extends LoginGrant {
  /** base64url SHA-256 of the code. */
  key: string
  redirect_uri: string
  /** RFC 7636 section 4.2, by S256. Absent where the client need not. */
  code_challenge?: string
  nonce?: string
  at: number
  expires_at: number
}

export interface AuthorizationCodes {
  /** A new one. Throws UnavailableError, also where one of this key is there, which stays as it is until it has expired. */
  record(code: AuthorizationCode, signal: AbortSignal): Promise<void>
  /** Read consistently; undefined from `expires_at` on. Throws UnavailableError. */
  find(key: string, now: number, signal: AbortSignal): Promise<AuthorizationCode | undefined>
}

/** All refresh tokens that come of one code, each of the one before. The last one counts. */
export interface RefreshFamily extends LoginGrant {
  /** The decision id of the code's redemption. */
  id: string
  /** base64url SHA-256 of what they have in common, and nobody else has: whoever shows it has had one of them. */
  holder: string
  /** base64url SHA-256 of the one that counts. */
  current: string
  /** How it came to count. Absent: it is the first. */
  rotation?: {
    /** base64url SHA-256 of the one before. */
    previous: string
    /** The one that counts, as only who holds the one before can read it. */
    successor: string
    at: number
  }
  /** When all were taken back. */
  revoked_at?: number
  at: number
  /** However often they are used. */
  ends_at: number
  /** Unless one is used before. */
  expires_at: number
}

/** One refresh token for another: all but `successor` and times are hashes, as above. */
export interface Rotation {
  presented: string
  current: string
  successor: string
  at: number
  expires_at: number
}

export interface RefreshFamilies {
  /** A new one. Throws UnavailableError, also where one of this id is there, which stays as it is until it has expired. */
  record(family: RefreshFamily, signal: AbortSignal): Promise<void>
  /** Read consistently, also when it was revoked; undefined from `expires_at` on. Throws UnavailableError. */
  find(id: string, now: number, signal: AbortSignal): Promise<RefreshFamily | undefined>
  /**
   * True for at most one caller per token, and for none once the family was revoked or has expired: that is decided by the
   * write itself. False may also mean that it was this caller, and the answer was lost. Throws UnavailableError.
   */
  rotate(id: string, rotation: Rotation, signal: AbortSignal): Promise<boolean>
  /** None of them counts any more, durably when this returns. May be repeated. Throws UnavailableError. */
  revoke(id: string, at: number, signal: AbortSignal): Promise<void>
}

/** The same for those who take them back for others. */
export interface FamilyBook extends Pick<RefreshFamilies, 'revoke'> {
  /** All of a person, by our `sub`, also those that were revoked, a page at a time, and a page may be empty. It may lag by a moment. Throws UnavailableError. */
  list(
    sub: string,
    now: number,
    after: string | undefined,
    signal: AbortSignal,
  ): Promise<{ families: RefreshFamily[]; next?: string }>
}

/** That somebody let a client have these scopes. */
export interface Consent {
  client_id: string
  /** Our `sub`. */
  sub: string
  scopes: readonly string[]
  at: number
  expires_at: number
}

export interface Consents {
  /** Instead of what was on record. Throws UnavailableError. */
  record(consent: Consent, signal: AbortSignal): Promise<void>
  /** Read consistently; undefined from `expires_at` on. Throws UnavailableError. */
  find(of: { client_id: string; sub: string }, now: number, signal: AbortSignal): Promise<Consent | undefined>
}

/** The same for operators. */
export interface ConsentBook extends Consents {
  /**
   * Of one client or person where that is said, a page at a time, and a page may be empty; `next` goes on with the same `of`.
   * It may lag by a moment. A person's are found at once, others among all that the store keeps. Throws UnavailableError.
   */
  list(
    of: { client_id?: string | undefined; sub?: string | undefined },
    now: number,
    after: string | undefined,
    signal: AbortSignal,
  ): Promise<{ consents: Consent[]; next?: string }>
  /** True if there was one, which is no more. Throws UnavailableError, also when it cannot be known: it may be repeated. */
  withdraw(of: { client_id: string; sub: string }, signal: AbortSignal): Promise<boolean>
}

export interface RegisteredClients {
  /** Read consistently; undefined from `expires_at` on. Whether it is a client today, broker.yaml says. Throws UnavailableError. */
  find(client_id: string, now: number, signal: AbortSignal): Promise<RegisteredClient | undefined>
}

/** The same for those that register. */
export interface RegistrationBook extends RegisteredClients {
  /**
   * A new one, in one of the `limit` places of the initial access token that it registered by: false where as many are alive,
   * and then nothing is written. Concurrent callers get so many `true` between them. Throws UnavailableError, and a place may
   * then be taken until the client would have ended.
   */
  register(client: RegisteredClient, limit: number, signal: AbortSignal): Promise<boolean>
  /** Instead of what was there, as a whole. False where it is no more, or has expired by `now`. Throws UnavailableError. */
  replace(client: RegisteredClient, now: number, signal: AbortSignal): Promise<boolean>
  /** It is no more, durably, when this returns. False where its place is not free before its end. Throws UnavailableError. */
  delete(
    client: Pick<RegisteredClient, 'client_id' | 'registered_by'>,
    now: number,
    signal: AbortSignal,
  ): Promise<boolean>
}

/** What is known of a person since they last logged in: for /userinfo. By (issuer, subject), and by nothing else. */
export interface Account {
  /** Our `sub`. */
  sub: string
  /** By the names of OpenID Connect Core section 5.1. */
  identity: JsonObject
  at: number
  expires_at: number
}

export interface Accounts {
  /** Unless one is there whose `at` is later. Throws UnavailableError. */
  record(account: Account, signal: AbortSignal): Promise<void>
  /** Read consistently; undefined from `expires_at` on. Throws UnavailableError. */
  find(sub: string, now: number, signal: AbortSignal): Promise<Account | undefined>
}

/** An issuer at which people log in, as its client sees it. */
export interface Upstream {
  /** The issuer's name in broker.yaml, and its `iss`. */
  name: string
  issuer: string
  client_id: string
  /** By a key of ours, or by a secret: its name. */
  auth: 'private_key_jwt' | { client_secret: string }
  scopes: readonly string[]
}

/** What we prove ourselves to an upstream by, where that is no key of ours. */
export interface Secrets {
  /** By the name that broker.yaml gives it. Throws UnavailableError. */
  find(name: string, signal: AbortSignal): Promise<string>
  /** Another one than `refused`, which is no longer accepted; undefined while there is none. Throws UnavailableError. */
  renew(name: string, refused: string, signal: AbortSignal): Promise<string | undefined>
}

/** What we prove ourselves to an upstream by, with a key of ours (RFC 7523 section 2.2). */
export interface ClientAssertions {
  /**
   * For one request. `algorithms`: those that the upstream takes, undefined where it does not say. Throws UnavailableError, also
   * when none of them is ours.
   */
  issue(
    upstream: Pick<Upstream, 'name' | 'issuer' | 'client_id'>,
    algorithms: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<string>
}

/** What binds one login to one browser and one upstream: all derived from the browser's secret, none of it kept. */
export interface UpstreamBinding {
  state: string
  nonce: string
  code_verifier: string
}

/** What we ask of it beside that (OpenID Connect Core section 3.1.2.1). */
export interface UpstreamRequest {
  login_hint?: string
  prompt?: string
  /** Seconds. */
  max_age?: number
  acr_values?: readonly string[]
  ui_locales?: string
}

/** We as the client of upstream issuers. */
export interface RelyingParty {
  /** The URL to which the browser goes. Throws UnavailableError when the issuer's own metadata cannot be had. */
  authorizationUrl(
    upstream: Upstream,
    binding: UpstreamBinding,
    request: UpstreamRequest,
    signal: AbortSignal,
  ): Promise<string>
  /**
   * Trades the answer (the query of the callback) for an ID token, which is not yet believed: whoever calls verifies it.
   * Throws RefusedError `upstream_refused` for an error that the issuer answered with, `upstream_answer_refused` for an
   * answer that is none of its, and UnavailableError: the issuer, its metadata, our secret or our key cannot be had, or it does
   * not take us for its client, which is no fault of the person's.
   */
  redeem(
    upstream: Upstream,
    binding: UpstreamBinding,
    query: string,
    signal: AbortSignal,
  ): Promise<{ id_token: string; access_token: string }>
  /** What /userinfo says of `sub`, or undefined: whatever goes wrong, within 1.5 s. Never throws. */
  userinfo(
    upstream: Upstream,
    of: { access_token: string; sub: string },
    signal: AbortSignal,
  ): Promise<JsonObject | undefined>
}

export interface ActiveKey {
  kid: string
  alg: SigningAlgorithm
}

export interface Signer {
  /** The key that signs for this algorithm now. Throws when there is none: a deployment's mistake, found at init. */
  activeKey(alg: SigningAlgorithm): ActiveKey
  /** The JWS signature (RFC 7518 section 3: r||s for ES256) over `input`. Throws UnavailableError. */
  sign(key: ActiveKey, input: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
}

/** A session of a role as it was decided, complete: nothing is left out of what is asked. */
export interface RoleSession {
  /** The target's name, and its role's ARN. */
  target: string
  role: string
  session_name: string
  source_identity: string
  /** Seconds. */
  lifetime: number
  external_id?: string
  region?: string
  tags: Readonly<Record<string, string>>
  transitive_tags: readonly string[]
  policy?: JsonObject
  /** ARNs. */
  managed_policies: readonly string[]
}

export interface Roles {
  /** Throws RefusedError when the role's or our own policies, or the request's size, stand in the way; UnavailableError. */
  assume(session: RoleSession, signal: AbortSignal): Promise<AwsCredentials>
}

/** Whole seconds since 1970. */
export type Clock = () => number

export interface Log {
  info(message: string, fields: Record<string, unknown>): void
  warn(message: string, fields: Record<string, unknown>): void
  error(message: string, fields: Record<string, unknown>): void
}

export interface Ports {
  now: Clock
  keySets: KeySets
  receipts: ReceiptStore
  revocations: RevocationStore
  register: RevocationRegister
  codes: AuthorizationCodes
  families: RefreshFamilies
  consents: Pick<Consents, 'find'>
  registered: RegisteredClients
  signer: Signer
  roles: Roles
  log: Log
  /** So many random bytes, in base64url. */
  random(bytes: number): string
}
