/** One call of sts:AssumeRole. */
export interface AssumeRoleCall {
  /** The caller's role. For a session, aws:PrincipalArn is that of its role. */
  principalArn: string
  externalId?: string
  sourceIdentity?: string
  tagKeys?: readonly string[]
  transitiveTagKeys?: readonly string[]
}

type Values = string | readonly string[]

export interface TrustStatement {
  Effect: string
  Principal: { AWS: string }
  Action: string
  Condition: Record<string, Record<string, Values>>
}

export interface TrustPolicy {
  Version: string
  Statement: TrustStatement[]
}

/**
 * Whether a trust policy allows the call, as IAM evaluates it: every action that the call is must be allowed, each with the
 * keys that AWS documents for it and no others. What the caller's own policies say is not asked. Throws for what is in a
 * policy and not here.
 */
export function allows(policy: TrustPolicy, call: AssumeRoleCall): boolean {
  return requestsOf(call).every(({ action, keys }) =>
    policy.Statement.some(
      ({ Effect, Principal, Action, Condition }) =>
        known(Effect === 'Allow', Effect) &&
        Action === action &&
        Principal.AWS === rootOf(call.principalArn) &&
        Object.entries(Condition).every(([operator, tests]) =>
          Object.entries(tests).every(([key, values]) => holds(operator, keys[key], [values].flat())),
        ),
    ),
  )
}

interface Request {
  action: string
  keys: Readonly<Record<string, Values | undefined>>
}

/** Service Authorization Reference, AWS STS: the condition keys of each action. */
function requestsOf(call: AssumeRoleCall): Request[] {
  const principal = { 'aws:PrincipalArn': call.principalArn }
  const identity = { 'sts:SourceIdentity': call.sourceIdentity }
  const tags = { 'aws:TagKeys': call.tagKeys, 'sts:TransitiveTagKeys': call.transitiveTagKeys }
  return [
    {
      action: 'sts:AssumeRole',
      keys: { ...principal, ...identity, ...tags, 'sts:ExternalId': call.externalId },
    },
    ...(call.sourceIdentity === undefined
      ? []
      : [{ action: 'sts:SetSourceIdentity', keys: { ...principal, ...identity } }]),
    ...(call.tagKeys === undefined && call.transitiveTagKeys === undefined
      ? []
      : [{ action: 'sts:TagSession', keys: { ...principal, ...tags } }]),
  ]
}

function holds(operator: string, present: Values | undefined, wanted: readonly string[]): boolean {
  for (const value of wanted) known(!value.includes('${'), value)
  const one = (matches: (value: string, pattern: string) => boolean) => {
    known(typeof present !== 'object', `${operator} of several values`)
    return typeof present === 'string' && wanted.some((pattern) => matches(present, pattern))
  }
  switch (operator) {
    case 'StringEquals':
      return one((value, pattern) => value === pattern)
    case 'StringLike':
      return one(like)
    case 'ArnEquals':
      return one(arnLike)
    case 'ForAllValues:StringEquals':
      // Also true of a key that is absent.
      return [present ?? []].flat().every((value) => wanted.includes(value))
    case 'Null':
      return wanted.includes(String(present === undefined))
    default:
      return known(false, operator)
  }
}

/** `*` is any characters, `?` is one. */
function like(value: string, pattern: string): boolean {
  const source = pattern
    .replaceAll(/[^\w*?]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's').test(value)
}

/** Each of the six parts by itself, with wildcards, under ArnEquals as under ArnLike. */
function arnLike(value: string, pattern: string): boolean {
  const [parts, patterns] = [value, pattern].map((arn) => /^(.*?):(.*?):(.*?):(.*?):(.*?):(.*)$/s.exec(arn)?.slice(1))
  return parts !== undefined && patterns !== undefined && parts.every((part, index) => like(part, patterns[index]!))
}

function rootOf(principalArn: string): string {
  return principalArn.replace(/:[^:]*$/, ':root')
}

function known(condition: boolean, what: string): true {
  if (!condition) throw new Error(`this evaluator does not know ${what}`)
  return true
}
