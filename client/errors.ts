/** What was asked for cannot be had: the message says why, and what to do. It holds no token of anybody. */
export class TokenBrokerError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TokenBrokerError'
  }
}

/** The broker's own no (RFC 6749 section 5.2): asking again changes nothing. */
export class RefusedByBroker extends TokenBrokerError {
  /** The OAuth error code, such as `invalid_target`. */
  readonly error: string
  /** Under it, who runs the broker finds the reason. */
  readonly decision_id: string | undefined

  constructor(message: string, error: string, decision_id: string | undefined) {
    super(message)
    this.name = 'RefusedByBroker'
    this.error = error
    this.decision_id = decision_id
  }
}

/** No answer, or one that may be another in a moment. */
export class TemporaryError extends TokenBrokerError {
  /** Milliseconds that the other side asks us to wait (RFC 9110 section 10.2.3). */
  readonly retryAfter: number

  constructor(message: string, retryAfter = 0) {
    super(message)
    this.name = 'TemporaryError'
    this.retryAfter = retryAfter
  }
}
