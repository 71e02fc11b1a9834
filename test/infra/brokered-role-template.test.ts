import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include'
import { BrokeredRole, type BrokeredRoleProps } from '../../infra/brokered-role.ts'
import { resolveProperties, type CloudFormationTemplate, pseudoParameters } from './cloudformation.ts'

const templateFile = fileURLToPath(new URL('../../examples/aws-roles/brokered-role.yaml', import.meta.url))

/** Read by CDK, which refuses what CloudFormation would: functions, references, attributes, properties and their values. */
function includeTemplate(): CloudFormationTemplate {
  const app = new App({ context: { '@aws-cdk/core:validateAgainstDefaultRules': true } })
  const stack = new Stack(app, 'Template')
  new CfnInclude(stack, 'Included', { templateFile })
  return Template.fromStack(stack).toJSON() as CloudFormationTemplate
}

const template = includeTemplate()
const text = readFileSync(templateFile, 'utf8')

const least = {
  BrokerRoleArn: 'arn:aws:iam::111122223333:role/token-broker-token-eu-west-1',
  ExternalId: 'broker-acme',
  IssuerNames: 'github',
  ManagedPolicyArns: 'arn:aws:iam::aws:policy/ReadOnlyAccess',
  RoleName: 'web-deployer',
}

suite('the template’s trust policy is the construct’s', () => {
  const rows: [string, Record<string, string>, Partial<BrokeredRoleProps>][] = [
    ['with the least', {}, {}],
    ['for two issuers', { IssuerNames: 'github, cluster' }, { issuerNames: ['github', 'cluster'] }],
    ['with a tag', { TagKeys: 'repository' }, { tagKeys: ['repository'] }],
    [
      'with transitive tags',
      { TagKeys: 'repository,sha', TransitiveTagKeys: 'repository' },
      { tagKeys: ['repository', 'sha'], transitiveTagKeys: ['repository'] },
    ],
  ]
  for (const [title, parameters, props] of rows)
    test(title, () => {
      assert.deepEqual(
        resolveProperties(template, 'Role', { ...least, ...parameters }).AssumeRolePolicyDocument,
        trustPolicyOf({ ...ofLeast, ...props }),
      )
    })

  test('in another partition', () => {
    const BrokerRoleArn = 'arn:aws-cn:iam::111122223333:role/token-broker-token-cn-north-1'
    assert.deepEqual(
      resolveProperties(
        template,
        'Role',
        { ...least, BrokerRoleArn },
        { ...pseudoParameters, 'AWS::Partition': 'aws-cn' },
      ).AssumeRolePolicyDocument,
      trustPolicyOf({ ...ofLeast, brokerRoleArn: BrokerRoleArn }),
    )
  })
})

const ofLeast = { brokerRoleArn: least.BrokerRoleArn, externalId: 'broker-acme', issuerNames: ['github'] }

function trustPolicyOf(props: BrokeredRoleProps): unknown {
  const stack = new Stack(new App(), 'Roles')
  new BrokeredRole(stack, 'Role', props)
  const [role] = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Role'))
  return (role as { Properties: Record<string, unknown> }).Properties.AssumeRolePolicyDocument
}

suite('a StackSet can use it', () => {
  test('with the same parameters everywhere: nothing names an account, and the role has the same name', () => {
    assert.doesNotMatch(JSON.stringify(template.Resources), /\d{12}/)
    assert.equal(resolveProperties(template, 'Role', least).RoleName, 'web-deployer')
  })

  test('without macros, which service-managed StackSets do not take, and within CloudFormation’s limits', () => {
    assert.ok(!('Transform' in template))
    const { Description } = template as unknown as { Description: string }
    assert.ok(Buffer.byteLength(Description) <= 1_024)
    assert.match(Description, /StackSet.*CAPABILITY_NAMED_IAM|CAPABILITY_NAMED_IAM.*StackSet/)
    assert.ok(Buffer.byteLength(text) <= 51_200)
  })

  test('and its boundary is a policy of the account that it is in', () => {
    const { ManagedPolicyArns, PermissionsBoundary } = resolveProperties(template, 'Role', {
      ...least,
      PermissionsBoundaryName: 'boundaries/workloads',
    })
    assert.deepEqual(ManagedPolicyArns, ['arn:aws:iam::aws:policy/ReadOnlyAccess'])
    assert.equal(PermissionsBoundary, 'arn:aws:iam::444455556666:policy/boundaries/workloads')
    assert.ok(!('PermissionsBoundary' in resolveProperties(template, 'Role', least)))
  })
})

suite('a parameter is refused', () => {
  for (const [title, parameters] of [
    ['every role of an account', { BrokerRoleArn: 'arn:aws:iam::111122223333:role/*' }],
    ['a role below a path', { BrokerRoleArn: 'arn:aws:iam::111122223333:role/x/y' }],
    ['an external ID with a variable', { ExternalId: '${aws:username}' }],
    ['an external ID of one character', { ExternalId: 'x' }],
    ['an external ID over its length', { ExternalId: 'x'.repeat(1_225) }],
    ['no issuer', { IssuerNames: '' }],
    ['any issuer', { IssuerNames: 'github,*' }],
    ['an issuer by its URL', { IssuerNames: 'https://ci.acme.dev' }],
    ['a reserved tag key', { TagKeys: 'sha,Aws:x' }],
    ['any tag key', { TagKeys: '*' }],
    ['any transitive tag key', { TagKeys: 'sha', TransitiveTagKeys: '*' }],
    ['no managed policy', { ManagedPolicyArns: '' }],
    ['a name with a path', { RoleName: 'x/y' }],
    ['a boundary by its ARN', { PermissionsBoundaryName: 'arn:aws:iam::444455556666:policy/x' }],
  ] as const)
    test(title, () => {
      assert.throws(() => resolveProperties(template, 'Role', { ...least, ...parameters }), /cannot be/)
    })
})

test('every parameter is used, described, and says what it must be', () => {
  const { BootstrapVersion: _ofCdk, ...parameters } = template.Parameters
  for (const [name, parameter] of Object.entries(parameters)) {
    assert.match(text, new RegExp(`(?:!Ref |\\$\\{)${name}\\b`), name)
    const { Description, AllowedPattern, ConstraintDescription } = parameter as unknown as Record<string, unknown>
    assert.ok(Description, name)
    assert.equal(AllowedPattern === undefined, ConstraintDescription === undefined, name)
  }
})
