import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { App, Duration, Stack, Validations } from 'aws-cdk-lib'
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions'
import { ManagedPolicy, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { StringParameter } from 'aws-cdk-lib/aws-ssm'
import { AwsSolutionsChecks } from 'cdk-nag'
import { BrokeredRole, type BrokeredRoleProps } from '../../infra/brokered-role.ts'
import { sourceIdentity } from '../../lib/tokens/subject.ts'
import { allows, type AssumeRoleCall, type TrustPolicy } from './trust-policy.ts'

const brokerRoleArn = 'arn:aws:iam::111122223333:role/token-broker-token-eu-west-1'
const least = { brokerRoleArn, externalId: 'broker-acme', issuerNames: ['github'] }
const tagged = { ...least, tagKeys: ['repository', 'sha'] }
const transitive = { ...tagged, transitiveTagKeys: ['repository'] }

function synthesise(
  props: BrokeredRoleProps,
  app = new App(),
): { properties: Record<string, unknown>; warnings: unknown[] } {
  const stack = new Stack(app, 'Roles')
  new BrokeredRole(stack, 'Deployer', props)
  const [role] = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Role'))
  return {
    properties: (role as { Properties: Record<string, unknown> }).Properties,
    warnings: Annotations.fromStack(stack).findWarning('*', Match.anyValue()),
  }
}

const policies = new Map<BrokeredRoleProps, TrustPolicy>()

/** Of its own: a test may change it. */
function trustPolicyOf(props: BrokeredRoleProps): TrustPolicy {
  const policy = policies.get(props) ?? (synthesise(props).properties.AssumeRolePolicyDocument as TrustPolicy)
  policies.set(props, policy)
  return structuredClone(policy)
}

const call: AssumeRoleCall = {
  principalArn: brokerRoleArn,
  externalId: 'broker-acme',
  sourceIdentity: sourceIdentity('github', 'repo:1234567/987654'),
}
const withTags: AssumeRoleCall = { ...call, tagKeys: ['repository', 'sha'] }
const without = (key: keyof AssumeRoleCall): AssumeRoleCall => {
  const { [key]: _, ...rest } = call
  return rest as AssumeRoleCall
}

const allowed: [string, BrokeredRoleProps, AssumeRoleCall][] = [
  ['without tags', least, call],
  ['without tags, where there may be some', transitive, call],
  ['with all declared tags', tagged, withTags],
  ['with one of them', tagged, { ...call, tagKeys: ['sha'] }],
  ['with tags, none of them transitive', transitive, withTags],
  ['with a transitive tag', transitive, { ...withTags, transitiveTagKeys: ['repository'] }],
  [
    'for a subject of the second of two issuers',
    { ...least, issuerNames: ['github', 'eks/eu'] },
    { ...call, sourceIdentity: sourceIdentity('eks/eu', 'serviceaccount:1') },
  ],
  [
    'for a subject of any instance',
    { ...least, issuerNames: ['eks'] },
    { ...call, sourceIdentity: sourceIdentity('eks/us', 'serviceaccount:1') },
  ],
  [
    'for the longest issuer name',
    { ...least, issuerNames: ['github-enterprise-eu'] },
    { ...call, sourceIdentity: sourceIdentity('github-enterprise-eu', 'repo:1/2') },
  ],
]

const refused: [string, BrokeredRoleProps, AssumeRoleCall][] = [
  ['another role of the account', least, { ...call, principalArn: 'arn:aws:iam::111122223333:role/admin' }],
  ['a longer name', least, { ...call, principalArn: `${brokerRoleArn}-2` }],
  [
    'the same name below a path',
    least,
    { ...call, principalArn: 'arn:aws:iam::111122223333:role/x/token-broker-token-eu-west-1' },
  ],
  ['a user of that name', least, { ...call, principalArn: brokerRoleArn.replace(':role/', ':user/') }],
  [
    'the same name in another account',
    least,
    { ...call, principalArn: brokerRoleArn.replace('111122223333', '444455556666') },
  ],
  ['another external ID', least, { ...call, externalId: 'broker-other' }],
  ['no external ID', least, without('externalId')],
  ['no source identity', least, without('sourceIdentity')],
  ['no source identity, but tags', tagged, { ...without('sourceIdentity'), tagKeys: ['sha'] }],
  ['a subject of another issuer', least, { ...call, sourceIdentity: sourceIdentity('gitlab', 'project:1') }],
  [
    'a subject of an issuer whose name begins so',
    least,
    { ...call, sourceIdentity: sourceIdentity('github-enterprise', 'repo:1/2') },
  ],
  ['the issuer without a subject', least, { ...call, sourceIdentity: 'github' }],
  ['tags where none are declared', least, { ...call, tagKeys: ['sha'] }],
  ['an undeclared tag', tagged, { ...call, tagKeys: ['sha', 'admin'] }],
  ['a declared tag in other case', tagged, { ...call, tagKeys: ['SHA'] }],
  ['a transitive tag where none may be', tagged, { ...withTags, transitiveTagKeys: ['sha'] }],
  ['a transitive tag that may not be', transitive, { ...withTags, transitiveTagKeys: ['sha'] }],
  ['a transitive key without a tag', transitive, { ...call, transitiveTagKeys: ['repository'] }],
]

suite('the trust policy allows the broker', () => {
  for (const [title, props, made] of allowed)
    test(title, () => {
      assert.equal(allows(trustPolicyOf(props), made), true)
    })
})

suite('the trust policy refuses', () => {
  for (const [title, props, made] of refused)
    test(title, () => {
      assert.equal(allows(trustPolicyOf(props), made), false)
    })
})

test('no condition is idle: without any one, a call is allowed that is refused with it', () => {
  const conditions = [least, tagged, transitive]
    .flatMap((props) => trustPolicyOf(props).Statement)
    .flatMap(({ Condition }) =>
      Object.entries(Condition).flatMap(([operator, tests]) =>
        Object.keys(tests).map((key) => [operator, key] as const),
      ),
    )
  for (const [operator, key] of conditions) {
    const weakened = (props: BrokeredRoleProps): TrustPolicy => {
      const policy = trustPolicyOf(props)
      for (const { Condition } of policy.Statement) delete Condition[operator]?.[key]
      return policy
    }
    assert.ok(
      refused.some(([, props, made]) => allows(weakened(props), made)),
      `${operator} ${key}`,
    )
  }
})

// What IAM stores is read by people too: this is all of it.
test('the trust policy of a role with transitive tags', () => {
  const broker = { AWS: 'arn:aws:iam::111122223333:root' }
  const byBroker = { ArnEquals: { 'aws:PrincipalArn': brokerRoleArn } }
  assert.deepEqual(trustPolicyOf(transitive), {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: broker,
        Action: 'sts:AssumeRole',
        Condition: {
          ...byBroker,
          StringEquals: { 'sts:ExternalId': 'broker-acme' },
          StringLike: { 'sts:SourceIdentity': ['github.*'] },
        },
      },
      {
        Effect: 'Allow',
        Principal: broker,
        Action: 'sts:SetSourceIdentity',
        Condition: { ...byBroker, StringLike: { 'sts:SourceIdentity': ['github.*'] } },
      },
      {
        Effect: 'Allow',
        Principal: broker,
        Action: 'sts:TagSession',
        Condition: {
          ...byBroker,
          'ForAllValues:StringEquals': {
            'aws:TagKeys': ['repository', 'sha'],
            'sts:TransitiveTagKeys': ['repository'],
          },
          Null: { 'aws:TagKeys': 'false' },
        },
      },
    ],
  })
})

test('a broker of another partition is trusted there', () => {
  const role = 'arn:aws-us-gov:iam::111122223333:role/token-broker-token-us-gov-west-1'
  const policy = trustPolicyOf({ ...least, brokerRoleArn: role })
  assert.equal(allows(policy, { ...call, principalArn: role }), true)
  assert.equal(policy.Statement[0]?.Principal.AWS, 'arn:aws-us-gov:iam::111122223333:root')
})

test('the rest is as a Role takes it', () => {
  const { properties } = synthesise({
    ...least,
    roleName: 'web-deployer',
    path: '/deploy/',
    description: 'Deploys the web site',
    maxSessionDuration: Duration.hours(2),
    managedPolicies: [ManagedPolicy.fromManagedPolicyArn(new Stack(), 'P', 'arn:aws:iam::444455556666:policy/deploy')],
    permissionsBoundary: ManagedPolicy.fromManagedPolicyArn(new Stack(), 'B', 'arn:aws:iam::444455556666:policy/bound'),
    inlinePolicies: {
      upload: new PolicyDocument({
        statements: [new PolicyStatement({ actions: ['s3:PutObject'], resources: ['arn:aws:s3:::acme-sites/index'] })],
      }),
    },
  })
  const { AssumeRolePolicyDocument: _, Policies, ...rest } = properties
  assert.deepEqual(rest, {
    RoleName: 'web-deployer',
    Path: '/deploy/',
    Description: 'Deploys the web site',
    MaxSessionDuration: 7_200,
    ManagedPolicyArns: ['arn:aws:iam::444455556666:policy/deploy'],
    PermissionsBoundary: 'arn:aws:iam::444455556666:policy/bound',
  })
  assert.equal((Policies as unknown[]).length, 1)
})

test('with the least there is the trust policy and nothing else, so IAM’s hour, and cdk-nag finds nothing', () => {
  const app = new App()
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  const { properties, warnings } = synthesise(least, app)
  assert.deepEqual(Object.keys(properties), ['AssumeRolePolicyDocument'])
  assert.deepEqual(warnings, [])
})

test('the broker’s role can be known to the deployment alone', () => {
  const stack = new Stack(new App(), 'Roles')
  const fromParameter = StringParameter.valueForStringParameter(stack, '/token-broker/role')
  new BrokeredRole(stack, 'Deployer', { ...least, brokerRoleArn: fromParameter })
  const [parameter] = Object.keys(Template.fromStack(stack).findParameters('*', { Default: '/token-broker/role' }))
  const part = (index: number) => ({ 'Fn::Select': [index, { 'Fn::Split': [':', { Ref: parameter }] }] })
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Role', {
    AssumeRolePolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Principal: { AWS: { 'Fn::Join': ['', ['arn:', part(1), ':iam::', part(4), ':root']] } },
          Condition: { ArnEquals: { 'aws:PrincipalArn': { Ref: parameter } } },
        }),
      ]),
    },
  })
})

suite('refused, with what it must be', () => {
  const mistakes: [string, Record<string, unknown>, RegExp][] = [
    ['no broker role', { brokerRoleArn: undefined }, /brokerRoleArn must be the output TokenRoleArn .*, not undefined/],
    ['an account for the role', { brokerRoleArn: '111122223333' }, /brokerRoleArn must be/],
    [
      'a session for the role',
      { brokerRoleArn: 'arn:aws:sts::111122223333:assumed-role/a/b' },
      /brokerRoleArn must be/,
    ],
    ['every role of an account', { brokerRoleArn: 'arn:aws:iam::111122223333:role/*' }, /brokerRoleArn must be/],
    ['a role below a path', { brokerRoleArn: 'arn:aws:iam::111122223333:role/x/y' }, /brokerRoleArn must be/],
    ['no external ID', { externalId: undefined }, /externalId must be 2 to 1224 letters.*, not undefined/],
    ['an external ID of one character', { externalId: 'x' }, /externalId must be/],
    ['an external ID with a variable', { externalId: '${aws:username}' }, /externalId must be/],
    ['an external ID over its length', { externalId: 'x'.repeat(1_225) }, /externalId must be/],
    ['no issuer', { issuerNames: [] }, /issuerNames must have at least one issuer of broker\.yaml/],
    ['one issuer that is no list', { issuerNames: 'github' }, /issuerNames must be a list, not "github"/],
    ['one tag key that is no list', { tagKeys: 'sha' }, /tagKeys must be a list, not "sha"/],
    ['any issuer', { issuerNames: ['*'] }, /issuerNames must be the name of an issuer in broker\.yaml, not "\*"/],
    ['an issuer by its URL', { issuerNames: ['https://ci.acme.dev'] }, /issuerNames must be/],
    ['a reserved tag key', { tagKeys: ['AWS:x'] }, /tagKeys must be 1 to 128 letters.*, not "AWS:x"/],
    ['any tag key', { tagKeys: ['*'] }, /tagKeys must be/],
    ['a tag key beyond what a policy can hold', { tagKeys: ['репозиторий'] }, /tagKeys must be/],
    ['a tag key that only case folding brings into it', { tagKeys: ['\u212Aey'] }, /tagKeys must be/],
    ['a tag key twice', { tagKeys: ['Sha', 'sha'] }, /tagKeys has sha twice/],
    ['51 tag keys', { tagKeys: Array.from({ length: 51 }, (_, index) => `k${index}`) }, /51 keys: STS takes 50/],
    ['a transitive key that is no tag key', { transitiveTagKeys: ['sha'] }, /sha, which is none of tagKeys/],
  ]
  for (const [title, mistake, message] of mistakes)
    test(title, () => {
      assert.throws(() => synthesise({ ...least, ...mistake }), message)
    })
})

test('a trust policy beyond IAM’s quota is a warning that says what can be done', () => {
  const { warnings } = synthesise({ ...tagged, externalId: 'x'.repeat(1_224) })
  assert.equal(warnings.length, 1)
  assert.match(JSON.stringify(warnings), /has \d+ characters, and IAM takes 2048: .*shorter external ID.*quota/)
})
