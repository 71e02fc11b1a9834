import { UnavailableError, type Dependency } from '../protocol/errors.ts'

/**
 * An SDK error's name and nothing more of it. Its message stays behind, and so does the error as a cause: for a signature
 * mismatch AWS answers with the canonical request, session token included.
 */
export function toUnavailable(dependency: Dependency, error: unknown): UnavailableError {
  if (error instanceof UnavailableError) return error
  return new UnavailableError(dependency, errorName(error))
}

/** The exception's name at AWS, or the code of a connection that failed. */
export function errorName(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = error as Error & { code?: unknown }
  return error.name === 'Error' && typeof code === 'string' ? code : error.name
}

/** DynamoDB says 400 when it has not written: throttled, denied, invalid. A condition that failed says nothing of an earlier try. */
export function isRejectedWrite(error: unknown): boolean {
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } }
  return $metadata?.httpStatusCode === 400 && errorName(error) !== 'ConditionalCheckFailedException'
}
