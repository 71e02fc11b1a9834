import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { brokerYaml, rolesInAccounts, synthesise, withLogins, withRoles } from './synth.ts'

interface Statement {
  Sid: string
  Effect: string
  Action: string | string[]
  Resource: string | string[]
  Condition?: Record<string, Record<string, string>>
}
function statementsOf(name: string): Statement[] {
  const file = new URL(`../../docs/policies/${name}.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { Statement: Statement[] }).Statement
}
const execution = statementsOf('cloudformation-execution')
const actions = new Set(execution.flatMap(({ Action }) => Action))

/** As IAM compares: `*` stands for anything. */
function covers(action: string, resource: string, statements = execution): boolean {
  return statements.some(
    ({ Action, Resource }) =>
      [Action].flat().includes(action) && [Resource].flat().some((pattern) => matches(resource, pattern)),
  )
}

function matches(text: string, pattern: string): boolean {
  const literal = (part: string) => part.replaceAll(/[^\w-]/g, String.raw`\$&`)
  return new RegExp(`^${pattern.split('*').map(literal).join('.*')}$`).test(text)
}

/** What CloudFormation asks the service for to make and to remove one, by the service's own documents. */
const needed: Record<string, string[]> = {
  'AWS::ApiGatewayV2::Api': ['apigateway:POST', 'apigateway:DELETE'],
  'AWS::ApiGatewayV2::ApiMapping': ['apigateway:POST', 'apigateway:DELETE'],
  'AWS::ApiGatewayV2::DomainName': ['apigateway:POST', 'apigateway:DELETE'],
  'AWS::ApiGatewayV2::Integration': ['apigateway:POST', 'apigateway:DELETE'],
  'AWS::ApiGatewayV2::Route': ['apigateway:POST', 'apigateway:DELETE'],
  'AWS::ApiGatewayV2::Stage': [
    'apigateway:POST',
    'apigateway:DELETE',
    'logs:CreateLogDelivery',
    'logs:DeleteLogDelivery',
  ],
  'AWS::CertificateManager::Certificate': ['acm:RequestCertificate', 'acm:DeleteCertificate'],
  'AWS::DynamoDB::Table': [
    'dynamodb:CreateTable',
    'dynamodb:UpdateTimeToLive',
    'dynamodb:UpdateContinuousBackups',
    'dynamodb:DeleteTable',
    'kms:CreateGrant',
    'kms:Encrypt',
    'kms:Decrypt',
    'kms:GenerateDataKey',
    'kms:DescribeKey',
  ],
  // Of a broker.yaml that names more roles than an inline policy holds.
  'AWS::IAM::ManagedPolicy': [
    'iam:CreatePolicy',
    'iam:AttachRolePolicy',
    'iam:CreatePolicyVersion',
    'iam:ListPolicyVersions',
    'iam:DeletePolicyVersion',
    'iam:DetachRolePolicy',
    'iam:DeletePolicy',
  ],
  'AWS::IAM::Policy': ['iam:PutRolePolicy', 'iam:DeleteRolePolicy'],
  'AWS::IAM::Role': ['iam:CreateRole', 'iam:DeleteRole'],
  'AWS::KMS::Alias': ['kms:CreateAlias', 'kms:DeleteAlias'],
  'AWS::KMS::Key': ['kms:CreateKey', 'kms:PutKeyPolicy', 'kms:EnableKeyRotation', 'kms:ScheduleKeyDeletion'],
  'AWS::Lambda::EventSourceMapping': ['lambda:CreateEventSourceMapping', 'lambda:DeleteEventSourceMapping'],
  'AWS::Lambda::Function': [
    'lambda:CreateFunction',
    'lambda:PutFunctionConcurrency',
    'lambda:DeleteFunction',
    'iam:PassRole',
    's3:GetObject',
  ],
  'AWS::Lambda::Permission': ['lambda:AddPermission', 'lambda:RemovePermission'],
  'AWS::Logs::LogGroup': ['logs:CreateLogGroup', 'logs:PutRetentionPolicy', 'logs:DeleteLogGroup'],
  'AWS::Route53::RecordSet': ['route53:ChangeResourceRecordSets'],
  'AWS::SQS::Queue': ['sqs:CreateQueue', 'sqs:DeleteQueue', 'sqs:GetQueueAttributes', 'sqs:SetQueueAttributes'],
  'AWS::SQS::QueuePolicy': ['sqs:SetQueueAttributes'],
  'Custom::SigningKeys': ['lambda:InvokeFunction'],
}

test('the execution policy of docs/deploy.md has what every resource of the stack needs', () => {
  const types = new Set(
    [withRoles(rolesInAccounts(200)), withLogins()].flatMap((text) => {
      const { resources } = synthesise({
        config: brokerYaml(text),
        tableKey: 'create',
        domain: { name: 'broker.acme.dev', hostedZone: { id: 'Z123', name: 'acme.dev' } },
      })
      return Object.values(resources).map(({ Type }) => Type)
    }),
  )
  assert.deepEqual(
    [...types].toSorted((a, b) => a.localeCompare(b)),
    Object.keys(needed),
  )
  for (const action of Object.values(needed).flat()) assert.ok(actions.has(action), action)
})

for (const stackName of ['token-broker', 'token-broker-prod', 'token-broker-verify-m3x8k2']) {
  test(`it covers the names of the stack ${stackName}`, () => {
    const { resources } = synthesise({ stackName })
    const aliases = Object.values(resources).flatMap(({ Type, Properties }) =>
      Type === 'AWS::KMS::Alias' ? [String(Properties.AliasName)] : [],
    )
    assert.equal(aliases.length, 2)
    for (const alias of aliases)
      assert.ok(covers('kms:CreateAlias', `arn:aws:kms:eu-west-1:123456789012:${alias}`), alias)
    // What CloudFormation calls a resource without a name of its own.
    const named = `${stackName}-BrokerX-1A2B3C`
    for (const [action, resource] of [
      ['iam:CreateRole', `arn:aws:iam::123456789012:role/${stackName}-token-eu-west-1`],
      ['iam:CreateRole', `arn:aws:iam::123456789012:role/${named}`],
      ['iam:AttachRolePolicy', `arn:aws:iam::123456789012:role/${stackName}-token-eu-west-1`],
      ['iam:CreatePolicy', `arn:aws:iam::123456789012:policy/${named}`],
      ['lambda:CreateFunction', `arn:aws:lambda:eu-west-1:123456789012:function:${named}`],
      ['sqs:CreateQueue', `arn:aws:sqs:eu-west-1:123456789012:${named}`],
      ['dynamodb:CreateTable', `arn:aws:dynamodb:eu-west-1:123456789012:table/${named}`],
      ['logs:CreateLogGroup', `arn:aws:logs:eu-west-1:123456789012:log-group:${named}`],
    ] as const)
      assert.ok(covers(action, resource), `${action} ${resource}`)
  })
}

test('it is within the 6,144 characters that IAM takes of a managed policy', () => {
  assert.ok(JSON.stringify({ Version: '2012-10-17', Statement: execution }).length <= 6_144)
})

test('it names every action, and those of iam on roles and policies of brokers alone', () => {
  for (const action of actions) assert.doesNotMatch(action, /\*/)
  assert.ok(!covers('iam:CreateRole', 'arn:aws:iam::123456789012:role/admin'))
  assert.ok(!covers('iam:PassRole', 'arn:aws:iam::123456789012:role/admin'))
  assert.ok(!covers('iam:AttachRolePolicy', 'arn:aws:iam::123456789012:role/admin'))
  assert.ok(!covers('iam:CreatePolicyVersion', 'arn:aws:iam::123456789012:policy/admin'))
  const attaching = execution.filter(({ Action }) => [Action].flat().includes('iam:AttachRolePolicy'))
  assert.deepEqual(
    attaching.map(({ Condition }) => Condition),
    [{ ArnLike: { 'iam:PolicyARN': 'arn:aws:iam::*:policy/token-broker-*' } }],
  )
})

test('by itself it signs nothing, reads no row, and changes no key but a broker’s', () => {
  for (const { Sid, Action, Condition = {} } of execution) {
    for (const action of [Action].flat()) {
      assert.doesNotMatch(action, /^kms:Sign$/)
      assert.doesNotMatch(action, /^dynamodb:(?:(?:Get|Put|Update|Delete|BatchGet|BatchWrite)Item|Query|Scan)/)
      // Through DynamoDB only, for a table under a key of its own.
      if (/^kms:(?:Decrypt|Encrypt|GenerateDataKey|ReEncrypt|CreateGrant)/.test(action))
        assert.equal(Condition.StringLike?.['kms:ViaService'], 'dynamodb.*.amazonaws.com', action)
      assert.doesNotMatch(action, /^sqs:(?:Send|Receive|Delete)Message/)
      if (/^lambda:\w+EventSourceMapping$/.test(action))
        assert.match(String(Condition.ArnLike?.['lambda:FunctionArn']), /:function:token-broker-\*$/, action)
      if (/^kms:(?:PutKeyPolicy|ScheduleKeyDeletion|UntagResource)$/.test(action))
        assert.equal(Condition.StringLike?.['aws:ResourceTag/token-broker'], '*', action)
      if (/^kms:(?:CreateKey|TagResource)$/.test(action))
        assert.equal(Condition.StringLike?.['aws:RequestTag/token-broker'], '*', Sid)
    }
  }
})

test('who deploys takes the roles of the bootstrap, but not the one that may read everything', () => {
  const roles = (name: string) => `arn:aws:iam::123456789012:role/cdk-hnb659fds-${name}-role-123456789012-eu-west-1`
  const deployer = statementsOf('deployer')
  for (const name of ['deploy', 'file-publishing']) assert.ok(covers('sts:AssumeRole', roles(name), deployer))
  for (const name of ['lookup', 'cfn-exec']) assert.ok(!covers('sts:AssumeRole', roles(name), deployer))
})

test('an operator may call the routes of revocations and consents, and nothing beside them', () => {
  const operator = statementsOf('operator')
  // What IAM is asked about, in the form of the outputs.
  const { outputs } = synthesise()
  const names = new Map([
    ['AWS::Partition', 'aws'],
    ['AWS::Region', 'REGION'],
    ['AWS::AccountId', 'ACCOUNT'],
  ])
  const routes = ['BrokerAdminRouteArn', 'BrokerAdminConsentsRouteArn'].map((output) => {
    const { Value } = outputs[output]!
    const [, parts] = (Value as { 'Fn::Join': [string, (string | { Ref: string })[]] })['Fn::Join']
    return parts.map((part) => (typeof part === 'string' ? part : (names.get(part.Ref) ?? 'API_ID'))).join('')
  })
  assert.deepEqual(
    operator.map(({ Effect, Action, Resource, Condition }) => [Effect, Action, Resource, Condition]),
    [['Allow', 'execute-api:Invoke', routes, undefined]],
  )
  // Pasted as it is, it opens nothing.
  for (const other of ['', '/x'])
    assert.ok(
      !covers(
        'execute-api:Invoke',
        `arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/$default/POST${other}`,
        operator,
      ),
    )
})

test('an auditor reads receipts and the log of one broker, and writes nothing', () => {
  assert.deepEqual(
    statementsOf('auditor').map(({ Effect, Action, Resource, Condition }) => [Effect, Action, Resource, Condition]),
    [
      ['Allow', ['dynamodb:GetItem', 'dynamodb:Scan'], 'arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE', undefined],
      ['Allow', 'dynamodb:Query', 'arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE/index/by_id', undefined],
      ['Allow', 'logs:FilterLogEvents', 'arn:aws:logs:REGION:ACCOUNT:log-group:LOG_GROUP:*', undefined],
    ],
  )
  // What stands for TABLE and LOG_GROUP are outputs of the stack, and the index is the table's.
  const { outputs, resources } = synthesise()
  for (const [output, type] of [
    ['BrokerTableName', 'AWS::DynamoDB::Table'],
    ['BrokerTokenLog', 'AWS::Logs::LogGroup'],
  ] as const) {
    const { Ref = '' } = outputs[output]!.Value as { Ref?: string }
    assert.equal(resources[Ref]?.Type, type, output)
  }
  const table = Object.values(resources).find(({ Type }) => Type === 'AWS::DynamoDB::Table')
  const indexes = table?.Properties.GlobalSecondaryIndexes as { IndexName: string; Projection: object }[]
  assert.deepEqual(
    indexes.map(({ IndexName, Projection }) => [IndexName, Projection]),
    [['by_id', { ProjectionType: 'ALL' }]],
  )
})
