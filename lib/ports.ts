import type { AwsCredentials } from './protocol/aws-credentials.ts'
import type { KeySet } from './protocol/key-set.ts'
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
  /** Marks our own receipt released, so that the same token may be tried again. No effect on anybody else's. Throws UnavailableError. */
  release(receipt: Receipt | AssertionReceipt, signal: AbortSignal): Promise<void>
}

export type { RevocationKey }

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
  signer: Signer
  roles: Roles
  log: Log
}
