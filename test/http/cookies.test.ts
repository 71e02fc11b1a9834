import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { secretCookies } from '../../lib/http/cookies.ts'

const a = 'a'.repeat(43)
const b = 'b'.repeat(43)
const event = (cookies: unknown, headers = {}) => ({ cookies, headers }) as unknown as APIGatewayProxyEventV2
const deployed = secretCookies<'session' | 'browser'>('https://broker.test')
const local = secretCookies<'session' | 'browser'>('http://127.0.0.1:8787')

test('RFC 6265bis section 4.1.3.2: no other host can have set what we read', () => {
  assert.deepEqual(deployed.write({ session: a }), [`__Host-session=${a}; Path=/; HttpOnly; SameSite=Lax; Secure`])
  assert.equal(deployed.read(event([`__Host-session=${a}`]), 'session'), a)
})

test('a local run has no TLS', () => {
  assert.deepEqual(local.write({ session: a, browser: b }), [
    `session=${a}; Path=/; HttpOnly; SameSite=Lax`,
    `browser=${b}; Path=/; HttpOnly; SameSite=Lax`,
  ])
  assert.equal(local.read(event([`session=${a}`]), 'session'), a)
})

for (const [title, cookies] of [
  ['no cookie', undefined],
  ['a null', null],
  ['text instead of a list', `__Host-session=${a}`],
  ['something else in the list', [1, null]],
  ['another name', [`__Host-browser=${a}`]],
  ['a name without its prefix', [`session=${a}`]],
  ['a name in lower case', [`__host-session=${a}`]],
  ['a value that is too short', [`__Host-session=${a.slice(1)}`]],
  ['a value that is too long', [`__Host-session=${a}a`]],
  ['a quoted value', [`__Host-session="${a}"`]],
  ['no value', ['__Host-session']],
  ['two that differ', [`__Host-session=${a}`, `__Host-session=${b}`]],
  ['two that differ, in one line', [`__Host-session=${a}; __Host-session=${b}`]],
] as const)
  test(`${title} is none`, () => assert.equal(deployed.read(event(cookies), 'session'), undefined))

test('one that came twice is one, and other invokers leave it in the headers', () => {
  assert.equal(deployed.read(event([`__Host-session=${a}`, `__Host-session=${a}`]), 'session'), a)
  assert.equal(deployed.read(event(undefined, { Cookie: `x=y; __Host-session=${a}` }), 'session'), a)
})
