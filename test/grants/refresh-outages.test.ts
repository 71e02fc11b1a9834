import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dynamodbRefreshFamilies } from '../../lib/aws/refresh-families.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { hashOfSecret } from '../../lib/tokens/client-secret.ts'
import { toPolicy, type Policy } from '../../lib/trust/policy.ts'
import { openFaultyProxy, type Fault } from '../contracts/faulty-proxy.ts'
import { openTestTable, type TestTable } from '../contracts/test-table.ts'
import { now, ourIssuer, testIssuer, type TestIssuer } from '../tokens/issuer-fixture.ts'
import { fakePorts } from './ports-fixture.ts'
import { code, refreshConfiguration, refreshing, storedCode } from './refresh-fixture.ts'

let world: TestTable
let farm: TestIssuer
let policy: Policy
let serial = 0
before(async () => {
  const configuration = refreshConfiguration()
  const { refresh_tokens } = configuration.login
  // Whoever comes again comes too late.
  const login = { ...configuration.login, refresh_tokens: { ...refresh_tokens, reuse_window: 0 } }
  ;[world, farm, policy] = await Promise.all([
    openTestTable(),
    testIssuer(),
    toPolicy({ ...configuration, login }, ourIssuer),
  ])
})
after(() => world.close())

/** A login's first refresh token, used through a network that fails, and then without a failure. */
async function through(fault: (operation: string, nth: number) => Fault) {
  const proxy = await openFaultyProxy(world.endpoint, fault)
  const ports = fakePorts(farm)
  const good = dynamodbRefreshFamilies(world.client, world.table)
  const bad = dynamodbRefreshFamilies(world.clientFor(proxy.endpoint), world.table)
  ports.families = good
  ports.codesStored.set(hashOfSecret(code), storedCode())
  // Each login of its own.
  const ask = refreshing(() => ({ policy, ports }), `login-${serial++}-`)
  const { refresh_token } = await ask.redeem()
  ports.families = bad
  const outcome = await ask.refresh(refresh_token).catch((error: unknown) => error)
  ports.families = good
  ports.now = () => now + 3_600
  proxy.close()
  return { outcome, first: refresh_token, refresh: ask.refresh }
}

for (const [title, fault] of [
  ['lost once', (operation: string, nth: number): Fault => (operation === 'UpdateItem' && nth === 0 ? 'lose' : 'none')],
  ['lost each time', (operation: string): Fault => (operation === 'UpdateItem' ? 'lose' : 'none')],
] as const)
  test(`a rotation whose answer is ${title} is handed out all the same`, async () => {
    const { outcome, refresh } = await through(fault)
    assert.ok(!(outcome instanceof Error), String(outcome))
    const { refresh_token } = outcome as { refresh_token: string }
    assert.ok((await refresh(refresh_token)).refresh_token)
  })

for (const [title, fault] of [
  [
    'a rotation that is refused',
    (operation: string): Fault => (operation === 'UpdateItem' ? { status: 500, type: 'InternalServerError' } : 'none'),
  ],
  [
    'a throttled rotation',
    (operation: string): Fault => (operation === 'UpdateItem' ? { status: 400, type: 'ThrottlingException' } : 'none'),
  ],
  ['a table that is away', (): Fault => ({ status: 500, type: 'InternalServerError' })],
] as const)
  test(`${title} is an outage, and the token is good an hour later`, async () => {
    const { outcome, first, refresh } = await through(fault)
    assert.ok(outcome instanceof UnavailableError, String(outcome))
    assert.ok((await refresh(first)).refresh_token)
  })
