import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issuerMeant, loginIssuers } from '../../lib/login/home-realm.ts'
import { toPolicy } from '../../lib/trust/policy.ts'
import { loginConfiguration, loginIssuer } from './login-policy.ts'

const configuration = loginConfiguration()
const bare = { ...loginIssuer('bare') }
delete bare.login
const policy = await toPolicy({ ...configuration, issuers: { ...configuration.issuers, bare } }, 'https://broker.test')

test('issuers in order of display; those at which nobody logs in are none', () => {
  const names = (list: string[]) => loginIssuers(list, policy).map(({ name }) => name)
  assert.deepEqual(names(['other', 'partner']), ['other', 'partner'])
  assert.deepEqual(names(['bare', 'nowhere', '__proto__', 'partner']), ['partner'])
})

const issuers = loginIssuers(['partner', 'other'], policy)
for (const [hint, want] of [
  ['ada@partner.example', 'partner'],
  ['ada@PARTNER.EXAMPLE', 'partner'],
  ['other.example', 'other'],
  ['other', 'other'],
  ['ada@x.partner.example', undefined],
  ['ada@partner.example.evil.example', undefined],
  ['ada', undefined],
  ['', undefined],
  [undefined, undefined],
] as const)
  test(`${String(hint)} means ${String(want)}`, () => assert.equal(issuerMeant(hint, issuers)?.name, want))
