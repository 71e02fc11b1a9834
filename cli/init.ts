import { readArguments } from './arguments.ts'
import { UsageError, type Command } from './command.ts'
import { findRepositoryIds, isRepositoryName, type GitHubApi, type Lookup } from './github-repository.ts'
import { dependencySpec, ownPackage } from './own-package.ts'
import { idCommands, PLACEHOLDER, projectFiles } from './project-files.ts'
import { planFiles, writePlan, type Plan } from './project-folder.ts'

const publicApi = 'https://api.github.com'

export const init: Command = {
  name: 'init',
  summary: 'write a broker.yaml, and the CDK app that deploys it',
  usage: `token-broker init [DIR] [--repo OWNER/NAME] [--owner-id N --repo-id N]

Writes a project that deploys a broker for the jobs of one GitHub repository: broker.yaml, app.mjs, cdk.json,
package.json, .gitignore and .github/workflows/broker-check.yml. Replaces nothing: a package.json (a JSON object) and a
.gitignore that are there get what they lack; if another of them is there, or a link in its place, none is written.

  DIR                where to (.): the root of a repository, because GitHub finds workflows only there
  --repo OWNER/NAME  whose jobs may get tokens: GitHub is asked for the ids of both, with the token in GH_TOKEN or
                     GITHUB_TOKEN if there is one, at GITHUB_API_URL (${publicApi})
  --owner-id N, --repo-id N
                     the ids, without asking

Without ids broker.yaml is written with gaps, which check refuses until they are filled in.

Example: token-broker init --repo acme/web

Exit codes: 0 written, perhaps with gaps; 1 something was in the way; 2 wrong usage`,
  run,
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    repo: { type: 'string' },
    'owner-id': { type: 'string' },
    'repo-id': { type: 'string' },
  })
  const [folder = '.', ...others] = positionals
  if (others.length > 0) throw new UsageError(`one DIR at a time, not also ${others.join(' ')}`)
  if (folder === '') throw new UsageError('DIR is empty: leave it out for the working directory')
  if (values.repo !== undefined && !isRepositoryName(values.repo))
    throw new UsageError(`--repo takes owner/name, such as acme/web, not ${JSON.stringify(values.repo)}`)
  const given = givenIds(values['owner-id'], values['repo-id'])
  const own = ownPackage()
  const dependency = dependencySpec(own, folder)

  // Before GitHub is asked, and again after: that takes a while.
  await planFiles(folder, projectFiles({ dependency }))
  const found = given ?? (await lookUp(values.repo, own.version))
  const repository = ('renamed' in found ? found.renamed : undefined) ?? values.repo
  const ids = 'ids' in found ? found.ids : undefined
  const plan = await planFiles(folder, projectFiles({ repository, dependency, ids }))
  await writePlan(folder, plan)
  process.stdout.write(
    [
      outcome(folder, plan),
      ...('problem' in found ? gaps(found.problem, repository) : given ? [] : foreignIds()),
      ...(own.private ? [onNoRegistry(own.version)] : []),
      nextSteps(folder),
    ].join('\n\n') + '\n',
  )
  return 0
}

function givenIds(owner: string | undefined, repository: string | undefined): Lookup | undefined {
  if (owner === undefined && repository === undefined) return undefined
  if (owner === undefined || repository === undefined)
    throw new UsageError('--owner-id and --repo-id are given together, or not at all')
  for (const id of [owner, repository])
    if (!/^[1-9]\d{0,15}$/.test(id))
      throw new UsageError(`an id is a number, such as 1234567, not ${JSON.stringify(id)}`)
  return { ids: { owner, repository } }
}

async function lookUp(repository: string | undefined, version: string): Promise<Lookup> {
  if (repository === undefined) return { problem: 'no --repo was given' }
  const api: GitHubApi = { url: apiUrl(), userAgent: `token-broker/${version}` }
  const variable = ['GH_TOKEN', 'GITHUB_TOKEN'].find((name) => process.env[name])
  if (variable !== undefined) api.token = { value: process.env[variable] as string, variable }
  return findRepositoryIds(repository, api)
}

function apiUrl(): string {
  return process.env.GITHUB_API_URL || publicApi
}

function gaps(problem: string, repository: string | undefined): string[] {
  const commands = idCommands(repository)
  return [
    `The ids are missing: ${problem}.`,
    `check fails until both stand in broker.yaml, in quotes, in the places marked ${PLACEHOLDER}:`,
    `  repository_owner_id   ${commands.owner}\n  repository_id         ${commands.repository}`,
  ]
}

/** Each GitHub counts from 1: an id of one is somebody else's on another. */
function foreignIds(): string[] {
  if (new URL(apiUrl()).origin === publicApi) return []
  return [
    `The ids are those of ${apiUrl()}. Unless that is github.com, also write its issuer URL as issuer under issuers.github.`,
  ]
}

function outcome(folder: string, { created, extended, notes }: Plan): string {
  const extensions = Object.keys(extended)
  return [
    `Written to ${folder}: ${Object.keys(created).join(', ')}`,
    ...(extensions.length > 0 ? [`Extended: ${extensions.join(', ')}`] : []),
    ...notes,
  ].join('\n')
}

function onNoRegistry(version: string): string {
  const tarball = `token-broker-${version}.tgz`
  return `token-broker is on no registry yet: for npm ci in CI, commit its ${tarball} (npm pack) here, and npm install ./${tarball}`
}

function nextSteps(folder: string): string {
  const steps = [
    ...(folder === '.' ? [] : [[`cd ${quoted(folder)}`]]),
    ['npm install', 'commit its package-lock.json: the workflow installs from that'],
    ['npx --no-install token-broker check broker.yaml'],
    ['npx cdk bootstrap', 'once per account and region'],
    ['npx cdk deploy'],
  ]
  return `Next:\n\n${steps.map(([command = '', note]) => (note ? `  ${command.padEnd(20)} (${note})` : `  ${command}`)).join('\n')}`
}

/** To be copied into a shell. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}
