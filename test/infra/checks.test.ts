import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CfnResource, Validations, type Stack } from 'aws-cdk-lib'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import { brokerYaml, synthesise, withLogins } from './synth.ts'

test('cdk-nag and the default rules find nothing but what these acknowledge, each for a reason', () => {
  const acknowledged: Record<string, string[]> = {}
  const reasons: string[] = []
  synthesise({
    config: brokerYaml(withLogins()),
    acknowledge: [],
    with(stack) {
      for (const { node } of stack.node.findAll()) {
        for (const { type, data } of node.metadata) {
          if (type !== Validations.ACKNOWLEDGED_RULES_METADATA_KEY) continue
          for (const [id, reason] of Object.entries(data as Record<string, string>)) {
            ;(acknowledged[id] ??= []).push(node.path.replace('TokenBroker/Broker/', ''))
            reasons.push(reason)
          }
        }
      }
    },
  })
  assert.deepEqual(acknowledged, {
    'AwsSolutions::AwsSolutions-APIG4': [
      'Api/Api/ANY--token',
      'Api/Api/ANY--credentials--{target}',
      'Api/Api/ANY--authorize',
      'Api/Api/ANY--login',
      'Api/Api/ANY--callback--{issuer}',
      'Api/Api/ANY--consent',
      'Api/Api/ANY--logout',
      'Api/Api/ANY--logout--confirm',
      'Api/Api/ANY--backchannel-logout--{issuer}',
      'Api/Api/ANY--introspect',
      'Api/Api/ANY--revoke',
      'Api/Api/ANY--userinfo',
      'Api/Api/ANY--jwks',
      'Api/Api/ANY--.well-known--openid-configuration',
      'Api/Api/ANY--.well-known--oauth-authorization-server',
      'Api/Api/ANY--healthz',
    ],
    'AwsSolutions::AwsSolutions-IAM5[Resource::*]': [
      'Token/Role',
      'Login/Role',
      'Introspection/Role',
      'Admin/Role',
      'Metadata/Role',
      'SigningKeys/Reader/Role',
      'Logout/Delivery/Role',
    ],
  })
  for (const reason of reasons) assert.ok(reason.length > 30, reason)
})

for (const [what, spoil] of [
  ['cdk-nag', (stack: Stack) => new Bucket(stack, 'Spoil')],
  [
    'the default rules',
    (stack: Stack) =>
      new CfnResource(stack, 'Spoil', { type: 'AWS::DynamoDB::Table', properties: { BillingMode: 'FOR_FREE' } }),
  ],
] as const) {
  test(`what ${what} finds fails the synth`, () => {
    assert.throws(() => synthesise({ with: (stack) => void spoil(stack) }), /Validation failed/)
  })
}
