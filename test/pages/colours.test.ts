import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { colours, contrast, defaultAccent, textOn } from '../../lib/pages/colours.ts'
import { stylesheet } from '../../lib/pages/stylesheet.ts'

test('contrast is that of WCAG', () => {
  assert.equal(contrast('#000000', '#ffffff'), 21)
  assert.equal(contrast('#777777', '#777777'), 1)
  // Known from its own examples: the lightest grey that reads on white, and the next.
  assert.ok(contrast('#767676', '#ffffff') >= 4.5)
  assert.ok(contrast('#777777', '#ffffff') < 4.5)
  assert.equal(contrast('#ff0000', '#ffffff').toFixed(2), '4.00')
})

for (const [scheme, { background, surface, text, muted, link, error, line }] of Object.entries(colours)) {
  // WCAG 2.2 section 1.4.3
  test(`text of the ${scheme} page reads on all that it stands on`, () => {
    for (const [colour, on] of [
      [text, background],
      [text, surface],
      [muted, surface],
      [link, surface],
      [error, surface],
    ] as const)
      assert.ok(contrast(colour, on) >= 4.5, `${colour} on ${on}: ${contrast(colour, on)}`)
  })

  // WCAG 2.2 section 1.4.11
  test(`what can be operated on the ${scheme} page has an edge, and the focus a ring`, () => {
    assert.ok(contrast(line, surface) >= 3, `${line}: ${contrast(line, surface)}`)
    assert.ok(contrast(link, surface) >= 3)
    assert.ok(contrast(muted, surface) >= 3)
  })
}

const colour = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`)

test('on every accent its text reads', () => {
  fc.assert(fc.property(colour, (accent) => contrast(accent, textOn(accent)) >= 4.5))
  assert.equal(textOn(defaultAccent), '#ffffff')
  for (let grey = 0; grey < 256; grey++) {
    const accent = `#${grey.toString(16).padStart(2, '0').repeat(3)}`
    assert.ok(contrast(accent, textOn(accent)) >= 4.5, accent)
  }
})

test('every colour of the stylesheet is one of these', () => {
  const known = new Set<string>(Object.values(colours).flatMap((each) => Object.values(each)))
  const used = stylesheet.match(/#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch|color-mix)\(/gi) ?? []
  assert.deepEqual(
    used.filter((each) => !known.has(each)),
    [],
  )
})
