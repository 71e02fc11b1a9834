import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusedError } from '../../lib/protocol/errors.ts'
import { subjectOf, toSub } from '../../lib/tokens/subject.ts'
import type { SubjectTemplate } from '../../lib/tokens/trusted-issuer.ts'

const repo: SubjectTemplate = ['repo:', { claim: ['owner_id'] }, '/', { claim: ['id'] }]

test('a template is filled from claims', () => {
  assert.equal(subjectOf({ owner_id: '1', id: '22' }, repo), 'repo:1/22')
  const project: SubjectTemplate = ['project:', { claim: ['job_project_id'], otherwise: ['project_id'] }]
  assert.equal(subjectOf({ project_id: '2' }, project), 'project:2')
  assert.equal(subjectOf({ project_id: '2', job_project_id: '3' }, project), 'project:3')
  assert.equal(subjectOf({ sub: 'a/b:c' }, [{ claim: ['sub'] }]), 'a/b:c')
  assert.equal(subjectOf({ uid: 22 }, [{ claim: ['uid'] }]), '22')
})

for (const [title, claims, reason] of [
  ['an absent claim', { owner_id: '1' }, 'subject_claim_missing'],
  ['a null claim', { owner_id: '1', id: null }, 'subject_claim_missing'],
  ['a number, which text could pass for', { owner_id: '1', id: 22 }, 'claim_malformed'],
  ['an object', { owner_id: '1', id: {} }, 'claim_malformed'],
  ['an empty string', { owner_id: '1', id: '' }, 'claim_malformed'],
  ['a separator inside a part', { owner_id: '1/22', id: '3' }, 'claim_malformed'],
  ['a fraction', { owner_id: '1', id: 1.5 }, 'claim_malformed'],
] as const) {
  test(`${title} in a template is refused`, () => {
    assert.throws(
      () => subjectOf(claims, repo),
      (error) => error instanceof RefusedError && error.refusal.reason === reason,
    )
  })
}

test('sub is the issuer’s name and the subject, or a hash where that would not be printable, short, or distinct', () => {
  assert.equal(toSub('farm', 'job 7'), 'farm:job 7')
  assert.equal(toSub('farm', 'x'.repeat(250)).length, 255)
  for (const subject of ['x'.repeat(251), 'jöb', 'a\u0000b', 'a\nb', 'sha256:abc'])
    assert.match(toSub('farm', subject), /^farm:sha256:[\w-]{43}$/)
  const hashed = toSub('farm', 'jöb').slice('farm:'.length)
  assert.notEqual(toSub('farm', hashed), toSub('farm', 'jöb'))
})
