import { subjectTokenAlgorithms } from '../../protocol/algorithms.ts'
import type { KeySet } from '../../protocol/key-set.ts'
import { isTrustDomain } from '../../protocol/spiffe-id.ts'
import { MAX_CLOCK_TOLERANCE, strictness, type TrustedIssuer } from '../../tokens/trusted-issuer.ts'
import type { Condition, Configuration, Issuer } from '../configuration.ts'
import { presets } from '../presets.ts'
import type { TenantClaims } from '../presets/preset.ts'
import { sharedIssuers } from '../presets/shared-issuers.ts'
import { bounds, finding, HOUR, MINUTE, type GuardrailFinding } from './finding.ts'
import { ofUpstreamLogin } from './upstream-login.ts'
import { unsafePattern } from './pattern.ts'
import { ofSharing } from './sharing.ts'
import { unverified } from './unverified.ts'
import { isHttps, isLoopback, isPrivateHost } from './url.ts'

/** `sameUrl`: all issuers of its URL, it too. */
export function ofIssuer(issuer: Issuer, sameUrl: readonly Issuer[], configuration: Configuration): GuardrailFinding[] {
  const path = ['issuers', issuer.name]
  const findings: GuardrailFinding[] = []
  const add = (rule: GuardrailFinding['rule'], key: string | undefined, message: string) =>
    findings.push(finding(rule, key === undefined ? path : [...path, key], message))
  if (issuer.name === 'self')
    add('ambiguous-name', undefined, 'self means our own tokens: give this issuer another name')
  findings.push(...ofSharing(issuer, sameUrl))
  if (issuer.issuer === configuration.issuer) add('ambiguous-name', undefined, 'this is our own issuer URL')

  const local = configuration.local && isLoopback(issuer.issuer)
  // What is wrong with another scheme than these, its preset says.
  if (!local && !isHttps(issuer.issuer) && !/^spiffe:/i.test(issuer.issuer))
    add(
      'insecure-url',
      'issuer',
      `write an https URL, its host in lower case${isLoopback(issuer.issuer) ? '; http on loopback is for local runs' : ''}`,
    )
  findings.push(...tenancy(issuer, local), ...ofPreset(issuer), ...ofKeys(issuer, path, configuration))
  for (const audience of issuer.audiences ?? []) {
    const [, whose] = foreignAudiences.find(([foreign]) => foreign.test(audience)) ?? []
    if (whose !== undefined) add('foreign-audience', 'audiences', `tokens for ${audience} are meant for ${whose}`)
  }
  if (issuer.audiences?.some((audience) => audience.includes('*')))
    add('unsafe-pattern', 'audiences', 'an audience is compared exactly, a * is no pattern here: write it out')

  findings.push(...ofAlgorithms(issuer, path))
  findings.push(...bounds([...path, 'clock_tolerance'], issuer.clock_tolerance, [0, '0s'], [MAX_CLOCK_TOLERANCE, '5m']))
  findings.push(
    ...bounds([...path, 'max_token_lifetime'], issuer.max_token_lifetime, [MINUTE, '1m'], [24 * HOUR, '24h']),
  )
  if (issuer.replay === 'off' && issuer.max_token_lifetime > HOUR) {
    add(
      'replay-off-too-long',
      'max_token_lifetime',
      'with replay: off a stolen token works until it expires: write max_token_lifetime: 1h or less, or replay: once',
    )
  }
  findings.push(...ofUpstreamLogin(issuer, configuration))
  findings.push(
    ...issuer.require.flatMap((condition) => [
      ...unsafePattern(condition, issuer, [...path, 'require', condition.key]),
      ...unverified(condition, [], issuer, [...path, 'require', condition.key]),
    ]),
  )
  return findings
}

/** Whose issuer is it: one tenant's own, or everybody's? */
function tenancy(issuer: Issuer, local: boolean): GuardrailFinding[] {
  const path = ['issuers', issuer.name, 'issuer']
  const known = sharedIssuers.find((shared) => shared.issuer.test(issuer.issuer))
  if (issuer.preset === undefined) {
    if (known?.presets === undefined) return unpinned(issuer, known?.tenantClaims)
    const message = `write preset: ${known.presets.join(' or ')}, which knows how this issuer's tokens are to be read`
    return [finding('use-preset', path, message)]
  }
  const preset = presets[issuer.preset]
  // A trust domain is a name, for which nothing on loopback can stand.
  const standsIn = local && issuer.preset !== 'spiffe'
  // Also where the preset's own shapes would let it pass: under another kind's preset nothing would pin its tenants.
  const foreign = known !== undefined && !known.presets?.includes(issuer.preset)
  if (foreign || (!standsIn && preset.issuers?.some((shape) => shape.test(issuer.issuer)) === false)) {
    const remedy =
      foreign && known.presets
        ? `: its preset is ${known.presets.join(' or ')}`
        : preset.issuer
          ? `: leave it out for ${preset.issuer}`
          : ''
    return [finding('preset-issuer', path, `this is no issuer URL of ${issuer.preset}${remedy}`)]
  }
  // An example issuer on loopback stands for the shared one, pin and all.
  return local || preset.issuer === undefined || issuer.issuer === preset.issuer
    ? unpinned(issuer, preset.tenantClaims)
    : []
}

function unpinned(issuer: Issuer, tenantClaims: TenantClaims | undefined): GuardrailFinding[] {
  if (tenantClaims === undefined || issuer.require.some((condition) => pins(condition, tenantClaims))) return []
  const [example, ...others] = tenantClaims
  const message = `anybody can have a token of this issuer: add require: { ${example}: "<yours>" }${others.length > 0 ? ` (or ${others.join(', ')})` : ''}`
  return [finding('shared-issuer-unpinned', ['issuers', issuer.name], message)]
}

function pins({ path, operator }: Condition, tenantClaims: readonly string[]): boolean {
  return (
    path.length === 1 &&
    tenantClaims.some((claim) => claim === path[0]) &&
    'equals' in operator &&
    !operator.equals.includes('')
  )
}

/** A preset is what we know to be right for a kind of issuer. It may be made stricter, never laxer. */
function ofPreset(issuer: Issuer): GuardrailFinding[] {
  if (issuer.preset === undefined) return []
  const preset = presets[issuer.preset]
  const path = ['issuers', issuer.name]
  const fixed = (key: string, message: string) => finding('preset-fixed', [...path, key], `${issuer.preset} ${message}`)
  return [
    ...(JSON.stringify(issuer.subject) === JSON.stringify(preset.subject)
      ? []
      : [fixed('subject', 'builds the subject from ids: leave subject out, and match what else must hold')]),
    ...(strictness[issuer.replay] >= strictness[preset.replay]
      ? []
      : [fixed('replay', `needs replay: ${preset.replay}, or stricter`)]),
    ...(issuer.algorithms.every((alg) => preset.algorithms.includes(alg))
      ? []
      : [fixed('algorithms', `signs with ${preset.algorithms.join(' or ')}`)]),
  ]
}

/** Audiences that mean somebody else, whom, and what to do: every pod or every application has such a token. */
const foreignAudiences: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:https:\/\/kubernetes\.default(?:\.svc(?:\.[a-z0-9.-]+)?)?|kubernetes)$/,
    "the cluster's API server: project one for the broker's URL",
  ],
  [/^account$/, "Keycloak's own account API: add an audience mapper for the broker's URL"],
  [
    /^(?:https:\/\/graph\.(?:microsoft\.com|windows\.net)\/?|0000000[23]-0000-0000-c000-000000000000)$/,
    'Microsoft Graph: register an API for the broker, and ask for a scope of that',
  ],
]

/** Where keys are fetched from: of an issuer, and of a client that signs. */
export function ofKeys(
  source: Pick<TrustedIssuer, 'issuer' | 'jwks' | 'algorithms'>,
  path: readonly string[],
  { local }: Pick<Configuration, 'local'>,
): GuardrailFinding[] {
  if ('keys' in source.jwks) return ofUploaded(source.jwks.keys, source, path)
  const [key, url] = 'uri' in source.jwks ? ['jwks', source.jwks.uri] : ['issuer', source.issuer]
  if (isTrustDomain(url)) {
    const message =
      'a trust domain has no discovery: give jwks: { uri: <its bundle endpoint> }, or jwks: { keys: [...] }'
    return [finding('unreachable-keys', [...path, key], message)]
  }
  if (local && isLoopback(url)) return []
  // An issuer's own URL is looked at by itself.
  if (!isHttps(url)) return key === 'jwks' ? [finding('insecure-url', [...path, key], 'write an https URL')] : []
  if (local || !isPrivateHost(url)) return []
  const message = `keys are fetched from the public internet only, where ${new URL(url).hostname} is not: give them with jwks: { keys: [...] }`
  return [finding('unreachable-keys', [...path, key], message)]
}

function ofUploaded(
  { keys }: KeySet,
  { algorithms }: Pick<TrustedIssuer, 'algorithms'>,
  path: readonly string[],
): GuardrailFinding[] {
  // Without any of either nothing is believed, and who left them out has been told why.
  if (keys.length === 0 || algorithms.length === 0) return []
  if (keys.some((key) => key.algorithms.some((alg) => algorithms.includes(alg)))) return []
  const message = `none of these keys signs by ${algorithms.join(' or ')}: list the algorithms that they are for`
  return [finding('algorithm-not-allowed', [...path, 'jwks'], message)]
}

export function ofAlgorithms(
  { algorithms }: Pick<TrustedIssuer, 'algorithms'>,
  path: readonly string[],
): GuardrailFinding[] {
  if (algorithms.length > 0 && algorithms.every((alg) => subjectTokenAlgorithms.includes(alg))) return []
  return [finding('algorithm-not-allowed', [...path, 'algorithms'], `use some of ${subjectTokenAlgorithms.join(', ')}`)]
}
