import { Annotations, Arn, ArnFormat, Token } from 'aws-cdk-lib'
import { ArnPrincipal, PolicyStatement, Role, type RoleProps } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { issuerName } from '../lib/protocol/names.ts'

export interface BrokeredRoleProps extends Pick<
  RoleProps,
  | 'description'
  | 'inlinePolicies'
  | 'managedPolicies'
  | 'maxSessionDuration'
  | 'path'
  | 'permissionsBoundary'
  | 'roleName'
> {
  /** The role of the broker's token function: the output `…TokenRoleArn` of its stack. */
  brokerRoleArn: string
  /** The target's `external_id` in broker.yaml: 2 to 1,224 of STS's characters. Not a secret. */
  externalId: string
  /** Whose subjects may have a session: names of issuers in broker.yaml, at least one. */
  issuerNames: readonly string[]
  /** Keys that the rules' `session_tags` may have, 50 at most. Default: none, so that a session with tags is refused. */
  tagKeys?: readonly string[]
  /** Those of `tagKeys` that may be `transitive_tags`. Default: none. */
  transitiveTagKeys?: readonly string[]
}

/**
 * A role for a broker's sessions, in any account: it can be assumed by that broker alone, for subjects of the issuers that
 * are named here, with the tags that are declared here. Name its ARN as a target's `role` in broker.yaml. Sessions last
 * an hour at most, whatever `maxSessionDuration` says: AWS allows no more to a role that assumes a role.
 *
 * One AssumeRole call of the broker is three actions to IAM, and all must be allowed: sts:AssumeRole,
 * sts:SetSourceIdentity because it names a subject and, if it carries tags, sts:TagSession. Each is evaluated with keys
 * of its own (Service Authorization Reference, AWS STS), so each has a statement of its own:
 * - The principal is the broker's account, and aws:PrincipalArn its role. A role's ARN as the principal is stored as the
 *   id of that very role, and fits no longer when the role is made anew under its name. Who administers the broker's
 *   account can act as its role; no policy here could prevent that.
 * - sts:AssumeRole alone has sts:ExternalId. It asks for the source identity too: a call without one sets none, so needs
 *   no sts:SetSourceIdentity, and its session would be nobody's in CloudTrail.
 * - sts:TagSession has neither the external ID nor the source identity among its keys, and a condition on them would
 *   refuse every tagged session. ForAllValues is true of a call without that key; Null makes the key be there.
 * - sts:RoleSessionName is not asked for: it is the rule's name and the decision's id. The broker's owners may rename a
 *   rule, and the subject's issuer is in the source identity already.
 *
 * Throws Error, with the remedy, for a value that IAM would refuse, or read as a wildcard or variable.
 */
export class BrokeredRole extends Role {
  constructor(scope: Construct, id: string, props: BrokeredRoleProps) {
    const { brokerRoleArn, externalId, issuerNames, tagKeys = [], transitiveTagKeys = [], ...role } = props
    check('brokerRoleArn', brokerRoleArn, roleArn, "the output TokenRoleArn of the broker's stack")
    check('externalId', externalId, stsExternalId, '2 to 1224 letters, digits and _+=,.@:/-')
    checkIssuerNames(issuerNames)
    checkTagKeys(tagKeys, transitiveTagKeys)

    const { partition, account } = Arn.split(brokerRoleArn, ArnFormat.SLASH_RESOURCE_NAME)
    const brokersAccount = new ArnPrincipal(`arn:${partition}:iam::${account}:root`)
    const byBroker = { ArnEquals: { 'aws:PrincipalArn': brokerRoleArn } }
    const forSubjects = {
      StringLike: { 'sts:SourceIdentity': issuerNames.map((name) => `${name.replace('/', '.')}.*`) },
    }
    super(scope, id, {
      ...role,
      assumedBy: brokersAccount.withConditions({
        ...byBroker,
        ...forSubjects,
        StringEquals: { 'sts:ExternalId': externalId },
      }),
    })
    const allow = (action: string, conditions: Record<string, unknown>) =>
      this.assumeRolePolicy?.addStatements(
        new PolicyStatement({ actions: [action], principals: [brokersAccount], conditions }),
      )
    allow('sts:SetSourceIdentity', { ...byBroker, ...forSubjects })
    if (tagKeys.length > 0) allow('sts:TagSession', { ...byBroker, ...withTags(tagKeys, transitiveTagKeys) })
    this.#checkSize()
  }

  #checkSize(): void {
    const { length } = JSON.stringify(this.assumeRolePolicy ?? {})
    if (length > MAX_TRUST_POLICY)
      Annotations.of(this).addWarningV2(
        'token-broker:trust-policy-size',
        `the trust policy has ${length} characters, and IAM takes ${MAX_TRUST_POLICY}: name fewer tag keys or issuers, take a shorter external ID, or have the account's quota for the length of role trust policies raised`,
      )
  }
}

/** IAM's quota, unless the account's is raised, without white space. */
const MAX_TRUST_POLICY = 2_048
const MAX_TAGS = 50

// None of them has *, ? or $, which IAM reads as wildcards and variables, in ArnEquals too.
const roleArn = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@-]{1,64}$/
const stsExternalId = /^[\w+=,.@:/-]{2,1224}$/
// The second lookahead: policy documents hold nothing beyond U+00FF.
const tagKey = /^(?![aA][wW][sS]:)(?=[\x20-\xff]*$)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u

function withTags(tagKeys: readonly string[], transitiveTagKeys: readonly string[]): Record<string, unknown> {
  const areThere = { 'aws:TagKeys': 'false' }
  return transitiveTagKeys.length > 0
    ? {
        'ForAllValues:StringEquals': { 'aws:TagKeys': tagKeys, 'sts:TransitiveTagKeys': transitiveTagKeys },
        Null: areThere,
      }
    : {
        'ForAllValues:StringEquals': { 'aws:TagKeys': tagKeys },
        Null: { ...areThere, 'sts:TransitiveTagKeys': 'true' },
      }
}

function checkIssuerNames(names: readonly string[]): void {
  checkEach('issuerNames', names, issuerName, 'the name of an issuer in broker.yaml')
  if (names.length === 0) throw new Error('issuerNames must have at least one issuer of broker.yaml')
}

function checkTagKeys(tagKeys: readonly string[], transitiveTagKeys: readonly string[]): void {
  const shape = '1 to 128 letters, digits, spaces and _.:/=+-@ of Latin-1, and not begin with aws:'
  checkEach('tagKeys', tagKeys, tagKey, shape)
  checkEach('transitiveTagKeys', transitiveTagKeys, tagKey, shape)
  const twin = tagKeys.find((key, index) => tagKeys.findIndex((other) => sameKey(other, key)) < index)
  if (twin !== undefined) throw new Error(`tagKeys has ${twin} twice: AWS compares tag keys without case`)
  if (tagKeys.length > MAX_TAGS) throw new Error(`tagKeys has ${tagKeys.length} keys: STS takes ${MAX_TAGS} at most`)
  const stray = transitiveTagKeys.find((key) => !tagKeys.includes(key))
  if (stray !== undefined) throw new Error(`transitiveTagKeys has ${stray}, which is none of tagKeys: add it there too`)
}

function sameKey(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

function checkEach(name: string, values: readonly string[], pattern: RegExp, shape: string): void {
  if (!Array.isArray(values)) throw new Error(`${name} must be a list, not ${JSON.stringify(values)}`)
  for (const value of values) check(name, value, pattern, shape)
}

/** A value that is known only to the deployment passes. */
function check(name: string, value: unknown, pattern: RegExp, shape: string): void {
  if (typeof value === 'string' && (Token.isUnresolved(value) || pattern.test(value))) return
  throw new Error(`${name} must be ${shape}, not ${JSON.stringify(value)}`)
}
