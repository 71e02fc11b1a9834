import { toOneLine } from '../lib/protocol/one-line.ts'

/** Longer than a decision id (22 characters), and shorter than a part of a token or than an AWS secret access key. */
const secret = /[\w~+/=-]{32,}/g
const partOfToken = /[\w~+=-]{32,}/g

/** Text of a server, for a line of ours: short, and with nothing that is long enough to be a secret. */
export function printable(text: string): string {
  return toOneLine(text.slice(0, 500).replaceAll(secret, '[removed]'))
}

/** A path is long, and no part of it is. */
export function printablePath(path: string): string {
  return toOneLine(path.slice(0, 500).replaceAll(partOfToken, '[removed]'))
}
