/** What a configuration may be, and is seldom meant to be. */
export const doubtRules = {
  'unknown-claim': 'A warning: no token of the issuer has such a claim, as far as its preset knows.',
  'name-not-id': 'A warning: a name decides, where the preset knows the claim with the id that stays.',
  'public-event-role': 'A warning: people without write access can cause an event that opens a role.',
  'unproven-client':
    'A warning: an app on a device gets codes without anybody being asked, and nobody can tell which app.',
  'unused-login': 'A warning: people could log in at an issuer, and no client sends them there.',
  'no-refreshing': 'A warning: offline_access without the grant refresh_token, or the grant without it.',
  'unverified-identity': 'A warning: clients learn an address, and not whether it is verified.',
  'never-matches': 'A warning: no token can meet all that the rule asks.',
  'shadowed-rule': 'A warning: another rule grants all that this one does, to all whom it admits.',
  'overlapping-rules':
    'A warning: a token can match two rules that differ in what must come from one, and is then refused.',
  'ambiguous-rules':
    'Whoever matches the rule matches another too, which differs in what must come from one: nobody gets anything.',
} as const

export interface Doubt {
  rule: keyof typeof doubtRules
  message: string
  /** Names from the top of broker.yaml down. */
  path: readonly string[]
}

export function doubt(rule: Doubt['rule'], path: readonly string[], message: string): Doubt {
  return { rule, path, message }
}
