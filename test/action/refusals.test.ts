import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { brokerServer, refusal, vacantUrl } from '../client/broker-server.ts'
import { assertHidden, commandsOf, errorOf, gitHubJob } from './github-job.ts'

const folder = mkdtempSync(join(tmpdir(), 'token-broker-event-'))
after(() => rmSync(folder, { recursive: true }))

const job = gitHubJob()
const { box, github, run } = job

test('a refusal has the broker’s error, the audience asked, the claims and the decision id: exit 1', async () => {
  job.claims = { event_name: 'pull_request', environment: undefined }
  const ran = await run({ broker: box.broker.url, target: 'deploy-api' })
  assert.deepEqual([ran.code, ran.outputs, ran.variables], [1, {}, {}])
  assert.deepEqual(commandsOf(ran), ['add-mask', 'error'])
  const error = errorOf(ran)
  const id = / refused: invalid_request: the subject token was not accepted \(decision ([\w-]{22})\)\n/.exec(error)?.[1]
  assert.ok(id, error)
  assert.ok(error.endsWith(`\nSend who runs the broker the decision id ${id}`))
  assert.match(error, /has iss "http:\/\/127\.0\.0\.1:\d+", sub "repo:acme\/web:environment:production"/)
  assert.ok(error.includes(`\nThe audience asked of GitHub: ${box.broker.url}\n`))
  for (const line of ['repository_id: "987654"', 'event_name: "pull_request"', 'environment: absent'])
    assert.ok(error.includes(`\n    ${line}\n`), `${line} is not in ${error}`)
})

test('every claim of the token is shown, what rules match most first, and of very many the first 60', async () => {
  const added = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`added_${i}`, i]))
  const claims = { actor_id: '42', 'a\nb': 'c\nd', long: 'x'.repeat(300) }
  for (const [changes, shown, hidden] of [
    [claims, ['repository: ', 'actor_id: "42"', 'a\\u{a}b: "c\\nd"', `long: "${'x'.repeat(199)}`, 'iss: '], [' more']],
    [added, ['environment: ', 'added_0: 0', '... and '], ['added_79']],
  ] as const) {
    job.claims = changes
    const error = errorOf(await run({ broker: box.broker.url, target: 'no-such-target' }))
    for (const text of shown) assert.ok(error.includes(`\n    ${text}`), `${text} is not in ${error}`)
    for (const text of hidden) assert.ok(!error.includes(text), `${text} is in ${error}`)
    assert.ok(error.split('\n    ').length <= 62)
    assert.ok(error.indexOf('\n    repository:') < error.indexOf('\n    iss:'))
  }
})

test('a target that the broker does not grant: the decision id is there', async () => {
  const ran = await run({ broker: box.broker.url, target: 'no-such-target' })
  assert.equal(ran.code, 1)
  assert.match(errorOf(ran), / refused: invalid_target: .*\n[^]*decision id [\w-]{22}$/)
})

test('a refusal of the default audience names the audience that was asked instead', async () => {
  const ran = await run({ broker: box.broker.url, target: 'deploy-api', audience: 'https://other.example' })
  assert.equal(ran.code, 1)
  assert.match(
    errorOf(ran),
    /aud "https:\/\/other\.example"[^]*\nThe audience asked of GitHub: https:\/\/other\.example\n/,
  )
})

const noPermission = { ACTIONS_ID_TOKEN_REQUEST_URL: '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' }
const inputs = { broker: 'https://broker.acme.dev', target: 'deploy-api' }

test('a missing permission is named, with the lines to add: exit 1', async () => {
  const ran = await run(inputs, noPermission)
  assert.deepEqual([ran.code, commandsOf(ran)], [1, ['error']])
  assert.match(errorOf(ran), /^GitHub gives this job no OIDC token\.[^]*\n {4}permissions:\n.*\n {6}id-token: write\n/)
})

const repo = (id: number) => ({ repo: { id } })
for (const [title, event_name, pull_request, expected] of [
  [
    'a pull request from a fork',
    'pull_request',
    { head: repo(2), base: repo(1) },
    /^this is a pull request from a fork/,
  ],
  ['one whose fork is gone', 'pull_request', { head: { repo: null }, base: repo(1) }, /^this is a pull request from/],
  ['its review', 'pull_request_review', { head: repo(2), base: repo(1) }, /^this is a pull request from a fork/],
  ['one from the repository itself', 'pull_request', { head: repo(1), base: repo(1) }, /id-token: write/],
  ['one with the rights of the repository', 'pull_request_target', { head: repo(2), base: repo(1) }, /id-token: write/],
  ['an event that is none', 'pull_request', undefined, /id-token: write/],
] as const) {
  test(`without a token, ${title} is told ${expected.source.includes('write') ? 'the permission' : 'that it is a fork’s'}`, async () => {
    const GITHUB_EVENT_PATH = join(folder, 'event.json')
    writeFileSync(GITHUB_EVENT_PATH, JSON.stringify({ pull_request }))
    const ran = await run(inputs, { ...noPermission, GITHUB_EVENT_NAME: event_name, GITHUB_EVENT_PATH })
    assert.equal(ran.code, 1)
    assert.match(errorOf(ran), expected)
  })
}

test('an event file that cannot be read, or is no JSON, is as if there were none', async () => {
  writeFileSync(join(folder, 'no.json'), '[')
  for (const GITHUB_EVENT_PATH of [folder, join(folder, 'absent'), join(folder, 'no.json'), '']) {
    const ran = await run(inputs, { ...noPermission, GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH })
    assert.match(errorOf(ran), /id-token: write/)
  }
})

test('GitHub’s own refusal is shown, without what it answered', async () => {
  github.answer = { status: 403, body: '::set-output name=token::evil' }
  const ran = await run(inputs)
  assert.deepEqual([ran.code, commandsOf(ran)], [1, ['error']])
  assert.equal(
    errorOf(ran),
    "GitHub Actions answered 403 when asked for a token: the job's right to ask may have ended with it",
  )
})

test('an outage says so: exit 1', async () => {
  const url = await vacantUrl()
  const ran = await run({ broker: url, target: 'x' })
  assert.equal(ran.code, 1)
  assert.equal(errorOf(ran), `the broker at ${url} could not be reached (ECONNREFUSED), tried 5 times`)
})

test('the job’s own token is traded, whatever another variable holds, and none in its place', async (t) => {
  const { url, asked } = await brokerServer(t, [refusal()])
  const another = await box.jobToken()
  const others = { TOKEN_BROKER_ID_TOKEN: another, CIRCLE_OIDC_TOKEN_V2: another, CIRCLE_OIDC_TOKEN: another }
  for (const env of [others, { ...others, ...noPermission }]) {
    const ran = await run({ broker: url, target: 'x', audience: 'https://other.example' }, env)
    assertHidden(ran, [another])
    if (env === others) assert.match(errorOf(ran), /\nThe audience asked of GitHub: https:\/\/other\.example\n/)
    else assert.match(errorOf(ran), /id-token: write/)
  }
  assert.deepEqual(
    asked.map((form) => form.get('subject_token')),
    github.tokens,
  )
  assert.equal(github.tokens.length, 1)
})
