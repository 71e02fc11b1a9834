import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSpiffeIdOf, isTrustDomain, trustDomainOf } from '../../lib/protocol/spiffe-id.ts'

const domain = 'spiffe://acme.example'

for (const text of [domain, 'spiffe://a', 'spiffe://k8s-west_2.acme.example', `spiffe://${'x'.repeat(255)}`])
  test(`${text.slice(0, 40)} is a trust domain`, () => assert.ok(isTrustDomain(text)))

for (const text of [
  'spiffe://',
  'spiffe:///',
  'spiffe:acme.example',
  'spiffe:/acme.example',
  'acme.example',
  'SPIFFE://acme.example',
  'spiffe://Acme.example',
  'spiffe://acme.example/',
  'spiffe://acme.example/ns',
  'spiffe://acme.example:443',
  'spiffe://user@acme.example',
  'spiffe://acme.example?x',
  'spiffe://acme.example#x',
  'spiffe://acme%2Eexample',
  'spiffe://аcme.example',
  'spiffe://*.example',
  ' spiffe://acme.example',
  'spiffe://acme.example\n',
  'https://acme.example',
  `spiffe://${'x'.repeat(256)}`,
])
  test(`${JSON.stringify(text.slice(0, 40))} is no trust domain`, () => assert.ok(!isTrustDomain(text)))

for (const path of ['/web', '/ns/prod/sa/web', '/a.b/c-d_e', '/...', '/.a', '/a..b', '/A/0', `/${'x'.repeat(2_000)}`])
  test(`${path.slice(0, 40)} is the path of a SPIFFE ID`, () => assert.ok(isSpiffeIdOf(domain, domain + path)))

for (const path of [
  '',
  '/',
  '/web/',
  '//web',
  '/ns//web',
  '/.',
  '/..',
  '/./web',
  '/ns/../web',
  '/ns/..',
  '/we%62',
  '/web?x',
  '/web#x',
  '/web;x',
  '/web:x',
  '/web@x',
  '/we b',
  '/web\n',
  '/web\0',
  '/wеb',
  '/ns\\\\web',
  '/*',
  ':443/web',
  '.evil.test/web',
  '@evil.test/web',
])
  test(`${JSON.stringify(path)} after a trust domain makes no SPIFFE ID of it`, () => {
    assert.ok(!isSpiffeIdOf(domain, domain + path))
  })

test('a SPIFFE ID is of its own trust domain', () => {
  for (const other of [
    'spiffe://acme.exampl',
    'spiffe://example',
    'spiffe://acme.example.evil',
    'spiffe://Acme.example',
  ])
    assert.ok(!isSpiffeIdOf(other, `${domain}/web`), other)
})

for (const [sub, expected] of [
  ['spiffe://acme.example/web', domain],
  ['spiffe://acme.example', domain],
  ['spiffe://acme.example/../x?y', domain],
  ['spiffe://acme.example:443/web', 'spiffe://acme.example:443'],
  ['spiffe:///web', 'spiffe://'],
  ['SPIFFE://acme.example/web', undefined],
  ['https://acme.example/web', undefined],
  ['web', undefined],
  [['spiffe://acme.example/web'], undefined],
  [undefined, undefined],
] as const)
  test(`${JSON.stringify(sub)} is looked for at ${expected}`, () => assert.equal(trustDomainOf(sub), expected))
