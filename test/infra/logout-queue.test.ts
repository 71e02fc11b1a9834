import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokerYaml, pathOf, synthesise, withLogins } from './synth.ts'

const synthesised = synthesise({ config: brokerYaml(withLogins()) })
const idOf = (path: string) =>
  Object.entries(synthesised.resources).find(([, resource]) => pathOf(resource) === path)?.[0] ?? ''
const queue = synthesised.at('Logout/Queue').Properties
const source = synthesised.at('Logout/Source')

test('a client that is away for a quarter of an hour is told: the first try, and one a minute', () => {
  const { maxReceiveCount } = queue.RedrivePolicy as { maxReceiveCount: number }
  assert.equal((maxReceiveCount - 1) * (queue.VisibilityTimeout as number), 15 * 60)
})

test('no message is seen again while a function may still work at it: AWS asks for six of its timeouts', () => {
  const timeout = synthesised.at('Logout/Delivery/Function').Properties.Timeout as number
  assert.ok((queue.VisibilityTimeout as number) >= 6 * timeout)
})

test('what could not be delivered is kept for 14 days, and a notice that waits for four', () => {
  const { deadLetterTargetArn } = queue.RedrivePolicy as { deadLetterTargetArn: unknown }
  assert.deepEqual(deadLetterTargetArn, { 'Fn::GetAtt': [idOf('/Logout/DeadLetters'), 'Arn'] })
  assert.equal(synthesised.at('Logout/DeadLetters').Properties.MessageRetentionPeriod, 14 * 86_400)
  assert.equal(queue.MessageRetentionPeriod, 4 * 86_400)
})

for (const path of ['Logout/Queue', 'Logout/DeadLetters'])
  test(`${path} is encrypted, and lets nobody in without TLS`, () => {
    assert.equal(synthesised.at(path).Properties.SqsManagedSseEnabled, true)
    const { PolicyDocument } = synthesised.at(`${path}/Policy`).Properties
    assert.deepEqual((PolicyDocument as { Statement: unknown }).Statement, [
      {
        Action: 'sqs:*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Resource: { 'Fn::GetAtt': [idOf(`/${path}`), 'Arn'] },
      },
    ])
  })

test('the function has few messages at once, few of it run at once, and one that fails does not repeat the others', () => {
  const { FunctionName: _, EventSourceArn, ...settings } = source.Properties
  assert.deepEqual(EventSourceArn, { 'Fn::GetAtt': [idOf('/Logout/Queue'), 'Arn'] })
  assert.deepEqual(settings, {
    BatchSize: 5,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: { MaximumConcurrency: 5 },
  })
})

test('it reads the queue only once it may', () => {
  assert.ok(source.DependsOn?.includes(idOf('/Logout/Delivery/Role/DefaultPolicy')), String(source.DependsOn))
})

test('an operator finds the dead letters, and why', () => {
  assert.deepEqual(synthesised.outputs.BrokerLogoutDeadLetters?.Value, { Ref: idOf('/Logout/DeadLetters') })
  assert.match(synthesised.outputs.BrokerLogoutDeadLetters?.Description ?? '', /runbooks/)
  assert.deepEqual(synthesised.outputs.BrokerLogoutDeliveryLog?.Value, { Ref: idOf('/Logout/Delivery/Log') })
})

test('without logins there is none of it', () => {
  const { resources, outputs } = synthesise()
  assert.ok(!Object.values(resources).some(({ Type }) => /SQS|EventSource/.test(Type)))
  assert.ok(!Object.keys(outputs).some((name) => /Logout/.test(name)))
})
