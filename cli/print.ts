import { toOneLine } from '../lib/protocol/one-line.ts'
import { coloured } from './colour.ts'

/** The one as text, a line each, or the other as one JSON document. */
export function print(lines: () => readonly string[], value: unknown, json: boolean): void {
  const text = json
    ? JSON.stringify(value, null, 2)
    : lines()
        .map((line) => coloured(toOneLine(line)))
        .join('\n')
  process.stdout.write(`${text}\n`)
}
