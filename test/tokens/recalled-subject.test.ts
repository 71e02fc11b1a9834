import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Authentication } from '../../lib/ports.ts'
import { recalledSubject } from '../../lib/tokens/recalled-subject.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import { now, testIssuer, verifyAt } from './issuer-fixture.ts'

const farm = await testIssuer()
const { issuer } = farm
const verified = await verifyAt(farm, await farm.sign({ groups: ['buyers'] }))
const login: Authentication = {
  sid: 'sid',
  issuer_name: issuer.name,
  subject: verified.subject,
  sub: verified.sub,
  claims: verified.claims,
  jti: verified.jti!,
  hash: verified.hash,
  identity: { email: 'ada@partner.example' },
  acr: [],
  expires_at: now + 3_600,
}

test('who logged in is who the ID token said, until the session ends', () => {
  assert.deepEqual({ ...recalledSubject(login, issuer) }, { ...verified, exp: now + 3_600 })
})

test('an ID token without a jti has none now either', () => {
  const { jti: _, ...without } = login
  assert.equal(recalledSubject(without, issuer)?.jti, undefined)
})

test('what the issuer is trusted for may have changed: it is for decisions to read', () => {
  const stricter: TrustedIssuer = { ...issuer, audiences: ['https://x.test'], algorithms: ['ES256'], replay: 'off' }
  assert.equal(recalledSubject(login, stricter)?.issuer, stricter)
})

const template = (claim: string): Partial<TrustedIssuer> => ({ subject: [{ claim: [claim] }] })
for (const [title, changes, of] of [
  ['another issuer of the same name', { issuer: 'https://other.test' }, {}],
  ['another issuer of the same URL', { name: 'barn' }, {}],
  ['another issuer of the same URL, and its sub', { name: 'barn' }, { sub: 'barn:job-7' }],
  ['an issuer that builds its subjects of another claim', template('jti'), {}],
  ['an issuer that builds its subjects of a claim that was not there', template('oid'), {}],
  ['an issuer that builds its subjects of a claim that is no text', template('groups'), {}],
  ['an issuer that writes something before them', { subject: ['user-', { claim: ['sub'] }] }, {}],
  ['a subject that the claims do not bear out', {}, { subject: 'job-8', sub: 'farm:job-8' }],
  ['a sub that is not the subject’s', {}, { sub: 'farm:job-8' }],
  ['claims of nobody', {}, { claims: { iss: issuer.issuer } }],
  ['claims without their issuer', {}, { claims: { sub: 'job-7' } }],
] as const satisfies readonly (readonly [string, Partial<TrustedIssuer>, Partial<Authentication>])[])
  test(`${title}: they must log in again`, () => {
    assert.equal(recalledSubject({ ...login, ...of }, { ...issuer, ...changes }), undefined)
  })

test('what is wrong with the template itself is our own fault, and is told', () => {
  const broken = { ...issuer, subject: undefined } as unknown as TrustedIssuer
  assert.throws(() => recalledSubject(login, broken), TypeError)
})
