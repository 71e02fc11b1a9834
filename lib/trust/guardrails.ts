import { groupBy } from '../protocol/group-by.ts'
import type { Configuration } from './configuration.ts'
import { ofClient } from './guardrails/client.ts'
import { bounds, DAY, finding, type GuardrailFinding } from './guardrails/finding.ts'
import { ofIssuer } from './guardrails/issuer.ts'
import { ofLogins } from './guardrails/logins.ts'
import { ofRegistration } from './guardrails/registration.ts'
import { ofRule } from './guardrails/rule.ts'
import { ofTargets } from './guardrails/target.ts'
import { isLoopback } from './guardrails/url.ts'

/** Throws, with every finding, when the configuration is unsafe. */
export function refuseUnsafe(configuration: Configuration): void {
  const findings = findUnsafe(configuration)
  if (findings.length > 0) {
    throw new Error(
      `unsafe configuration:\n${findings.map(({ path, rule, message }) => `${path.join('.')}: ${rule} ${message}`).join('\n')}`,
    )
  }
}

export function findUnsafe(configuration: Configuration): GuardrailFinding[] {
  const byUrl = groupBy(Object.values(configuration.issuers), ({ issuer }) => [issuer])
  return [
    ...ourselves(configuration),
    ...Object.values(configuration.issuers).flatMap((issuer) =>
      ofIssuer(issuer, byUrl.get(issuer.issuer) ?? [], configuration),
    ),
    ...ofTargets(configuration),
    ...ofLogins(configuration),
    ...Object.entries(configuration.clients).flatMap(([id, client]) => ofClient(id, client, configuration)),
    ...ofRegistration(configuration),
    ...configuration.rules.flatMap((rule) => ofRule(rule, configuration)),
  ]
}

function ourselves({ issuer, local, signing, receipts }: Configuration): GuardrailFinding[] {
  const origin =
    issuer === 'auto' ||
    (URL.canParse(issuer) &&
      new URL(issuer).origin === issuer &&
      (issuer.startsWith('https://') || (local && isLoopback(issuer))))
  return [
    ...(origin
      ? []
      : [
          finding(
            'our-issuer',
            ['issuer'],
            'issuer must be an https origin in lower case, without a path or a trailing slash, or auto; http://127.0.0.1:<port> in local runs',
          ),
        ]),
    ...(signing.algorithms.includes('RS256')
      ? []
      : [
          finding(
            'rs256-missing',
            ['signing', 'algorithms'],
            'add RS256: every verifier must be able to expect it (RFC 9068 section 2.1)',
          ),
        ]),
    ...bounds(['receipts', 'retention'], receipts.retention, [DAY, '1d'], [3_650 * DAY, '3650d']),
  ]
}
