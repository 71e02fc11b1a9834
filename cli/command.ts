/** One of the commands of token-broker. */
export interface Command {
  name: string
  /** One line, for the list of commands. */
  summary: string
  /** What --help prints: with an example, and what each exit code means. */
  usage: string
  /** Returns the exit code. Throws UsageError and CommandError. */
  run(args: readonly string[]): Promise<number>
}

/** The command line is none that we know: answered with the usage, exit 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

/** What was asked for cannot be done, and the message says why: exit 1. */
export class CommandError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CommandError'
  }
}
