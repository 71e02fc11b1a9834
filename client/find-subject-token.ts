import { TokenBrokerError } from './errors.ts'
import { githubActions } from './github-actions.ts'
import { printable } from './printable.ts'
import { readySource, type SubjectTokenSource } from './subject-token.ts'
import { tokenCommand } from './token-command.ts'
import { tokenFile } from './token-file.ts'

/** What the user says about it; each is optional. */
export interface SubjectTokenOptions {
  file?: string | undefined
  /** The name of an environment variable. */
  variable?: string | undefined
  /** For a shell. */
  command?: string | undefined
  /** What the token shall be for, where that can be chosen. Default: the broker. */
  audience?: string | undefined
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Where a job's token is if nobody says: GitLab's `id_tokens`, and whatever else sets variables, can put it here. */
export const ID_TOKEN_VARIABLE = 'TOKEN_BROKER_ID_TOKEN'

/** CircleCI's, newest first. */
const circleVariables = ['CIRCLE_OIDC_TOKEN_V2', 'CIRCLE_OIDC_TOKEN']

/** Where the user says, else where the job's CI system puts it. Throws TokenBrokerError, which says what is missing. */
export function findSubjectToken(options: SubjectTokenOptions, broker: string, env: Environment): SubjectTokenSource {
  const ready = named(options, env) ?? (env[ID_TOKEN_VARIABLE] ? variable(ID_TOKEN_VARIABLE, env) : undefined)
  if (ready === undefined) {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = env
    if (url && token) return githubActions({ url, token }, options.audience ?? broker)
  }
  const found = ready ?? circle(env)
  if (found === undefined) throw new TokenBrokerError(nothingFound(broker, env))
  if (options.audience !== undefined)
    throw new TokenBrokerError(
      `an audience can be asked for in GitHub Actions only: the token in ${found.name} says already whom it is for`,
    )
  return found
}

function named(
  { file, variable: name, command }: SubjectTokenOptions,
  env: Environment,
): SubjectTokenSource | undefined {
  if (file !== undefined) return tokenFile(file)
  if (name !== undefined) return variable(name, env)
  if (command !== undefined) return tokenCommand(command)
  return undefined
}

function circle(env: Environment): SubjectTokenSource | undefined {
  const name = circleVariables.find((name) => env[name])
  return name === undefined ? undefined : variable(name, env)
}

function variable(name: string, env: Environment): SubjectTokenSource {
  // A name that could not be one may be the token itself.
  if (!/^[A-Za-z_]\w{0,99}$/.test(name)) throw new TokenBrokerError('that is no name of an environment variable')
  const shown = env[name] === undefined ? printable(name) : name
  return readySource(`the variable ${shown}`, () => env[name] ?? '')
}

function nothingFound(broker: string, env: Environment): string {
  if (env.GITHUB_ACTIONS === 'true')
    return `GitHub gives this job no OIDC token. Allow it in the workflow, for the job or for all of them:

    permissions:
      contents: read    # what it had without this key is gone with it
      id-token: write

A reusable workflow also needs it from the job that calls it. A pull request from a fork cannot have it.`
  if (env.GITLAB_CI === 'true')
    return `GitLab gives this job no ID token. Ask for it in .gitlab-ci.yml, in the job or under default:

    id_tokens:
      ${ID_TOKEN_VARIABLE}:
        aud: ${broker}`
  if (env.CIRCLECI === 'true')
    return `CircleCI gives this job no OIDC token (${circleVariables.join(', ')}): it does to jobs that use a context`
  return `no token to trade was found: this is no job of GitHub Actions, and ${ID_TOKEN_VARIABLE} is not set. Say where one is: token-broker takes --token-file, --token-env and --token-command, fromTokenBroker takes tokenFile and token`
}
