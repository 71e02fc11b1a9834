import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { JWT_BEARER_ASSERTION, JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { startDynamodb } from '../../local/dynamodb.ts'
import { startExampleIssuer, type ClaimChanges, type ExampleIssuer } from '../../local/example-issuer.ts'
import { asOperator, operator } from './admin-server.ts'
import type { Ran } from './run-command.ts'

const start = fileURLToPath(new URL('../../local/start.ts', import.meta.url))

/** The names of its policies, for tests that change one thing. */
export const config = (issuer: string) => `version: 1
issuer: auto
issuers:
  github:
    preset: github-actions
    issuer: ${issuer}
    require: { repository_owner_id: "1234567" }
  cluster: { preset: kubernetes, issuer: ${issuer}/cluster }
targets:
  deploy-api: { audience: https://deploy.test, scopes: [deploy:read, deploy:write], lifetime: 15m }
  billing-api: { audience: https://billing.test }
  web-deployer: { role: "arn:aws:iam::123456789012:role/web-deployer" }
rules:
  web-deploys:
    issuer: github
    match: { repository_id: "987654", ref: refs/heads/main, event_name: push }
    grant:
      - { target: deploy-api, scopes: [deploy:write], claims: { commit: claims.sha } }
      - { target: web-deployer, session_tags: { repository: claims.repository } }
  triage:
    issuer: github
    match: { repository_id: "987654", event_name: issues }
    grant: [{ target: billing-api }]
  web-reads:
    issuer: github
    mode: shadow
    match: { repository_id: "987654" }
    when: claims.environment == "production"
    grant: [{ target: deploy-api, scopes: [deploy:read], claims: { commit: claims.sha } }]
  nightly:
    issuer: cluster
    match: { namespace: reports }
    grant: [{ target: billing-api }]
  watch:
    client: watcher
    grant: [{ target: deploy-api, scopes: [deploy:read] }]
clients:
  deploy-cli: { type: public }
  watcher:
    auth: { federated: { issuer: cluster, match: { namespace: watch } } }
    grants: [client_credentials]
`

export interface Answer {
  status: number
  decision_id: string
}

export interface RecordedWorld {
  issuer: ExampleIssuer
  url: string
  /** The broker.yaml that is deployed. */
  deployed: string
  /** What the broker has written. */
  log(): string
  exchange(changes?: ClaimChanges, fields?: Record<string, string>): Promise<Answer>
  /** By a pod of the cluster, with these claims inside kubernetes.io. */
  exchangeOfPod(changes: Record<string, unknown>, fields?: Record<string, string>): Promise<Answer>
  /** A token for the client `watcher` itself. */
  watch(): Promise<Answer>
  /** A file of this text. */
  write(name: string, text: string): string
  /** `token-broker explain` as an operator, who has the table before him. */
  explain(args: readonly string[], env?: Record<string, string>): Promise<Ran>
  dynamodb: string
}

/** A broker of its own process, as `npm start` runs it, and the table it writes to. */
export async function recordedWorld(): Promise<RecordedWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'token-broker-recorded-'))
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const dynamodb = await startDynamodb()
  const issuer = await startExampleIssuer()
  const deployed = write('deployed.yaml', config(issuer.url))
  const child = spawn(process.execPath, [start], {
    env: {
      ...process.env,
      ...operator,
      PORT: '0',
      BROKER_CONFIG: deployed,
      BROKER_ISSUER: '',
      BROKER_TABLE: 'receipts',
      AWS_ENDPOINT_URL: '',
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
      POWERTOOLS_LOG_LEVEL: 'INFO',
    },
  })
  after(async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'close')
    await issuer.close()
    await dynamodb.close()
    rmSync(folder, { recursive: true })
  })
  let written = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (written += chunk.toString()))
  const ready = () => /ready at ([^\s,]+)/.exec(written)?.[1]
  while (ready() === undefined) {
    if (child.exitCode !== null) throw new Error(written)
    await setTimeout(20)
  }
  const url = ready() as string

  async function post(fields: Record<string, string>): Promise<Answer> {
    const response = await fetch(`${url}/token`, { method: 'POST', body: new URLSearchParams(fields) })
    await response.body?.cancel()
    return { status: response.status, decision_id: response.headers.get('x-decision-id') ?? '' }
  }
  const trade = (subject_token: string, fields: Record<string, string>) =>
    post({ grant_type: TOKEN_EXCHANGE_GRANT, subject_token_type: JWT_TYPE, subject_token, ...fields })
  const podToken = (changes: Record<string, unknown>) =>
    issuer.signForPod({
      aud: url,
      'kubernetes.io': { namespace: 'reports', serviceaccount: { name: 'a', uid: 'a-1' }, ...changes },
    })
  return {
    issuer,
    url,
    deployed,
    dynamodb: dynamodb.url,
    log: () => written,
    write,
    exchange: async (changes = {}, fields = {}) =>
      trade(await issuer.sign({ aud: url, ...changes }), { audience: 'deploy-api', ...fields }),
    exchangeOfPod: async (changes, fields = {}) =>
      trade(await podToken(changes), { audience: 'billing-api', ...fields }),
    watch: async () =>
      post({
        grant_type: 'client_credentials',
        client_assertion_type: JWT_BEARER_ASSERTION,
        client_assertion: await podToken({ namespace: 'watch' }),
        client_id: 'watcher',
        audience: 'deploy-api',
      }),
    explain: (args, env = {}) =>
      asOperator(['explain', ...args, '--local', '--broker', url], {
        ...operator,
        AWS_ENDPOINT_URL: dynamodb.url,
        ...env,
      }),
  }
}
