import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../lib/protocol/urns.ts'
import { immutableSub, startExampleIssuer } from './example-issuer.ts'

const verbose = process.argv.includes('--verbose')
if (process.argv.some((argument) => argument === '--help' || argument === '-h')) {
  process.stdout.write(
    'npm run demo [-- --verbose]\n\nTells the main job as a story, against a broker of its own. --verbose shows what goes over the wire.\nExit 0 only if every step went as told.\n',
  )
  process.exit(0)
}

interface Answer {
  status: number
  body: Record<string, unknown>
  decisionId: string
}

/** `npm start`, as anybody would run it, on ports of its own. Its log lines are what explain the refusals. */
class Broker {
  readonly #child: ChildProcess
  readonly #log = new Map<string, Record<string, unknown>[]>()
  url = ''
  issuer = ''

  constructor() {
    const environment = { ...process.env, PORT: '0', EXAMPLE_ISSUER_PORT: '0', BROKER_CONFIG: '', BROKER_ISSUER: '' }
    this.#child = spawn(process.execPath, [fileURLToPath(new URL('start.ts', import.meta.url))], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  async ready(): Promise<void> {
    const lines = createInterface({ input: this.#child.stdout! })
    const ready = new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        const found = /ready at (\S+), trusting the example issuer at (\S+)/.exec(line)
        if (found) {
          ;[, this.url = '', this.issuer = ''] = found
          resolve()
        } else if (line.startsWith('{')) this.#keep(JSON.parse(line) as Record<string, unknown>)
      })
      this.#child.once('exit', () => reject(new Error('the broker stopped before it was ready')))
    })
    await ready
  }

  #keep(entry: Record<string, unknown>): void {
    const id = String(entry.decision_id)
    this.#log.set(id, [...(this.#log.get(id) ?? []), entry])
  }

  /** What the operator reads about a decision. The log is a pipe, so it may come a moment after the answer. */
  async explanation(decisionId: string): Promise<string> {
    for (let i = 0; i < 100; i++) {
      const entries = this.#log.get(decisionId)
      const refused = entries?.find(({ message }) => message === 'refused')
      if (refused) {
        const decided = entries?.find(({ message }) => message === 'decided')
        const lines = (decided?.explanation ?? []) as string[]
        const failed = lines.find((line) => line.startsWith('rule web-deploys does not match'))
        return [`${String(refused.reason)}${facts(refused)}`, ...(failed === undefined ? [] : [failed])].join('; ')
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`the log does not explain decision ${decisionId}`)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    this.#child.kill('SIGTERM')
    await once(this.#child, 'exit')
  }
}

const told = new Set(['iss', 'aud', 'target', 'claim', 'value'])

function facts(refused: Record<string, unknown>): string {
  const entries = Object.entries(refused).filter(([name]) => told.has(name))
  return entries.length === 0 ? '' : ` (${entries.map(([name, value]) => `${name} ${String(value)}`).join(', ')})`
}

const broker = new Broker()
try {
  await broker.ready()
  await story(broker)
} catch (error) {
  process.stdout.write(`✗ ${(error as Error).message}\n`)
  process.exitCode = 1
} finally {
  await broker.stop()
}

async function story(broker: Broker): Promise<void> {
  step(`a broker is up, with a trusted issuer in the place of GitHub Actions`)

  const first = await jobToken(broker)
  const issued = await exchange(broker, first)
  expect(issued.status === 200, `the exchange answered ${issued.status}`)
  const accessToken = String(issued.body.access_token)
  step(
    `a job of ${String(decodeJwt(first).repository)} traded its token for ours: ${String(issued.body.scope)} for ${String(issued.body.expires_in)} s`,
  )

  const claims = await verify(broker, accessToken)
  step(
    `it verifies from discovery and /jwks alone: sub ${String(claims.sub)}, commit ${String(claims.commit).slice(0, 7)}`,
  )

  const renamed = await exchange(broker, await jobToken(broker, { sub: immutableSub }))
  expect(renamed.status === 200, `the second exchange answered ${renamed.status}`)
  const sameSub = decodeJwt(String(renamed.body.access_token)).sub
  expect(sameSub === claims.sub, `sub changed to ${String(sameSub)}`)
  step(`GitHub's other shape of sub (${immutableSub}) is the same subject to us`)

  await refused(broker, 'the same CI token again', await exchange(broker, first), 'invalid_request')
  const stranger = await startExampleIssuer()
  try {
    const token = await stranger.sign({ aud: broker.url })
    await refused(broker, 'an issuer nobody trusts', await exchange(broker, token), 'invalid_request')
  } finally {
    await stranger.close()
  }
  const fork = await jobToken(broker, {
    event_name: 'pull_request_target',
    sub: 'repo:acme/web:pull_request',
    head_ref: 'patch-1',
    base_ref: 'main',
  })
  await refused(broker, "a fork's pull request", await exchange(broker, fork), 'invalid_request')
  const elsewhere = await jobToken(broker, { audience: 'https://github.com/acme' })
  await refused(broker, 'a token meant for another audience', await exchange(broker, elsewhere), 'invalid_request')
  await refused(
    broker,
    'a target no rule grants to this job',
    await exchange(broker, await jobToken(broker), 'billing-api'),
    'invalid_target',
  )
}

async function jobToken(broker: Broker, changes: Record<string, string> = {}): Promise<string> {
  const query = new URLSearchParams({ audience: broker.url, ...changes })
  const response = await fetch(`${broker.issuer}/token?${query.toString()}`)
  return response.text()
}

async function exchange(broker: Broker, subject_token: string, audience = 'deploy-api'): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: TOKEN_EXCHANGE_GRANT,
    subject_token_type: JWT_TYPE,
    subject_token,
    audience,
  })
  const response = await fetch(`${broker.url}/token`, { method: 'POST', body: form })
  const body = (await response.json()) as Record<string, unknown>
  if (verbose) {
    process.stdout.write(
      `\n> POST ${broker.url}/token\n> ${[...form].map(([name, value]) => `${name}=${shortened(value)}`).join('\n> ')}\n`,
    )
    process.stdout.write(
      `< ${response.status}\n< ${JSON.stringify(body, (_, value: unknown) => (typeof value === 'string' ? shortened(value) : value))}\n`,
    )
  }
  return { status: response.status, body, decisionId: response.headers.get('x-decision-id') ?? '' }
}

/** As any resource server would: no secret, no word with the broker but its public documents. */
async function verify(broker: Broker, token: string): Promise<Record<string, unknown>> {
  const discovery = (await (await fetch(`${broker.url}/.well-known/oauth-authorization-server`)).json()) as {
    issuer: string
    jwks_uri: string
  }
  const options = {
    issuer: discovery.issuer,
    audience: 'https://deploy.acme.dev',
    typ: 'at+jwt',
    algorithms: ['ES256'],
  }
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(discovery.jwks_uri)), options)
  if (verbose) process.stdout.write(`\n${JSON.stringify(payload, null, 2)}\n`)
  return payload
}

async function refused(broker: Broker, what: string, answer: Answer, code: string): Promise<void> {
  expect(
    answer.status === 400 && answer.body.error === code,
    `${what}: expected 400 ${code}, got ${answer.status} ${String(answer.body.error)}`,
  )
  step(`${what} is refused: ${code}\n    the log says why: ${await broker.explanation(answer.decisionId)}`)
}

function expect(held: boolean, otherwise: string): void {
  if (!held) throw new Error(otherwise)
}

function step(text: string): void {
  process.stdout.write(`✓ ${text}\n`)
}

function shortened(value: string): string {
  return value.length > 120 ? `${value.slice(0, 60)}…` : value
}
