import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as cdk from '../../infra/cdk.ts'

test('token-broker/cdk is the constructs of both sides: the broker, and a role for its sessions', () => {
  assert.deepEqual(Object.keys(cdk), ['BrokeredRole', 'TokenBroker'])
})
