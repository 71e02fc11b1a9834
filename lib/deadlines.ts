/** Every time limit of a running request, in milliseconds unless named otherwise. The Lambda timeout is 10 s. */
export const deadlines = {
  request: 8_000,
  /** Kept back from `request` to mark a receipt released when what came after it failed. */
  release: 250,
  aws: { connect: 500, response: 1_000, attempts: 2 },
  sts: { connect: 500, response: 3_000, attempts: 2 },
  /** Discovery and key set together. */
  issuerFetch: 2_000,
  /** Of an issuer at which people log in: all that a code is traded with, its metadata and our proof too; and the same for /userinfo. */
  upstream: { redeem: 3_000, userinfo: 1_500 },
  /** Of a client that is told of a logout: its whole answer. */
  logoutDelivery: 5_000,
  /** What CloudFormation asks: the work, and then telling it how that went, which must not be missed. 49 s together. */
  customResource: { work: 45_000, answer: { response: 1_000, attempts: 3, pause: 250 } },
} as const

/** How long an issuer's keys are believed, in seconds. */
export const keySetAges = {
  /** Level one: this sandbox's memory. */
  memory: 600,
  /** When the issuer cannot be reached, keys up to this old still serve. */
  stale: 3_600,
  /** A fetch per issuer at most this often, for the whole table. */
  refetch: 30,
} as const

/** The same of an upstream's metadata, in seconds: `retry` after a fetch that failed. */
export const upstreamMetadataAges = { fresh: 600, stale: 3_600, retry: 30 } as const

/** And of a secret. */
export const secretAges = { fresh: 300, stale: 3_600, retry: 30 } as const

/**
 * Gives `work` a signal that aborts after so many milliseconds. For every request: an AbortSignal.timeout stays in memory
 * until its time has passed, however soon the work is done.
 */
export async function within<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), milliseconds)
  try {
    return await work(deadline.signal)
  } finally {
    clearTimeout(timer)
  }
}
