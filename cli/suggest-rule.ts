import { parse, parseDocument } from 'yaml'
import { toScalar } from '../lib/config/document.ts'
import { ConfigurationError } from '../lib/config/findings.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import type { JsonObject } from '../lib/protocol/strict-json.ts'
import { claimAt, toName, type ClaimPath } from '../lib/tokens/claim-path.ts'
import {
  named,
  uriOf,
  type Configuration,
  type Issuer,
  type PresetName,
  type Target,
} from '../lib/trust/configuration.ts'
import type { Decision } from '../lib/trust/decide.ts'
import { forbiddenEvents, presets } from '../lib/trust/presets.ts'

/** Rules for broker.yaml, or in one sentence why there is none. */
export type Suggestion = { yaml: string } | { none: string }

export interface SuggestionContext {
  /** The text of broker.yaml. */
  text: string
  configuration: Configuration
  issuer: Issuer
  claims: JsonObject
  target: string | undefined
  scopes: readonly string[] | undefined
  /** Decides about these claims by another text of broker.yaml. Throws ConfigurationError where that does not hold. */
  decideBy: (text: string) => Promise<Decision>
}

/** What a job tells of where it runs, beside the ids of its subject. */
const circumstances: Readonly<Partial<Record<PresetName, readonly string[]>>> = {
  'github-actions': ['ref', 'environment', 'event_name'],
  gitlab: ['ref_type', 'ref', 'environment', 'pipeline_source'],
  kubernetes: ['namespace'],
  circleci: ['vcs_origin', 'vcs_ref'],
  buildkite: ['build_branch', 'build_source', 'step_key'],
  'bitbucket-pipelines': ['branchName', 'deploymentEnvironmentUuid'],
  'hcp-terraform': ['terraform_run_phase'],
  'azure-devops': ['rpo_ref'],
  vercel: ['environment'],
  fly: ['image_digest'],
  aws: ['lambda_function_arn', 'ec2_instance_arn'],
}

const refusals: readonly string[] = ['no_rule_matches', 'event_forbidden', 'target_not_granted']

/** A rule that would grant what was refused, tried before it is suggested; undefined where no rule is what is missing. */
export async function suggestRule(decision: Decision, context: SuggestionContext): Promise<Suggestion | undefined> {
  if (!('refused' in decision) || !refusals.includes(decision.refused.reason)) return undefined
  const { configuration, issuer, claims, text } = context
  const event = forbiddenEvent(issuer, claims)
  if (event !== undefined) return { none: event }
  const target = targetOf(context)
  const settings = target === undefined ? undefined : named(configuration.targets, target)
  if (target === undefined || settings === undefined)
    return { none: `name one with --target: ${Object.keys(configuration.targets).join(', ')}` }
  const match = matchOf(issuer, claims)
  const name = unusedName(slugOf(issuer, match, target), configuration)
  const scopes = context.scopes ?? ('role' in settings ? [] : settings.scopes)
  const yaml = [
    `${name}:`,
    `  issuer: ${issuer.name}`,
    '  match:',
    ...match.map(({ key, value }) => `    ${key}: ${value}`),
    '  grant:',
    `    - target: ${target}`,
    ...(scopes.length > 0 ? [`      scopes: ${JSON.stringify(scopes).replaceAll('","', '", "')}`] : []),
  ].join('\n')
  if (yaml.split('\n').some((line) => toOneLine(line) !== line))
    return { none: 'a claim that it would be about has characters that cannot be shown' }
  return tried(yaml, name, text, context)
}

async function tried(yaml: string, name: string, text: string, { decideBy }: SuggestionContext): Promise<Suggestion> {
  const document = parseDocument(text)
  document.setIn(['rules', name], (parse(yaml) as JsonObject)[name])
  try {
    const decision = await decideBy(document.toString())
    if ('granted' in decision) return { yaml }
    return { none: `with one more rule it would still be refused: ${decision.refused.reason}` }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    const problems = error.findings.map(({ rule, message }) => `${rule} ${message}`)
    return { none: `what is asked and what the token says make no rule: ${problems.join('; ')}` }
  }
}

/** Who may cause it decides over what it gets, so that is for a person to write. */
function forbiddenEvent({ preset }: Issuer, claims: JsonObject): string | undefined {
  const events = forbiddenEvents(preset)
  if (events === undefined) return undefined
  const value = claimAt(claims, [events.claim])
  if (typeof value !== typeof events.values[0])
    return `the token has no ${events.claim}, and without one a rule that does not name it refuses`
  if (!events.values.some((each) => each === value)) return undefined
  return `${events.claim} is ${JSON.stringify(value)}, which people without write access may be able to cause: a rule that names it by value trusts whoever can`
}

/** By its name or URI, or the one there is. */
function targetOf({ target, configuration: { targets } }: SuggestionContext): string | undefined {
  const [only, ...others] = Object.keys(targets)
  if (target === undefined) return others.length === 0 ? only : undefined
  return Object.keys(targets).find((name) => name === target || uriOf(targets[name] as Target) === target)
}

/** The subject by its immutable ids, and what else the token says of where the job runs. */
function matchOf({ preset, subject }: Issuer, claims: JsonObject): { key: string; value: string; name?: string }[] {
  const aliases = preset === undefined ? {} : presets[preset].aliases
  const ids = subject.flatMap((part) => {
    if (typeof part === 'string') return []
    return [part.otherwise && claimAt(claims, part.claim) === undefined ? part.otherwise : part.claim]
  })
  const around = ((preset && circumstances[preset]) ?? []).map((key) => aliases[key] ?? [key])
  return [...new Map([...ids, ...around].map((path) => [JSON.stringify(path), path])).values()].flatMap((path) => {
    const value = claimAt(claims, path)
    // GitHub, for one, has an empty text where there is nothing to say.
    if (value === undefined || value === null || value === '' || typeof value === 'object') return []
    const key = keyOf(path, aliases)
    const name = nameOf(key, preset, claims)
    if (name === undefined) return [{ key, value: JSON.stringify(value) }]
    const written = `{ name: ${toScalar(name.text)}, id: ${JSON.stringify(value)} }`
    return [{ key: name.key, value: written, name: name.text }]
  })
}

function keyOf(path: ClaimPath, aliases: Readonly<Record<string, ClaimPath>>): string {
  const alias = Object.keys(aliases).find((name) => toName(aliases[name] as ClaimPath) === toName(path))
  const key = alias ?? toName(path)
  return /^[A-Za-z_][\w-]*$/.test(key) ? key : JSON.stringify(key)
}

/** What people call that which has this id, where the token says. */
function nameOf(
  idKey: string,
  preset: PresetName | undefined,
  claims: JsonObject,
): { key: string; text: string } | undefined {
  if (preset === undefined) return undefined
  const { ids, aliases } = presets[preset]
  const key = Object.keys(ids).find((name) => ids[name] === idKey)
  const text = key === undefined ? undefined : claimAt(claims, named(aliases, key) ?? [key])
  return key !== undefined && typeof text === 'string' && text !== '' ? { key, text } : undefined
}

/** After the last name there is: of an owner and a repository the repository. */
function slugOf({ name }: Issuer, match: readonly { name?: string }[], target: string): string {
  const called = match.findLast((each) => each.name !== undefined)?.name ?? name
  const slug = `${called}-${target}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return (/^[a-z]/.test(slug) ? slug : `${name}-${slug}`).slice(0, 60)
}

function unusedName(slug: string, { rules }: Configuration): string {
  // Of a rule with each, its own name too.
  const taken = new Set(rules.flatMap(({ name }) => [name, name.split('/')[0]]))
  for (let count = 1; ; count++) {
    const name = count === 1 ? slug : `${slug}-${count}`
    if (!taken.has(name)) return name
  }
}
