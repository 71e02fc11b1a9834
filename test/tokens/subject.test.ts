import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { sourceIdentity, subjectOf, toSub } from '../../lib/tokens/subject.ts'
import type { SubjectTemplate } from '../../lib/tokens/trusted-issuer.ts'

const repo: SubjectTemplate = ['repo:', { claim: ['owner_id'] }, '/', { claim: ['id'] }]
const account: SubjectTemplate = ['serviceaccount:', { claim: ['kubernetes.io', 'serviceaccount', 'uid'] }]
const uid: SubjectTemplate = [{ claim: ['uid'] }]

test('a template is filled from claims', () => {
  assert.equal(subjectOf({ owner_id: '1', id: '22' }, repo), 'repo:1/22')
  const project: SubjectTemplate = ['project:', { claim: ['job_project_id'], otherwise: ['project_id'] }]
  assert.equal(subjectOf({ project_id: '2' }, project), 'project:2')
  assert.equal(subjectOf({ project_id: '2', job_project_id: '3' }, project), 'project:3')
  assert.equal(subjectOf({ 'kubernetes.io': { serviceaccount: { uid: '6f0c' } } }, account), 'serviceaccount:6f0c')
  assert.equal(subjectOf({ uid: 'a/b:c' }, uid), 'a/b:c')
  assert.equal(subjectOf({ uid: 22 }, uid), '22')
})

function missing(claim: string) {
  return { reason: 'subject_claim_missing', claim }
}

function malformed(claim: string) {
  return { reason: 'claim_malformed', claim, detail: 'not an identifier' }
}

for (const [title, template, claims, refusal] of [
  ['an absent claim', repo, { owner_id: '1' }, missing('id')],
  ['a null claim', repo, { owner_id: '1', id: null }, missing('id')],
  ['an absent claim further down', account, { 'kubernetes.io': {} }, missing('kubernetes.io/serviceaccount/uid')],
  ['a number, which text could pass for', repo, { owner_id: '1', id: 22 }, malformed('id')],
  ['an object', repo, { owner_id: '1', id: {} }, malformed('id')],
  ['an empty string', repo, { owner_id: '1', id: '' }, malformed('id')],
  ['a separator inside a part', repo, { owner_id: '1/22', id: '3' }, malformed('owner_id')],
  ['a separator before a part', repo, { owner_id: '1', id: '/3' }, malformed('id')],
  ['a separator after a part', repo, { owner_id: '1:', id: '3' }, malformed('owner_id')],
  ['a line break', repo, { owner_id: '1', id: '3\n' }, malformed('id')],
  ['an empty string that is all there is', uid, { uid: '' }, malformed('uid')],
  ['a fraction', uid, { uid: 1.5 }, malformed('uid')],
  ['an integer over what a double holds exactly', uid, { uid: 2 ** 53 }, malformed('uid')],
  ['a boolean', uid, { uid: true }, malformed('uid')],
  ['a list', uid, { uid: ['22'] }, malformed('uid')],
] as const) {
  test(`${title} in a template is refused`, () => {
    assert.throws(() => subjectOf(claims, template), { refusal })
  })
}

function hashed(subject: string): string {
  return `farm:sha256:${createHash('sha256').update(subject).digest('base64url')}`
}

test('sub is the issuer’s name and the subject, or a hash where that would not be printable, short, or distinct', () => {
  for (const subject of ['job 7', ' !"~', 'x'.repeat(250), 'is-sha256:abc', 'sha256'])
    assert.equal(toSub('farm', subject), `farm:${subject}`)
  for (const subject of ['x'.repeat(251), 'jöb', 'a\u0000b', 'a\nb', 'job\n', '\u007fjob', 'sha256:abc'])
    assert.equal(toSub('farm', subject), hashed(subject))
  const spelt = hashed('jöb').slice('farm:'.length)
  assert.notEqual(toSub('farm', spelt), toSub('farm', 'jöb'))
})

describe('a source identity', () => {
  test('is the issuer’s name and a hash of it with the subject', () => {
    // printf 'github\\0repo:1/2' | openssl dgst -sha256 -binary | basenc --base64url
    assert.equal(sourceIdentity('github', 'repo:1/2'), 'github.pwtUCNxEcTtFvaPUDMFsbX4GB_juIeFnPGCWrRDqZWs')
  })
  test('has 64 characters of STS’s alphabet, whatever it is of', () => {
    assert.match(sourceIdentity('a'.repeat(20), '"*${aws:x}'), /^a{20}\.[\w-]{43}$/)
    // No issuer has so long a name.
    // STS takes no slash, and eks.* in a trust policy means every instance.
    assert.match(sourceIdentity('eks/eu', 'x'), /^eks\.eu\.[\w-]{43}$/)
    assert.notEqual(sourceIdentity('eks/eu', 'x'), sourceIdentity('eks.eu', 'x'))
    assert.match(sourceIdentity('a'.repeat(30), 'x'), /^a{20}\.[\w-]{43}$/)
  })
  test('tells issuers apart whose names and subjects run together', () => {
    const all = ['ab|c', 'a|bc', 'ab|c\0'].map((pair) => sourceIdentity(...(pair.split('|') as [string, string])))
    assert.equal(new Set(all.map((identity) => identity.split('.')[1])).size, 3)
  })
})
