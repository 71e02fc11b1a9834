#!/usr/bin/env node
import { printable } from '../client/printable.ts'
import { suggestion } from '../lib/config/suggest.ts'
import { unknownOption } from './arguments.ts'
import { check } from './check.ts'
import { clients } from './clients.ts'
import { CommandError, UsageError, type Command } from './command.ts'
import { consents } from './consents.ts'
import { credentialProcess } from './credential-process.ts'
import { doctor } from './doctor.ts'
import { exchange } from './exchange.ts'
import { explainCommand } from './explain.ts'
import { init } from './init.ts'
import { ownPackage } from './own-package.ts'
import { pin } from './pin.ts'
import { revoke } from './revoke.ts'
import { sourceIdentityCommand } from './source-identity.ts'
import { start, stop } from './stop.ts'

const commands: readonly Command[] = [
  init,
  check,
  explainCommand,
  pin,
  doctor,
  exchange,
  credentialProcess,
  clients,
  revoke,
  stop,
  start,
  consents,
  sourceIdentityCommand,
]

const usage = `token-broker COMMAND [ARGUMENTS]

A security token service for your own AWS account.

${commands.map(({ name, summary }) => `  ${name.padEnd(18)} ${summary}`).join('\n')}
  ${'help'.padEnd(18)} show how a command is used

  --help, -h  show this, or how a command is used
  --version   show the version

Example: token-broker check broker.yaml

Exit codes: 0 fine, 1 the check or the command failed, 2 wrong usage`

const helpWords: readonly string[] = ['help', '--help', '-h']

// Who reads from us may stop early, as head does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return
  process.stderr.write(`the output cannot be written (${error.code})\n`)
  process.exit(1)
})
// Who does not hear us still gets the exit code.
process.stderr.on('error', () => {})

process.exitCode = await main(process.argv.slice(2))

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === '--version') return print(ownPackage().version)
  if (name !== undefined && helpWords.includes(name)) return help(args[0])
  const command = commands.find((command) => command.name === name)
  if (command === undefined) return refuse(name === undefined ? 'no command given' : unknownCommand(name), usage)
  if (asksForHelp(args)) return print(command.usage)
  try {
    return await command.run(args)
  } catch (error) {
    if (error instanceof UsageError) return refuse(error.message, command.usage)
    // Anything else is our own mistake, and keeps its stack.
    process.stderr.write(`${error instanceof CommandError ? error.message : (error as Error).stack}\n`)
    return 1
  }
}

function help(name: string | undefined): number {
  if (name === undefined || helpWords.includes(name)) return print(usage)
  const command = commands.find((command) => command.name === name)
  return command === undefined ? refuse(unknownCommand(name), usage) : print(command.usage)
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end === -1 ? args : args.slice(0, end)).some((argument) => argument === '--help' || argument === '-h')
}

function unknownCommand(name: string): string {
  if (name.startsWith('-')) return unknownOption(name, ['version'])
  return `unknown command ${printable(JSON.stringify(name))}${suggestion(name, [...commands.map(({ name }) => name), 'help'])}`
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}

function refuse(message: string, usage: string): number {
  process.stderr.write(`${message}\n\n${usage}\n`)
  return 2
}
