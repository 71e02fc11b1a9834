import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bearerToken, InvalidTokenError, MissingTokenError } from '../../verify/access-token.ts'

for (const [title, authorization] of [
  ['as RFC 6750 writes it', 'Bearer abc.def-_~+/=='],
  ['in lower case', 'bearer abc.def-_~+/=='],
  ['in capitals', 'BEARER abc.def-_~+/=='],
  ['after several spaces', 'Bearer   abc.def-_~+/=='],
  ['as the only one of a list', ['Bearer abc.def-_~+/==']],
] as const) {
  test(`a bearer token is read: ${title}`, () => {
    assert.equal(bearerToken(authorization), 'abc.def-_~+/==')
  })
}

for (const [title, authorization] of [
  ['no header', undefined],
  ['no header, in a list', []],
  ['an empty header', ''],
  ['Basic', 'Basic YTpi'],
  ['DPoP', 'DPoP abc'],
  ['a scheme that begins alike', 'Bearerx abc'],
  ['a token alone', 'abc.def.ghi'],
  ['a space before the scheme', ' Bearer abc'],
] as const) {
  test(`${title} is no bearer token, and the answer names no error`, () => {
    assert.throws(
      () => bearerToken(authorization),
      (error) => {
        assert.ok(error instanceof MissingTokenError)
        assert.deepEqual([error.status, error.code], [401, undefined])
        assert.deepEqual(error.headers, { 'www-authenticate': 'Bearer realm="token-broker"' })
        return true
      },
    )
  })
}

for (const [title, authorization] of [
  ['the scheme alone', 'Bearer'],
  ['the scheme and a space', 'Bearer '],
  ['two tokens', 'Bearer abc def'],
  ['two that a gateway joined', 'Bearer abc, Bearer def'],
  ['two headers', ['Bearer abc', 'Bearer abc']],
  ['a header of another scheme besides', ['Basic YTpi', 'Bearer abc']],
  ['a tab', 'Bearer \tabc'],
  ['a parameter', 'Bearer token="abc"'],
  ['a newline', 'Bearer abc\n'],
  ['padding in the middle', 'Bearer a=bc'],
  ['another alphabet', 'Bearer äbc'],
] as const) {
  test(`${title} is not taken for a token`, () => {
    assert.throws(() => bearerToken(authorization), InvalidTokenError)
  })
}
