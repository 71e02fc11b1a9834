import type { Configuration, Issuer, Operator, PresetName, Rule } from '../../lib/trust/configuration.ts'
import { findUnsafe } from '../../lib/trust/guardrails.ts'
import type { GuardrailFinding } from '../../lib/trust/guardrails/finding.ts'
import { presets } from '../../lib/trust/presets.ts'
import { configuration, equals, farm, rule } from './policy-fixture.ts'

/** A configuration without a finding, for rows that spoil it. */
export const safe = configuration([rule('r')])

export const target = { audience: 'https://api.test', scopes: ['read', 'write', 'admin'], lifetime: 900 }

export const github = 'https://token.actions.githubusercontent.com'

export function withIssuer(changes: Partial<Issuer>): Configuration {
  return { ...safe, issuers: { farm: { ...farm, ...changes } } }
}

export function withRule(changes: Partial<Rule>): Configuration {
  return { ...safe, rules: [rule('r', changes)] }
}

/** `key` is a claim at the top, or the JSON Pointer of one below. */
export function matching(key: string, operator: Operator, issuer: Partial<Issuer> = {}): Configuration {
  const path = key.startsWith('/') ? key.slice(1).split('/') : [key]
  return { ...withIssuer(issuer), rules: [rule('r', { match: [equals('ref', 'main'), { key, path, operator }] })] }
}

export function ofPreset(preset: PresetName, issuer: string, require: Issuer['require'] = []): Partial<Issuer> {
  const { replay, subject, algorithms } = presets[preset]
  return { preset, issuer, require, replay, subject, algorithms }
}

export function rulesOf(configured: Configuration): GuardrailFinding['rule'][] {
  return [...new Set(findUnsafe(configured).map((finding) => finding.rule))]
}
