import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toShownText } from '../../lib/pages/shown-text.ts'

for (const [title, text, shown] of [
  ['a right-to-left override', 'Orders \u202egnp.exe', 'Orders gnp.exe'],
  ['an isolate that does not end', 'Orders\u2066\u2067\u2068', 'Orders'],
  ['a mark of direction', '\u200eOr\u200fders\u061c', 'Orders'],
  ['a zero-width space', 'Or\u200bd\u2060ers\ufeff', 'Orders'],
  ['a soft hyphen', 'Or\u00adders', 'Orders'],
  ['letters that nobody sees', 'Or\u3164d\u115fers\u{e0041}', 'Orders'],
  ['nothing that anybody sees', '\u202e\u200b \u3164', ''],
  ['a second line', 'Orders\r\nis safe\u2028yes\u0085no', 'Orders is safe yes no'],
  ['what steers a terminal', 'Orders\u001b[2K\u0000', 'Orders [2K'],
  ['half a character', 'Orders\ud83d', 'Orders\ufffd'],
  ['a name of Persian, with its joiner', 'می\u200cخواهم', 'می\u200cخواهم'],
  ['a family of emoji', '👩\u200d👧 ❤\ufe0f', '👩\u200d👧 ❤\ufe0f'],
  ['accents, composed or not', 'Università e\u0301', 'Università e\u0301'],
  ['120 characters', '🦊'.repeat(120), '🦊'.repeat(120)],
  ['121 characters', '🦊'.repeat(121), `${'🦊'.repeat(119)}…`],
] as const) {
  test(`${title} is shown as ${JSON.stringify(shown.slice(0, 30))}`, () => {
    assert.equal(toShownText(text), shown)
  })
}
