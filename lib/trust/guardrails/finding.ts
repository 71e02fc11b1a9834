/** What a configuration must never be, whoever wrote it: checked when it is compiled, and again when a function starts. */
export const guardrailRules = {
  'our-issuer': 'Our own issuer is an https origin and nothing more; http is for loopback in local runs.',
  'rs256-missing': 'RS256 must be among the signing algorithms (RFC 9068 section 2.1).',
  'insecure-url': 'URLs are https; http is for loopback in local runs.',
  'preset-issuer': 'The issuer URL must be of a shape that the preset knows.',
  'preset-fixed': 'What a preset fixes may be made stricter, never laxer.',
  'unreachable-keys': 'Keys come from the public internet, or from the file.',
  'foreign-audience': 'A token that is meant for somebody else must not work here.',
  'use-preset': 'A well-known issuer has a preset that knows its pitfalls.',
  'shared-issuer-unpinned': 'Anybody can have a token of a shared issuer: `require` must pin your tenant.',
  'algorithm-not-allowed': 'Only asymmetric signature algorithms are accepted.',
  'lifetime-out-of-bounds': 'Lifetimes have limits.',
  'replay-off-too-long': 'Without replay protection a token may live an hour at most.',
  'ambiguous-name': 'A name could mean two things.',
  'unknown-reference': 'A name refers to nothing in this file.',
  'rule-constrains-nothing': 'A rule must say whom it means.',
  'unverified-claim': 'An address that nobody has verified says nothing.',
  'unsafe-pattern': 'A pattern that fits more than was meant.',
  'scopes-required': 'A grant names the scopes it grants where the target has scopes, and none where it has none.',
  'target-kind': 'A target is an audience or a role; it and its grants have the keys of that kind.',
  'session-tags': 'Session tags are such as STS takes.',
  'session-policy': 'Policies narrow a session: each in one place, and such as STS takes.',
  'client-kind': 'A client proves who it is in one way, or is public and gets nothing for itself.',
  'client-rule': 'A rule of a client grants tokens by the client alone.',
  'issuer-login': 'People log in where an issuer of people is asked for an ID token, with no secret in the file.',
  'client-login': 'A client to which people log in says where, and where they come back to.',
  'redirect-uri': 'People come back with a code only to where nobody else can be.',
  'logout-uri': 'A client is told of logouts over https, and by the browser on its own origin.',
  'allowed-origin': 'Scripts come from origins that are written out.',
  registration: 'Clients register themselves by a token, for hosts that are written out, and within limits.',
  'registered-claim': 'A claim that we set, or that means something to every verifier, cannot be added by a rule.',
} as const

export interface GuardrailFinding {
  rule: keyof typeof guardrailRules
  message: string
  /** Names from the top of broker.yaml down. */
  path: readonly string[]
}

export const MINUTE = 60
export const HOUR = 3_600
export const DAY = 86_400

export function finding(rule: GuardrailFinding['rule'], path: readonly string[], message: string): GuardrailFinding {
  return { rule, path, message }
}

export function bounds(
  path: readonly string[],
  seconds: number,
  least: [number, string],
  most: [number, string],
): GuardrailFinding[] {
  if (Number.isSafeInteger(seconds) && seconds >= least[0] && seconds <= most[0]) return []
  return [finding('lifetime-out-of-bounds', path, `${path.at(-1)} must be from ${least[1]} to ${most[1]}`)]
}
