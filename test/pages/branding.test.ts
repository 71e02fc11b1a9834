import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toBranding } from '../../lib/pages/branding.ts'

const issuer = 'https://broker.acme.dev'

test('without a name it is the host of our issuer', () => {
  assert.equal(toBranding({}, issuer).name, 'broker.acme.dev')
  assert.equal(toBranding({ name: 'Acme' }, issuer).name, 'Acme')
})

test('the text on the accent is what reads better', () => {
  assert.equal(toBranding({ accent: '#FFD400' }, issuer).palette, ':root{--accent:#FFD400;--on-accent:#000000}')
  assert.equal(toBranding({ accent: '#0a5fff' }, issuer).palette, ':root{--accent:#0a5fff;--on-accent:#ffffff}')
})

for (const accent of [
  '',
  'red',
  '#fff',
  '#0a5fff;}',
  ' #0a5fff',
  '#0a5fff\n',
  '#0a5ffg',
  'var(--a)',
  '#0a5fff}</style><script>alert(1)</script>',
]) {
  test(`${JSON.stringify(accent)} is no colour, and gets into no stylesheet`, () => {
    assert.throws(() => toBranding({ accent }, issuer), TypeError)
  })
}

for (const logo of [
  'https://acme.dev/logo.svg',
  '//acme.dev/logo.svg',
  'data:text/html,<script>alert(1)</script>',
  ' data:image/png,',
  'data:image/svg+xmlx,',
]) {
  test(`${logo} is no logo`, () => {
    assert.throws(() => toBranding({ logo }, issuer), TypeError)
  })
}

test('an SVG and a PNG are', () => {
  for (const logo of [
    'data:image/svg+xml;base64,PHN2Zy8+',
    'data:image/svg+xml,%3Csvg/%3E',
    'data:image/png;base64,AA',
  ])
    assert.equal(toBranding({ logo }, issuer).logo, logo)
})
