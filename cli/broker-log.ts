import { createReadStream } from 'node:fs'
import { cannotRead, STDIN, stdinName } from './read-text.ts'

/** What the broker has written about one request: `message` says of what kind it is. */
export interface LogEntry extends Record<string, unknown> {
  message: string
  decision_id: string
}

/**
 * The broker's own entries in a log, or in what tools make of one: JSON somewhere in a line, or inside a text of JSON. So reads
 * what `aws logs tail`, `aws logs filter-log-events` (text and JSON), exports and the local server write. Throws CommandError.
 */
export async function* readLog(file: string): AsyncGenerator<LogEntry> {
  const input = file === STDIN ? process.stdin : createReadStream(file)
  let line: string[] = []
  try {
    for await (const chunk of input.setEncoding('utf8') as AsyncIterable<string>) {
      const [first = '', ...others] = chunk.split('\n')
      line.push(first)
      for (const next of others) {
        yield* entriesIn(line.join(''))
        line = [next]
      }
    }
  } catch (error) {
    throw cannotRead(file === STDIN ? stdinName : file, error)
  }
  yield* entriesIn(line.join(''))
}

function* entriesIn(text: string): Generator<LogEntry> {
  if (!text.includes('decision_id')) return
  const value = parsed(text) ?? parsed(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1))
  if (value !== undefined) yield* entriesOf(value)
  // A line of a JSON document that was written over several: "message": "{\"level\": …".
  else for (const [literal] of text.matchAll(/"(?:[^"\\]|\\.)*"/g)) yield* entriesOf(parsed(literal))
}

function* entriesOf(value: unknown): Generator<LogEntry> {
  if (typeof value === 'string' && value.includes('{')) yield* entriesIn(value)
  if (typeof value !== 'object' || value === null) return
  const { message, decision_id } = value as Partial<LogEntry>
  if (typeof message === 'string' && typeof decision_id === 'string') yield value as LogEntry
  else for (const member of Object.values(value)) yield* entriesOf(member)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
