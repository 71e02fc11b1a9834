import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** `npm start`, as anybody would run it, on ports of its own. Its log lines are what explain the refusals. */
export class RunningBroker {
  /** What it and its operator find AWS by. */
  readonly environment: NodeJS.ProcessEnv
  readonly #child: ChildProcess
  readonly #log = new Map<string, Record<string, unknown>[]>()
  url = ''
  issuer = ''
  /** Of the partner, where people log in. */
  app = ''

  constructor(stsUrl: string) {
    this.environment = {
      AWS_ACCESS_KEY_ID: 'ASIALOCAL',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_REGION: 'eu-west-1',
      ...process.env,
      PORT: '0',
      EXAMPLE_ISSUER_PORT: '0',
      PARTNER_IDP_PORT: '0',
      PARTNER_APP_PORT: '0',
      BROKER_CONFIG: '',
      BROKER_ISSUER: '',
      AWS_ENDPOINT_URL_STS: stsUrl,
    }
    this.#child = spawn(process.execPath, [fileURLToPath(new URL('../start.ts', import.meta.url))], {
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  async ready(): Promise<void> {
    const lines = createInterface({ input: this.#child.stdout! })
    // Warnings are log lines too. Whatever else comes here is to be seen.
    createInterface({ input: this.#child.stderr! }).on('line', (line) => {
      if (line.startsWith('{')) this.#keep(JSON.parse(line) as Record<string, unknown>)
      else process.stderr.write(`${line}\n`)
    })
    const ready = new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        const found = /ready at (\S+), trusting the example issuer at (\S+)/.exec(line)
        const app = /^Log in at (\S+) as /.exec(line)
        if (found) [, this.url = '', this.issuer = ''] = found
        else if (app) {
          ;[, this.app = ''] = app
          // It is the later of the two.
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
        const failed = lines.find((line) => /^rule (?:web-deploys|partner-orders) does not match/.test(line))
        return [`${String(refused.reason)}${facts(refused)}`, ...(failed === undefined ? [] : [failed])].join('; ')
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`the log does not explain decision ${decisionId}`)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGTERM')
    await once(this.#child, 'exit')
  }
}

const told = new Set(['dimension', 'iss', 'aud', 'target', 'claim', 'value', 'tag', 'detail', 'error', 'action'])

function facts(refused: Record<string, unknown>): string {
  const entries = Object.entries(refused).filter(([name]) => told.has(name))
  return entries.length === 0 ? '' : ` (${entries.map(([name, value]) => `${name} ${String(value)}`).join(', ')})`
}
