import { parseArgs, type ParseArgsConfig } from 'node:util'
import { suggestion } from '../lib/config/suggest.ts'
import { printable } from '../client/printable.ts'
import { UsageError } from './command.ts'

/** Options and positionals of one command. Throws UsageError for what it does not know. */
export function readArguments<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    if (!code?.startsWith('ERR_PARSE_ARGS_')) throw error
    const unknown = /^Unknown option '(-[^]*?)'(?:\. |$)/.exec(message)?.[1]
    if (unknown === undefined) throw new UsageError(message.split('\n').map(printable).join('\n'))
    throw new UsageError(unknownOption(unknown, Object.keys(options)))
  }
}

export function unknownOption(option: string, known: readonly string[]): string {
  return `unknown option ${printable(option)}${suggestion(
    option,
    [...known, 'help'].map((name) => `--${name}`),
  )}`
}
