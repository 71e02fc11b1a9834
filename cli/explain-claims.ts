import { TokenBrokerError } from '../client/errors.ts'
import { findSubjectToken } from '../client/find-subject-token.ts'
import { RefusedError } from '../lib/protocol/errors.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import type { Refusal } from '../lib/protocol/refusals.ts'
import type { JsonObject } from '../lib/protocol/strict-json.ts'
import { trustDomainOf } from '../lib/protocol/spiffe-id.ts'
import { findIssuer, toIssuers } from '../lib/tokens/issuers.ts'
import { readClaims, type VerifiedSubject } from '../lib/tokens/verify-subject-token.ts'
import { named, type Configuration, type Issuer } from '../lib/trust/configuration.ts'
import { decide, type Decision } from '../lib/trust/decide.ts'
import { compare, type Comparison } from '../lib/trust/evaluate-rule.ts'
import { toPolicy } from '../lib/trust/policy.ts'
import { CommandError, UsageError } from './command.ts'
import { flipOf, flipText } from './flips.ts'
import { outcomeText } from './outcome-text.ts'
import { print } from './print.ts'
import { parseUnverified, readUnverified, type Unverified } from './read-claims.ts'
import { compileFor, readConfiguration, type CompiledFor } from './read-configuration.ts'
import { STDIN } from './read-text.ts'
import { conditionLines, ruleLines, type ExplainedRule } from './rule-lines.ts'
import { enforced } from './shadow-rules.ts'
import { suggestRule, type Suggestion } from './suggest-rule.ts'

export interface ClaimsOptions {
  config: string
  token?: string | undefined
  claims?: string | undefined
  job: boolean
  target?: string | undefined
  scope?: string[] | undefined
  client?: string | undefined
  broker?: string | undefined
  local: boolean
  shadow: boolean
  json: boolean
}

interface Explained {
  issuer: string
  /** Absent where the token has none. */
  subject?: string
  /** What is wrong with the token before any rule is read. */
  token_refused?: Refusal
  require: Comparison[]
  rules: ExplainedRule[]
  outcome: string
  granted: boolean
  /** With --shadow: what else it would be, if shadow rules were enforced. */
  with_shadow_rules?: string
  /** Where a rule is what is missing. */
  suggestion?: Suggestion
}

/** Says what a broker.yaml gives a token, and why. Exit code 0: it would be granted. Throws UsageError and CommandError. */
export async function explainClaims(options: ClaimsOptions): Promise<number> {
  const files = [options.token, options.claims].filter((file) => file !== undefined)
  if (files.length + Number(options.job) !== 1)
    throw new UsageError('give --token, --claims or --job, one of the three')
  if (options.config === STDIN && files[0] === STDIN) throw new UsageError('standard input can be one of them only')
  const now = Math.floor(Date.now() / 1000)
  const compiledFor = { local: options.local, broker: options.broker, now }
  const { configuration, text, name } = await readConfiguration(options.config, compiledFor)
  const ourIssuer = configuration.issuer === 'auto' ? options.broker : configuration.issuer
  if (!ourIssuer) throw new UsageError('broker.yaml says issuer: auto: give the URL that it has with --broker')
  const given = options.job
    ? parseUnverified(await ownToken(ourIssuer), "this job's token")
    : await readUnverified(options)
  const explained = await explainGiven(given, { configuration, text, name, ourIssuer, compiledFor }, options)
  print(() => toLines(explained), explained, options.json)
  return explained.granted ? 0 : 1
}

interface Broker {
  configuration: Configuration
  text: string
  name: string
  ourIssuer: string
  compiledFor: CompiledFor
}

async function explainGiven(given: Unverified, broker: Broker, options: ClaimsOptions): Promise<Explained> {
  const { configuration, ourIssuer, text, name } = broker
  const { now } = broker.compiledFor
  const claims = given.payload
  const issuer = issuerOf(given, configuration, ourIssuer)
  const read = readOrRefused(claims, issuer, ourIssuer, now)
  const decideBy = async (configuration: Configuration): Promise<Decision> => {
    const subject = 'refused' in read ? { sub: '', subject: '' } : read
    // Nobody has verified it, and nothing is issued for it.
    const assumed = { issuer, ...subject, claims, exp: 0, jti: undefined, hash: '' } as unknown as VerifiedSubject
    const { client, target, scope } = options
    const asked = { client_id: client, audience: target === undefined ? [] : [target], resource: [], scope }
    return decide({ subject: assumed, ...asked }, await toPolicy(configuration, ourIssuer), now)
  }
  const decision = await decideBy(configuration)
  // A token that is refused itself needs no rule.
  const suggestion =
    'refused' in read
      ? undefined
      : await suggestRule(decision, {
          text,
          configuration,
          issuer,
          claims,
          target: options.target,
          scopes: options.scope,
          decideBy: (text) => decideBy(compileFor(text, name, broker.compiledFor).configuration),
        })
  const matches = new Map(configuration.rules.map(({ name, match }) => [name, match]))
  return {
    issuer: issuer.name,
    ...('refused' in read ? { token_refused: read.refused } : { subject: read.sub }),
    require: issuer.require.map((condition) => compare(condition, claims)),
    rules: decision.trace.rules.map((trace) => ({
      ...trace,
      conditions: (matches.get(trace.rule) ?? []).map((condition) => compare(condition, claims)),
    })),
    outcome: 'refused' in read ? `refused: ${read.refused.reason}` : outcomeText(decision),
    granted: !('refused' in read) && 'granted' in decision,
    ...(options.shadow ? { with_shadow_rules: shadowText(decision, await decideBy(enforced(configuration))) } : {}),
    ...(suggestion === undefined ? {} : { suggestion }),
  }
}

function issuerOf(given: Unverified, configuration: Configuration, ourIssuer: string): Issuer {
  const all = Object.values(configuration.issuers)
  try {
    return named(configuration.issuers, findIssuer(toIssuers(all), ourIssuer, given).name) as Issuer
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    const { iss, sub } = given.payload
    const domain = trustDomainOf(sub)
    if (error.refusal.reason !== 'key_unknown') {
      const orDomain = domain === undefined ? '' : `, nor the trust domain of its sub: ${shown(domain)}`
      throw new CommandError(`no issuer of this broker.yaml has the token's iss: ${shown(iss)}${orDomain}`)
    }
    const sharing = all.filter(({ shares_issuer, issuer }) => shares_issuer && (issuer === iss || issuer === domain))
    const remedy = given.header.kid === undefined ? 'give one that has it, with --token' : 'this one is none of theirs'
    throw new CommandError(
      `${sharing.map(({ name }) => name).join(' and ')} have one issuer URL, and a token's kid says whose it is: ${remedy}`,
    )
  }
}

function shown(value: unknown): string {
  return toOneLine(JSON.stringify(value) ?? 'none')
}

function shadowText(now: Decision, then: Decision): string {
  const granted = 'granted' in now ? now.granted : undefined
  const receipt = {
    rules: [...(granted?.rules ?? [])],
    scopes: granted && 'scopes' in granted ? [...granted.scopes] : [],
  }
  const flip = flipOf(receipt, { decision: now }, { decision: then })
  if (flip === undefined)
    return outcomeText(now) === outcomeText(then) ? 'the same' : `it would be ${outcomeText(then)}`
  return flip.kind === 'granted' ? `it would be ${outcomeText(then)}` : `it would be ${flip.kind}: ${flipText(flip)}`
}

function readOrRefused(claims: JsonObject, issuer: Issuer, ourIssuer: string, now: number) {
  try {
    return readClaims(claims, issuer, { ourIssuer, now })
  } catch (error) {
    if (error instanceof RefusedError) return { refused: error.refusal }
    throw error
  }
}

function toLines(explained: Explained): string[] {
  const { issuer, subject, token_refused, require, rules, outcome, with_shadow_rules, suggestion } = explained
  return [
    `issuer ${issuer}, subject ${subject ?? 'none'}; the signature is not verified here`,
    ...(token_refused === undefined ? [] : [`x the token: ${JSON.stringify(token_refused)}`]),
    ...(require.length > 0 ? ['require', ...conditionLines(require)] : []),
    ...rules.flatMap(ruleLines),
    outcome,
    ...(with_shadow_rules === undefined ? [] : [`with the shadow rules enforced: ${with_shadow_rules}`]),
    ...suggestionLines(suggestion),
  ]
}

function suggestionLines(suggestion: Suggestion | undefined): string[] {
  if (suggestion === undefined) return []
  if ('none' in suggestion) return [`no rule is suggested: ${suggestion.none}`]
  return [
    'a rule that would grant it, to review and to paste under rules: in broker.yaml',
    ...suggestion.yaml.split('\n').map((line) => `  ${line}`),
  ]
}

/** This job's own, found as `token-broker exchange` finds it. */
async function ownToken(ourIssuer: string): Promise<string> {
  try {
    return await findSubjectToken({}, ourIssuer, process.env).token(30_000)
  } catch (error) {
    throw error instanceof TokenBrokerError ? new CommandError(error.message) : error
  }
}
