import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { serve } from '../http/test-server.ts'
import type { Scripted } from '../client/broker-server.ts'
import { noJob } from './job-environment.ts'
import { runCommand, type Ran } from './run-command.ts'

export const secretAccessKey = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00'

/** An operator's, and nobody else's: no profile, no role, no file. */
export const operator = {
  AWS_ACCESS_KEY_ID: 'AKIAOPERATOR',
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_REGION: 'eu-west-1',
  AWS_CONFIG_FILE: '/nonexistent',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
  AWS_EC2_METADATA_DISABLED: 'true',
}

/** `token-broker` as an operator types it. Throws when it prints a secret. */
export async function asOperator(args: readonly string[], env: Record<string, string> = operator): Promise<Ran> {
  const ran = await runCommand(args, { env: { ...noJob, ...env } })
  if ((ran.stdout + ran.stderr).includes(secretAccessKey)) throw new Error('a secret was printed')
  return ran
}

export interface AdminServer {
  url: string
  /** What was asked, in order. */
  asked: Record<string, unknown>[]
  /** By whom, as Authorization says it. */
  authorizations: string[]
}

/** Stands for the broker's endpoint for operators at the network's edge: answers from the script, its last line again and again. */
export async function adminServer(
  t: TestContext,
  script: readonly (Scripted | ((asked: Record<string, unknown>) => Scripted))[],
  path = '/admin/revocations',
): Promise<AdminServer> {
  const asked: Record<string, unknown>[] = []
  const authorizations: string[] = []
  const port = await serve(t, async (request, response) => {
    if (request.method !== 'POST' || request.url !== path) throw new Error(`${request.method} ${request.url}`)
    const body = JSON.parse(await text(request)) as Record<string, unknown>
    authorizations.push(request.headers.authorization ?? '')
    const line = script[Math.min(asked.push(body), script.length) - 1] ?? {}
    const { status = 200, headers = {}, body: answer = '', instead } = typeof line === 'function' ? line(body) : line
    if (instead) instead(response)
    else response.writeHead(status, headers).end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  })
  return { url: `http://127.0.0.1:${port}`, asked, authorizations }
}
