import { issuerName } from '../lib/protocol/names.ts'
import { sourceIdentity } from '../lib/tokens/subject.ts'
import { readArguments } from './arguments.ts'
import { UsageError, type Command } from './command.ts'

export const sourceIdentityCommand: Command = {
  name: 'source-identity',
  summary: "print what CloudTrail calls a subject's AWS sessions",
  usage: `token-broker source-identity SUB

Prints the SourceIdentity of every AWS session that is opened for a subject: CloudTrail's sourceIdentity, and
aws:SourceIdentity in IAM policies, with which a role's owner shuts a subject out (docs/aws-credentials.md).

  SUB  the subject as our tokens, receipts and logs name it: <issuer name>:<subject>

A SUB of the form <issuer name>:sha256:<hash> stands for a longer subject: give that one, from the receipt's field subject.

Example: token-broker source-identity github:repo:1234567/987654

Exit codes: 0 printed, 2 wrong usage`,
  run,
}

async function run(args: readonly string[]): Promise<number> {
  const { positionals } = readArguments(args, {})
  const [sub, ...others] = positionals
  if (sub === undefined || others.length > 0) throw new UsageError('give one SUB: <issuer name>:<subject>')
  const [name = '', ...rest] = sub.split(':')
  const subject = rest.join(':')
  if (!issuerName.test(name) || subject === '')
    throw new UsageError('SUB is none of ours: it begins with the name of an issuer in broker.yaml and a colon')
  if (/^sha256:[A-Za-z0-9_-]{43}$/.test(subject))
    throw new UsageError('this SUB is a hash: give <issuer name>:<subject> with the subject in the receipt')
  process.stdout.write(`${sourceIdentity(name, subject)}\n`)
  return 0
}
