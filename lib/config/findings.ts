import { toOneLine } from '../protocol/one-line.ts'
import { guardrailRules } from '../trust/guardrails/finding.ts'
import { doubtRules } from './doubts/finding.ts'

/** One thing wrong with, or doubtful in, a broker.yaml. Lines and columns count from 1. */
export interface Finding {
  file: string
  line: number
  column: number
  severity: 'error' | 'warning'
  /** Which rule of ours: see `findingRules`. */
  rule: FindingRule
  /** What is wrong and what to write instead. */
  message: string
}

/** What a line is made of, also of findings that are not about one file alone. */
export type Shown = Omit<Finding, 'rule'> & { rule: string }

/** Every rule that a finding can name, with what it asks for. */
export const findingRules = {
  'yaml-syntax':
    'The file is one YAML 1.2 document: a map, without duplicate keys, anchors, aliases, merge keys or tags.',
  include: 'What is included is there, below the folder of the file, and is text.',
  logo: 'The logo is there, below the folder of the file: an SVG or PNG of 32 KiB at most.',
  'duplicate-name': 'A name stands once, in whichever file.',
  'unknown-key': 'Every key must be one we know.',
  'not-supported-yet': 'The key belongs to a part that this version does not have.',
  'missing-key': 'A required key is absent.',
  'wrong-type': 'A value has another type than the key takes.',
  'unquoted-value': 'A number or boolean stands where text is expected: YAML may have changed it.',
  'invalid-value': 'A value is outside what the key takes.',
  'invalid-name': 'Names of issuers, targets and rules are lower-case letters, digits and dashes.',
  'inline-secret': 'Secrets never stand in the file.',
  'invalid-expression': 'An expression must parse, be short, and speak of `claims`.',
  'invalid-key-set': 'An uploaded key is unusable.',
  'rule-expired': 'The rule grants nothing any more.',
  'short-session': 'SDKs ask again when 15 minutes are left: a session for them lasts longer.',
  ...guardrailRules,
  ...doubtRules,
} as const

export type FindingRule = keyof typeof findingRules

/** broker.yaml does not hold: nothing is compiled from it. */
export class ConfigurationError extends Error {
  readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    super(findings.map(formatFinding).join('\n'))
    this.name = 'ConfigurationError'
    this.findings = findings
  }
}

/** One line, whatever the file holds: its own text comes back in messages, and must not look like another finding. */
export function formatFinding({ file, line, column, severity, rule, message }: Shown): string {
  return toOneLine(`${file}:${line}:${column} ${severity} ${rule} ${message}`)
}
