import { randomBytes } from 'node:crypto'
import { addMask } from '../client/workflow-command.ts'
import { hashOfSecret } from '../lib/tokens/client-secret.ts'
import { readArguments } from './arguments.ts'
import { CommandError, UsageError, type Command } from './command.ts'
import { readText, STDIN } from './read-text.ts'

/** 32 random bytes in base64url are 43. A hash of less could be tried out by who reads broker.yaml. */
const MIN_CHARACTERS = 32

export const clients: Command = {
  name: 'clients',
  summary: 'make a secret for a client, and its hash for broker.yaml',
  usage: `token-broker clients secret [--hash] [--json]

Makes a client_secret of 256 random bits, and its hash. The secret is for the client alone: it is nowhere kept, and is not
shown again. The hash is for broker.yaml: clients.<client_id>.auth.client_secret.sha256, a list, which holds two while
one secret replaces the other. An initial access token, by which clients register themselves, is made in the same way: its
hash goes to registration.initial_access_tokens.sha256. A client that runs where an issuer gives it tokens needs no secret: see federated in
docs/configuration.md.

  --hash  hash the secret on standard input instead, without the newline at its end; at least ${MIN_CHARACTERS} characters, made at random
  --json  print one JSON document: { "client_secret", "sha256" }, with --hash { "sha256" }

In a GitHub Actions job the secret is masked in the log before it is printed: ::add-mask:: on standard error.

Example: token-broker clients secret
Example: aws secretsmanager get-secret-value --secret-id legacy --query SecretString --output text | token-broker clients secret --hash

Exit codes: 0 printed, 1 the secret is too short or cannot be read, 2 wrong usage`,
  run,
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { hash: { type: 'boolean' }, json: { type: 'boolean' } })
  const [what, ...others] = positionals
  if (what !== 'secret' || others.length > 0) throw new UsageError('say what to make: token-broker clients secret')
  const client_secret = values.hash ? undefined : randomBytes(32).toString('base64url')
  const sha256 = hashOfSecret(client_secret ?? (await givenSecret()))
  if (client_secret !== undefined && process.env.GITHUB_ACTIONS === 'true') process.stderr.write(addMask(client_secret))
  process.stdout.write(values.json ? `${JSON.stringify({ client_secret, sha256 })}\n` : shown(client_secret, sha256))
  return 0
}

async function givenSecret(): Promise<string> {
  const secret = (await readText(STDIN)).text.replace(/\r?\n$/, '')
  if (secret.length < MIN_CHARACTERS)
    throw new CommandError(
      `this secret has ${secret.length} characters: give one of ${MIN_CHARACTERS} or more, made at random, or let us make one`,
    )
  return secret
}

function shown(client_secret: string | undefined, sha256: string): string {
  return client_secret === undefined ? `${sha256}\n` : `client_secret  ${client_secret}\nsha256         ${sha256}\n`
}
