import { readArguments } from './arguments.ts'
import { UsageError, type Command } from './command.ts'
import { readBroker } from './read-broker.ts'
import { dimensionOptions, readNamed, readReason, recordOptions } from './revocation-options.ts'
import { adminUsage, lift, revokeNamed } from './revoke.ts'

export const stop: Command = {
  name: 'stop',
  summary: 'stop a rule: nothing more is issued by it, and what was is revoked',
  usage: `token-broker stop RULE --reason TEXT [--broker URL] [--json]

The same as token-broker revoke --rule RULE. token-broker start RULE lets it issue again.
${adminUsage}

  --reason TEXT  one line, for the record
  --broker URL   the broker, by its issuer URL; default: TOKEN_BROKER_URL
  --json         prints the answer as one JSON document

Example: token-broker stop web-deploys --reason "INC-1234"

Exit codes: 0 stopped; 1 refused, or nobody to ask; 2 wrong usage`,
  async run(args) {
    const { values, positionals } = readArguments(args, recordOptions)
    const [value, ...others] = positionals
    if (!value || others.length > 0) throw new UsageError('name one RULE to stop')
    const reason = readReason(values.reason)
    return revokeNamed(readBroker(values.broker), { dimension: 'rule', value }, { reason }, values.json === true)
  },
}

export const start: Command = {
  name: 'start',
  summary: 'let a rule that was stopped issue again',
  usage: `token-broker start (RULE | --subject SUB | --issuer NAME | --client ID | --target NAME | --kid KID | --all)
                   --reason TEXT [--broker URL] [--json]

Issuing goes on, two seconds after it was stopped at the earliest. Tokens from before stay revoked: token-broker
revoke undo revives them too.
${adminUsage}

  --reason TEXT  one line, for the record
  --broker URL   the broker, by its issuer URL; default: TOKEN_BROKER_URL
  --json         prints the answer as one JSON document

Example: token-broker start web-deploys --reason "reviewed"

Exit codes: 0 started; 1 refused, it was not stopped, or nobody to ask; 2 wrong usage`,
  async run(args) {
    const { values, positionals } = readArguments(args, { ...dimensionOptions, ...recordOptions })
    const [word, ...more] = positionals
    if (more.length > 0) throw new UsageError('name one RULE to start')
    if (word !== undefined && values.rule !== undefined) throw new UsageError('name one RULE to start, not two')
    const named = readNamed(word === undefined ? values : { ...values, rule: word })
    const reason = readReason(values.reason)
    return lift('start', readBroker(values.broker), named, { reason, json: values.json === true })
  },
}
