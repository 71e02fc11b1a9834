import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { synthesise } from './synth.ts'

interface Policy {
  Statement: { Effect: string; Action: string | string[]; Resource: string | string[] }[]
}
const { Statement } = JSON.parse(
  readFileSync(new URL('../../docs/policies/cloudformation-execution.json', import.meta.url), 'utf8'),
) as Policy
const actions = new Set(Statement.flatMap(({ Action }) => Action))

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
  ],
  'AWS::IAM::Policy': ['iam:PutRolePolicy', 'iam:DeleteRolePolicy'],
  'AWS::IAM::Role': ['iam:CreateRole', 'iam:DeleteRole'],
  'AWS::KMS::Alias': ['kms:CreateAlias', 'kms:DeleteAlias'],
  'AWS::KMS::Key': ['kms:CreateKey', 'kms:PutKeyPolicy', 'kms:EnableKeyRotation', 'kms:ScheduleKeyDeletion'],
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
  'Custom::SigningKeys': ['lambda:InvokeFunction'],
}

test('the execution policy of docs/deploy.md has what every resource of the stack needs', () => {
  const { resources } = synthesise({
    tableKey: 'create',
    domain: { name: 'broker.acme.dev', hostedZone: { id: 'Z123', name: 'acme.dev' } },
  })
  const types = new Set(Object.values(resources).map(({ Type }) => Type))
  assert.deepEqual(
    [...types].toSorted((a, b) => a.localeCompare(b)),
    Object.keys(needed),
  )
  for (const action of Object.values(needed).flat()) assert.ok(actions.has(action), action)
})

test('it can neither sign, nor read or write a row, nor change the roles of others', () => {
  for (const action of actions) {
    assert.doesNotMatch(action, /\*/)
    assert.doesNotMatch(action, /^kms:(?:Sign|Decrypt|Encrypt|GenerateDataKey)/)
    assert.doesNotMatch(action, /^dynamodb:(?:(?:Get|Put|Update|Delete|BatchGet|BatchWrite)Item|Query|Scan)/)
  }
  for (const { Action, Resource } of Statement)
    if ([Action].flat().some((action) => action.startsWith('iam:')))
      assert.match(
        [Resource].flat().join(),
        /^arn:aws:iam::\*:role\/(?:token-broker-\*|aws-service-role\/ops\.apigateway)/,
      )
})
