import assert from 'node:assert/strict'

interface OAuthError extends Error {
  status: number
  error: string
  error_description?: string
}

/** For `assert.rejects`: the library's own error for what an OAuth server answers, with our code, and our phrase with its decision id. */
export function refusal(ofLibrary: new (...args: never[]) => OAuthError, code: string, phrase: string) {
  return (error: unknown): true => {
    assert.ok(error instanceof ofLibrary)
    assert.deepEqual([error.status, error.error], [400, code])
    const [, said] = /^(.+) \(decision [\w-]{22}\)$/.exec(error.error_description ?? '') ?? []
    assert.equal(said, phrase)
    return true
  }
}
