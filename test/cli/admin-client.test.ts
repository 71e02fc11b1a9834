import assert from 'node:assert/strict'
import { after, before, mock, test } from 'node:test'
import { adminClient } from '../../cli/admin-client.ts'
import { CommandError } from '../../cli/command.ts'
import { operator, secretAccessKey } from './admin-server.ts'

const environment = { ...process.env }
before(() => Object.assign(process.env, operator, { AWS_REGION: 'us-east-1' }))
after(() => {
  process.env = environment
})

/** What a broker at this URL would be asked. */
async function askedOf(broker: string): Promise<{ url: string; headers: Record<string, string>; text: string }> {
  const asked = mock.method(globalThis, 'fetch', () => Promise.resolve(new Response('{}')))
  try {
    await (
      await adminClient(broker, '/admin/revocations')
    )({ operation: 'list' })
    const [url, init] = asked.mock.calls[0]!.arguments as unknown as [
      string,
      { headers: Record<string, string>; body: string },
    ]
    return { url, headers: init.headers, text: init.body }
  } finally {
    asked.mock.restore()
  }
}

for (const [broker, region] of [
  ['https://a1b2c3.execute-api.eu-central-1.amazonaws.com', 'eu-central-1'],
  ['https://a1b2c3.execute-api.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
  ['https://broker.acme.dev', 'us-east-1'],
  // Names that only look like an API's.
  ['https://execute-api.eu-central-1.amazonaws.com.acme.dev', 'us-east-1'],
] as const)
  test(`${new URL(broker).host} is asked in ${region}`, async () => {
    const { url, headers, text } = await askedOf(broker)
    assert.equal(url, `${broker}/admin/revocations`)
    assert.equal(text, '{"operation":"list"}')
    assert.ok(headers.authorization?.includes(`/${region}/execute-api/aws4_request, SignedHeaders=content-type;host;`))
    assert.ok(!JSON.stringify(headers).includes(secretAccessKey))
  })

test('a session’s token goes along, signed', async () => {
  process.env.AWS_SESSION_TOKEN = 'a-session'
  try {
    const { headers } = await askedOf('https://broker.acme.dev')
    assert.equal(headers['x-amz-security-token'], 'a-session')
    assert.match(headers.authorization ?? '', /SignedHeaders=[^,]*x-amz-security-token/)
  } finally {
    delete process.env.AWS_SESSION_TOKEN
  }
})

test('what the SDK says of credentials stays on one line', async () => {
  process.env.AWS_PROFILE = 'a\nb'
  try {
    const ask = await adminClient('https://broker.acme.dev', '/admin/revocations')
    await assert.rejects(ask({ operation: 'list' }), (error) => {
      assert.ok(error instanceof CommandError)
      assert.match(error.message, /^no AWS credentials were found/)
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
  } finally {
    delete process.env.AWS_PROFILE
  }
})
