import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { GetWebIdentityTokenCommand } from '@aws-sdk/client-sts'
import { parse } from 'yaml'
import { fromTokenBroker, RefusedByBroker } from '../../client/from-token-broker.ts'
import { stsClient } from '../../lib/aws/clients.ts'
import { startSts, type StsStandin } from '../../local/sts.ts'
import { blackBox } from '../conformance/broker-fixture.ts'

let sts: StsStandin
before(async () => {
  sts = await startSts()
  process.env.AWS_ENDPOINT_URL_STS = sts.url
})
after(() => sts.close())

const page = readFileSync(new URL('../../docs/aws-credentials.md', import.meta.url), 'utf8')
const [, snippet = ''] = /```yaml\n(issuers:\n {2}functions:\n[^`]*)```/.exec(page) ?? []
type Part = Record<'issuers' | 'rules', Record<string, unknown>>

/** The quickstart's broker, with what docs/aws-credentials.md adds for a function of the stand-in's account. */
const box = blackBox((text) => {
  const added = parse(
    snippet
      .replace(/https:\S+\.tokens\.sts\.global\.api\.aws/, sts.url)
      .replace(/arn:[^"]+/, 'arn:aws:iam::000000000000:role/local'),
  ) as Part
  const file = parse(text) as Part
  return JSON.stringify({
    ...file,
    issuers: { ...file.issuers, ...added.issuers },
    rules: { ...file.rules, ...added.rules },
  })
})

/** As that page has it. */
async function tokenFor(audience: string): Promise<string> {
  const client = stsClient({ region: 'eu-west-1', credentials: { accessKeyId: 'ASIALOCAL', secretAccessKey: 'local' } })
  const asked = { Audience: [audience], SigningAlgorithm: 'RS256', DurationSeconds: 300 }
  const { WebIdentityToken } = await client.send(new GetWebIdentityTokenCommand(asked))
  client.destroy()
  return WebIdentityToken ?? ''
}

test('a function trades its role’s own identity, as docs/aws-credentials.md says, again and again', async () => {
  const broker = box.broker.url
  for (let round = 0; round < 2; round++) {
    const provider = fromTokenBroker({ broker, target: 'report-reader', token: () => tokenFor(broker) })
    assert.match((await provider()).accessKeyId, /^ASIA/)
    const { RoleArn, SourceIdentity, RoleSessionName } = sts.assumed.at(-1)!
    assert.equal(RoleArn, 'arn:aws:iam::123456789012:role/report-reader')
    assert.match(`${SourceIdentity} ${RoleSessionName}`, /^functions\.[\w-]{43} report-function\.[\w-]{22}$/)
  }
})

test('a token for another audience is refused', async () => {
  const provider = fromTokenBroker({
    broker: box.broker.url,
    target: 'report-reader',
    token: () => tokenFor('https://other.example'),
  })
  await assert.rejects(provider(), RefusedByBroker)
})
