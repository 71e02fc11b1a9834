import { readFileSync } from 'node:fs'
import { TokenBrokerError } from '../client/errors.ts'
import { findSubjectToken, type Environment } from '../client/find-subject-token.ts'
import { parseJsonObject } from '../client/json-object.ts'
import type { SubjectTokenSource } from '../client/subject-token.ts'
import type { Inputs } from './inputs.ts'

/**
 * The job's own, which GitHub signs: what else looks for a job's token in its environment is left alone. Throws
 * TokenBrokerError, which says what the workflow lacks.
 */
export function findJobToken({ broker, audience }: Inputs, env: Environment): SubjectTokenSource {
  try {
    const { ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN } = env
    const ofGitHub = { GITHUB_ACTIONS: 'true', ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN }
    return findSubjectToken({ audience }, broker, ofGitHub)
  } catch (error) {
    if (env.ACTIONS_ID_TOKEN_REQUEST_URL || !isPullRequestFromFork(env)) throw error
    throw new TokenBrokerError(noneForForks)
  }
}

const noneForForks = `this is a pull request from a fork, and GitHub gives those no OIDC token, whatever the workflow's permissions say. Leave the job out for them:

    if: \${{ !github.event.pull_request || github.event.pull_request.head.repo.full_name == github.repository }}

What needs the broker can run on push, after the merge.`

/** Those that run with the rights of the fork. `pull_request_target` has those of the repository itself. */
const events = ['pull_request', 'pull_request_review', 'pull_request_review_comment']

function isPullRequestFromFork(env: Environment): boolean {
  if (!events.includes(env.GITHUB_EVENT_NAME ?? '')) return false
  const { head, base } = (readEvent(env.GITHUB_EVENT_PATH)?.pull_request ?? {}) as {
    head?: { repo?: { id?: unknown } | null }
    base?: { repo?: { id?: unknown } }
  }
  // A fork that is gone has no repo.
  return head !== undefined && head.repo?.id !== base?.repo?.id
}

function readEvent(path = ''): Record<string, unknown> | undefined {
  try {
    return parseJsonObject(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
