/** Longer than a decision id (22 characters), and shorter than a part of a token or than an AWS secret access key. */
const secret = /[\w~+/=-]{32,}/g
const partOfToken = /[\w~+=-]{32,}/g

const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Text of a server, for a line of ours: short, and with nothing that is long enough to be a secret. */
export function printable(text: string): string {
  return toOneLine(text.slice(0, 500).replaceAll(secret, '[removed]'))
}

/** A path is long, and no part of it is. */
export function printablePath(path: string): string {
  return toOneLine(path.slice(0, 500).replaceAll(partOfToken, '[removed]'))
}

/** Nothing that starts a line of its own, or steers a terminal or a CI log. */
export function toOneLine(text: string): string {
  return (
    text
      .replaceAll(steering, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`)
      // GitHub's runner takes this for a command wherever it stands in a line.
      .replaceAll('##[', '# #[')
  )
}
