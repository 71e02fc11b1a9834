import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../../cli/command.ts'
import { revoke } from '../../cli/revoke.ts'
import { start, stop } from '../../cli/stop.ts'
import { vacantUrl } from '../client/broker-server.ts'
import { adminServer, asOperator, operator } from './admin-server.ts'
import { noJob } from './job-environment.ts'

const now = () => Math.floor(Date.now() / 1000)
const forGood = 253_402_300_799
const reason = ['--reason', 'INC-1234']

/** What the broker has of a revocation. */
function record(changes: Record<string, unknown> = {}) {
  return {
    dimension: 'rule',
    value: 'web-deploys',
    not_before: 1_800_000_002,
    blocked_until: forGood,
    expires_at: forGood,
    reason: 'INC-1234',
    by: 'arn:aws:sts::123456789012:assumed-role/oncall/ana',
    at: 1_800_000_000,
    id: 'first',
    ...changes,
  }
}
const revoked = (changes: Record<string, unknown> = {}) => ({ body: { revoked: record(changes) } })
const found = (changes: Record<string, unknown> = {}) => ({ body: { found: record(changes) } })
const lifting = { blocked_until: 0, lifted_at: 1_800_000_060, lifted_by: 'bo', lifted_reason: 'x', id: 'second' }
const lifted = (changes: Record<string, unknown> = {}) => ({ body: { lifted: record({ ...lifting, ...changes }) } })

/** What a person has, in two pages of sessions and one of refresh tokens. */
const endings: Record<string, object> = {
  '': { sessions: 25, families: 0, told: 30, next: 'session#x' },
  'session#x': { sessions: 1, families: 0, told: 0, next: 'family#' },
  'family#': { sessions: 0, families: 1, told: 0 },
}

describe('a person has no session and no refresh token left', () => {
  const subject = { dimension: 'subject', value: 'github:repo:1/2#x y' }
  const args = ['revoke', '--subject', subject.value, ...reason]
  const script = ({ operation, after = '' }: Record<string, unknown>) =>
    operation === 'revoke' ? revoked() : { body: { ended: endings[String(after)] } }

  test('page by page', async (t) => {
    const { url, asked } = await adminServer(t, [script])
    const { code, stdout, stderr } = await asOperator([...args, '--broker', url])
    assert.deepEqual([code, stderr], [0, ''])
    assert.deepEqual(asked, [
      { operation: 'revoke', ...subject, reason: 'INC-1234' },
      { operation: 'end', ...subject },
      { operation: 'end', ...subject, after: 'session#x' },
      { operation: 'end', ...subject, after: 'family#' },
    ])
    assert.match(stdout, /ended for good: 26 sessions, and the refresh tokens of 1 login; told of it: 30 clients\n$/)
  })

  test('as JSON', async (t) => {
    const { url } = await adminServer(t, [script])
    const { stdout } = await asOperator([...args, '--json', '--broker', url])
    const { ended } = JSON.parse(stdout) as { ended: object }
    assert.deepEqual(ended, { sessions: 26, families: 1, told: 30 })
  })

  test('what could not be ended is said, after what was revoked', async (t) => {
    const refusal = { status: 400, body: { error: 'invalid_request', error_description: 'no such operation' } }
    const { url } = await adminServer(t, [({ operation }) => (operation === 'revoke' ? revoked() : refusal)])
    const { code, stdout, stderr } = await asOperator([...args, '--broker', url])
    assert.equal(code, 1)
    assert.match(stdout, /revoked/)
    assert.match(stderr, /no such operation/)
  })
})

describe('what is asked', () => {
  for (const [args, request] of [
    [['revoke', '--rule', 'web-deploys', ...reason], { operation: 'revoke', dimension: 'rule', value: 'web-deploys' }],
    [['revoke', '--jti', 'abc', ...reason], { operation: 'revoke', dimension: 'jti', value: 'abc' }],
    [['revoke', '--subject', 'nightly', ...reason], { operation: 'revoke', dimension: 'subject', value: 'nightly' }],
    [['revoke', '--client', 'billing', ...reason], { operation: 'revoke', dimension: 'client', value: 'billing' }],
    [
      ['revoke', '--target', 'deploy-api', ...reason],
      { operation: 'revoke', dimension: 'target', value: 'deploy-api' },
    ],
    [
      ['revoke', '--issuer', 'github', '--yes', ...reason],
      { operation: 'revoke', dimension: 'issuer', value: 'github' },
    ],
    [['revoke', '--kid', 'k', '--yes', ...reason], { operation: 'revoke', dimension: 'kid', value: 'k' }],
    [['revoke', '--all', '--yes', ...reason], { operation: 'revoke', dimension: 'all', value: 'all' }],
    [
      ['revoke', '--rule', 'gone', '--even-if-unknown', ...reason],
      { operation: 'revoke', dimension: 'rule', value: 'gone', even_if_unknown: true },
    ],
    [['stop', 'web-deploys', ...reason], { operation: 'revoke', dimension: 'rule', value: 'web-deploys' }],
    [
      ['revoke', 'undo', '--rule', 'web-deploys', ...reason],
      { operation: 'undo', dimension: 'rule', value: 'web-deploys' },
    ],
    [['start', 'web-deploys', ...reason], { operation: 'start', dimension: 'rule', value: 'web-deploys' }],
    [['start', '--issuer', 'github', ...reason], { operation: 'start', dimension: 'issuer', value: 'github' }],
    [['start', '--all', ...reason], { operation: 'start', dimension: 'all', value: 'all' }],
  ] as [string[], Record<string, string>][])
    test(args.slice(0, -2).join(' '), async (t) => {
      const { url, asked, authorizations } = await adminServer(t, [
        ({ operation }) => (operation === 'revoke' ? revoked() : operation === 'find' ? found() : lifted()),
      ])
      const { code, stderr } = await asOperator([...args, '--broker', url])
      assert.deepEqual([code, stderr], [0, ''])
      const { operation, ...named } = request
      const expected = { ...request, reason: 'INC-1234' }
      // What is lifted is what was on record when the command began.
      if (operation === 'revoke') assert.deepEqual(asked, [expected])
      else
        assert.deepEqual(asked, [
          { operation: 'find', ...named },
          { ...expected, id: 'first' },
        ])
      assert.match(
        authorizations[0] ?? '',
        /^AWS4-HMAC-SHA256 Credential=AKIAOPERATOR\/\d{8}\/eu-west-1\/execute-api\/aws4_request, /,
      )
    })

  for (const [what, text, seconds] of [
    ['two hours ago', '2h', () => now() - 7_200],
    ['a time in UTC', '2026-11-25T09:00:00Z', () => Date.UTC(2026, 10, 25, 9) / 1000],
    ['a time elsewhere', '2026-11-25T10:00+01:00', () => Date.UTC(2026, 10, 25, 9) / 1000],
  ] as const)
    test(`--before ${what}`, async (t) => {
      if (seconds() > now()) return t.skip('this clock is behind the time')
      const { url, asked } = await adminServer(t, [revoked({ blocked_until: 0 })])
      const { code } = await asOperator([
        'revoke',
        '--rule',
        'web-deploys',
        '--before',
        text,
        ...reason,
        '--broker',
        url,
      ])
      assert.equal(code, 0)
      assert.ok(Math.abs(Number(asked[0]?.before) - seconds()) <= 3, String(asked[0]?.before))
      assert.equal('until' in asked[0]!, false)
    })

  test('--for two hours', async (t) => {
    const { url, asked } = await adminServer(t, [revoked()])
    await asOperator(['revoke', '--rule', 'web-deploys', '--for', '2h', ...reason, '--broker', url])
    assert.ok(Math.abs(Number(asked[0]?.until) - now() - 7_200) <= 3)
    assert.equal('before' in asked[0]!, false)
  })
})

describe('what is told', () => {
  for (const [what, args, answer, told] of [
    [
      'a rule that is stopped',
      ['stop', 'web-deploys', ...reason],
      revoked(),
      [
        /^rule web-deploys: revoked\n/,
        /tokens: issued until 2027-01-15T08:00:02Z, inactive/,
        /issuing: stopped until somebody lifts it/,
        /not reached: AWS sessions that are open/,
        /token-broker start web-deploys --reason/,
        /token-broker revoke undo --rule web-deploys --reason/,
      ],
    ],
    [
      'for a time',
      ['revoke', '--rule', 'web-deploys', '--for', '2h', ...reason],
      revoked({ blocked_until: 1_800_007_200 }),
      [/issuing: stopped until 2027-01-15T10:00:00Z/],
    ],
    [
      'what was issued by a time',
      ['revoke', '--rule', 'web-deploys', '--before', '2h', ...reason],
      revoked({ blocked_until: 0 }),
      [/issuing: goes on\n/],
    ],
    [
      'a single token',
      ['revoke', '--jti', 'abc', ...reason],
      revoked({ dimension: 'jti', value: 'abc', blocked_until: 0 }),
      [/^jti abc: revoked/, /this is one token/],
    ],
    [
      'a signing key',
      ['revoke', '--kid', 'k1', '--yes', ...reason],
      revoked({ dimension: 'kid', value: 'k1' }),
      [/if this key signs now, nothing that it would sign is issued/],
    ],
    [
      'everything',
      ['revoke', '--all', '--yes', ...reason],
      revoked({ dimension: 'all', value: 'all' }),
      [/^everything: revoked/, /revoke undo --all --reason/],
    ],
    [
      'a subject with a blank and a quote',
      ['revoke', '--subject', "farm:it's x", ...reason],
      { body: { ...revoked({ dimension: 'subject', value: "farm:it's x" }).body, ended: endings['family#'] } },
      [/undo --subject 'farm:it'\\''s x' --reason/],
    ],
    [
      'undo',
      ['revoke', 'undo', '--rule', 'web-deploys', ...reason],
      lifted({ not_before: 0 }),
      [
        /^rule web-deploys: undone\./,
        /active again/,
        /\n {2}it was revoked 2027-01-15T08:00:00Z by arn:aws:sts::123456789012:assumed-role\/oncall\/ana: INC-1234\n$/,
      ],
    ],
    [
      'start',
      ['start', 'web-deploys', ...reason],
      lifted(),
      [/^rule web-deploys: started\./, /until 2027-01-15T08:00:02Z stay inactive/],
    ],
  ] as [string, string[], { body: unknown }, RegExp[]][])
    test(what, async (t) => {
      const { url } = await adminServer(t, [({ operation }) => (operation === 'find' ? found() : answer)])
      const { code, stdout, stderr } = await asOperator([...args, '--broker', url])
      assert.deepEqual([code, stderr], [0, ''])
      for (const part of told) assert.match(stdout, part)
    })

  for (const [args, answer] of [
    [['stop', 'web-deploys'], revoked()],
    [['start', 'web-deploys'], lifted()],
  ] as const)
    test(`--json of ${args[0]} is the broker’s own answer`, async (t) => {
      const { url } = await adminServer(t, [({ operation }) => (operation === 'find' ? found() : answer)])
      const { code, stdout } = await asOperator([...args, ...reason, '--broker', url, '--json'])
      assert.equal(code, 0)
      assert.deepEqual(JSON.parse(stdout), answer.body)
    })

  for (const [command, operation] of [
    [['revoke', 'undo', '--rule', 'web-deploys'], 'undo'],
    [['start', 'web-deploys'], 'start'],
  ] as const)
    test(`${operation} where nothing is revoked: exit 1`, async (t) => {
      const { url, asked } = await adminServer(t, [{ body: { found: null } }])
      const { code, stdout, stderr } = await asOperator([...command, ...reason, '--broker', url])
      assert.deepEqual([code, stdout], [1, ''])
      const state = operation === 'undo' ? 'revoked' : 'stopped'
      assert.equal(stderr, `rule web-deploys is not ${state}: there is nothing to ${operation}\n`)
      const json = await asOperator([...command, ...reason, '--broker', url, '--json'])
      assert.deepEqual([json.code, JSON.parse(json.stdout)], [1, { lifted: null }])
      assert.deepEqual(new Set(asked.map((each) => each.operation)), new Set(['find']))
    })

  for (const [what, command, changes] of [
    ['undo of what was undone', ['revoke', 'undo', '--rule', 'web-deploys'], { not_before: 0, blocked_until: 0 }],
    ['undo of what has expired', ['revoke', 'undo', '--rule', 'web-deploys'], { expires_at: now() - 1 }],
    ['start of what only tokens fell under', ['start', 'web-deploys'], { blocked_until: 0 }],
    ['start of what was stopped for a time that is over', ['start', 'web-deploys'], { blocked_until: now() - 1 }],
    ['start of what has expired', ['start', 'web-deploys'], { expires_at: now() - 1 }],
  ] as [string, string[], Record<string, unknown>][])
    test(`${what}: exit 1, and nothing is lifted`, async (t) => {
      const { url, asked } = await adminServer(t, [found(changes)])
      const { code, stdout, stderr } = await asOperator([...command, ...reason, '--broker', url])
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, /^rule web-deploys is not (?:revoked|stopped): there is nothing to (?:undo|start)\n$/)
      assert.deepEqual(
        asked.map(({ operation }) => operation),
        ['find'],
      )
    })

  test('undo of what no longer stops anything, but holds for tokens, is done', async (t) => {
    const { url } = await adminServer(t, [found({ blocked_until: 0 }), lifted({ not_before: 0 })])
    assert.equal((await asOperator(['revoke', 'undo', '--rule', 'web-deploys', ...reason, '--broker', url])).code, 0)
  })

  test('a lifting whose answer is lost means the same record when it is asked for again', async (t) => {
    const { url, asked } = await adminServer(t, [
      found(),
      { instead: (response) => void response.destroy() },
      { status: 409, body: { error: 'invalid_request', error_description: 'somebody has revoked this since' } },
    ])
    const { code, stdout, stderr } = await asOperator(['start', 'web-deploys', ...reason, '--broker', url])
    assert.deepEqual([code, stdout, stderr], [1, '', 'somebody has revoked this since\n'])
    assert.deepEqual(
      asked.map(({ operation, id }) => [operation, id]),
      [
        ['find', undefined],
        ['start', 'first'],
        ['start', 'first'],
      ],
    )
  })
})

describe('the list', () => {
  test('goes through all pages, newest first, without what has expired', async (t) => {
    const { url, asked } = await adminServer(t, [
      {
        body: {
          records: [record({ at: 1 }), record({ value: 'expired', expires_at: now() - 1 })],
          next: 'revocation#rule#x',
        },
      },
      {
        body: {
          records: [
            record({ dimension: 'all', value: 'all', at: 3 }),
            record({
              value: 'b',
              at: 2,
              not_before: 0,
              blocked_until: 0,
              lifted_at: 4,
              lifted_by: 'bo',
              lifted_reason: 'reviewed',
            }),
          ],
        },
      },
    ])
    const { code, stdout } = await asOperator(['revoke', 'list', '--broker', url])
    assert.equal(code, 0)
    assert.deepEqual(asked, [{ operation: 'list' }, { operation: 'list', after: 'revocation#rule#x' }])
    assert.match(
      stdout,
      /^everything: tokens issued until \S+ are inactive, issuing is stopped\n {2}\S+ by \S+: INC-1234\nrule b: undone\n.*\n {2}lifted \S+ by bo: reviewed\nrule web-deploys: [^]*$/,
    )
    assert.doesNotMatch(stdout, /expired/)
    const json = await asOperator(['revoke', 'list', '--broker', url, '--json'])
    assert.equal((JSON.parse(json.stdout) as { records: unknown[] }).records.length, 2)
  })

  test('of nothing says so', async (t) => {
    const { url } = await adminServer(t, [{ body: { records: [] } }])
    assert.equal((await asOperator(['revoke', 'list', '--broker', url])).stdout, 'nothing is revoked\n')
  })

  test('nothing in it starts a line of its own or steers a terminal', async (t) => {
    const hostile = '\u001b[2Jx\n::error::y\u202e##[group]z'
    const { url } = await adminServer(t, [
      {
        body: {
          records: [
            record({
              value: hostile,
              reason: hostile,
              by: hostile,
              lifted_at: 1,
              lifted_by: hostile,
              lifted_reason: hostile,
            }),
          ],
        },
      },
    ])
    const { stdout } = await asOperator(['revoke', 'list', '--broker', url])
    assert.equal(stdout.split('\n').length, 4)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u202e]|^::|##\[/m)
  })
})

describe('a dry run', () => {
  const part = (tokens: number, sessions: number, next?: string) => ({
    body: { counted: { tokens, sessions, read: 10, ...(next === undefined ? {} : { next }) } },
  })

  test('reads the table in four parts, each to its end, and changes nothing', async (t) => {
    const { url, asked } = await adminServer(t, [
      ({ segment, after }) => (segment === 2 && after === undefined ? part(1, 0, 'half') : part(2, 1)),
    ])
    const { code, stdout, stderr } = await asOperator([
      'revoke',
      '--rule',
      'web-deploys',
      '--dry-run',
      '--before',
      '2h',
      '--broker',
      url,
    ])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(
      stdout,
      /^nothing was changed\. It would reach 9 tokens that are valid now \(50 rows read\)\n {2}4 AWS sessions would not be ended by it: .*docs\/aws-credentials\.md\n$/,
    )
    assert.deepEqual(
      asked
        .map(({ operation, segment, segments, after }) => [operation, segment, segments, after ?? ''])
        .map((each) => each.join(' '))
        .toSorted(),
      ['count 0 4 ', 'count 1 4 ', 'count 2 4 ', 'count 2 4 half', 'count 3 4 '],
    )
    assert.ok(asked.every(({ before }) => Math.abs(Number(before) - now() + 7_200) <= 5))
  })

  test('without sessions does not speak of them, and of one token in the singular', async (t) => {
    const { url } = await adminServer(t, [({ segment }) => part(segment === 0 ? 1 : 0, 0)])
    const { stdout } = await asOperator(['revoke', '--all', '--dry-run', '--broker', url])
    assert.equal(stdout, 'nothing was changed. It would reach 1 token that is valid now (40 rows read)\n')
  })

  test('as JSON says what it does not reach, too', async (t) => {
    const { url } = await adminServer(t, [part(1, 1)])
    const { stdout } = await asOperator(['revoke', '--kid', 'k', '--dry-run', '--json', '--broker', url])
    const { not_ended, ...total } = JSON.parse(stdout) as Record<string, unknown>
    assert.deepEqual(total, { dry_run: true, tokens: 4, sessions: 4, read: 40 })
    assert.match(String(not_ended), /4 AWS sessions .*docs\/aws-credentials\.md/)
  })

  test('survives a part that fails for a moment, and ends with one that is refused', async (t) => {
    let failed = false
    const busy = { status: 429, body: { message: 'Too Many Requests' } }
    const { url } = await adminServer(t, [
      () => {
        if (failed) return part(1, 0)
        failed = true
        return busy
      },
    ])
    assert.match((await asOperator(['revoke', '--all', '--dry-run', '--broker', url])).stdout, /reach 4 tokens/)
    const refusing = await adminServer(t, [
      ({ segment, after }) =>
        segment === 1
          ? { status: 400, body: { error: 'invalid_request', error_description: 'no such thing' } }
          : part(1, 0, `${String(after)}.`),
    ])
    const { code, stderr } = await asOperator(['revoke', '--all', '--dry-run', '--broker', refusing.url])
    assert.deepEqual([code, stderr], [1, 'no such thing\n'])
  })
})

describe('when it cannot be done, it says what to do: exit 1', () => {
  for (const [what, answer, message] of [
    [
      'IAM does not let it in',
      { status: 403, body: { message: 'Forbidden' } },
      /does not let these AWS credentials in: Forbidden\.\n.*execute-api:Invoke on arn:aws:execute-api:<region>:<account>:<api id>\/\$default\/POST\/admin\/revocations\n.*docs\/policies\/operator\.json/,
    ],
    ['it is another server', { status: 404, body: '<html>' }, /answered 404: is that the URL of a token-broker/],
    [
      'it is an older broker',
      { status: 404, body: { message: 'Not Found' } },
      /answered 404: Not Found: is that the URL of a token-broker, of a version with \/admin\/revocations\?/,
    ],
    ['it redirects', { status: 302, headers: { location: 'https://elsewhere.example/' } }, /answered 302/],
    ['it answers what is no JSON', { status: 200, body: 'OK' }, /answered 200: is that the URL/],
    [
      'the name is unknown',
      {
        status: 400,
        body: {
          error: 'invalid_request',
          error_description:
            'the deployed broker.yaml has no rule "web-deploy": did you mean web-deploys?; even_if_unknown revokes it all the same',
        },
      },
      /^the deployed broker\.yaml has no rule "web-deploy": did you mean web-deploys\?/,
    ],
    ['it answers without end', { status: 200, body: `"${'x'.repeat(300_000)}"` }, /answered more than 256 KiB/],
    [
      'its words steer a terminal',
      { status: 400, body: { error_description: '\u001b[2J##[error]\nx' } },
      /^\\u\{1b\}\[2J# #\[error\]\\u\{a\}x\n$/,
    ],
  ] as [string, object, RegExp][])
    test(what, async (t) => {
      const { url, asked } = await adminServer(t, [answer])
      const { code, stdout, stderr } = await asOperator(['stop', 'web-deploy', ...reason, '--broker', url])
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, message)
      assert.doesNotMatch(stderr, /\n\s+at /)
      assert.equal(asked.length, 1)
    })

  test('what passes is tried again: no answer, 429, 503', async (t) => {
    const { url, asked } = await adminServer(t, [
      {
        status: 503,
        headers: { 'retry-after': '0' },
        body: { error: 'temporarily_unavailable', error_description: 'try again' },
      },
      { instead: (response) => void response.destroy() },
      { status: 429, body: { message: 'Too Many Requests' } },
      revoked(),
    ])
    const { code, stdout } = await asOperator(['stop', 'web-deploys', ...reason, '--broker', url])
    assert.equal(code, 0)
    assert.match(stdout, /^rule web-deploys: revoked/)
    assert.equal(asked.length, 4)
  })

  test('what does not pass is given up, with the broker’s words', async (t) => {
    const { url } = await adminServer(t, [
      {
        status: 503,
        body: {
          error: 'temporarily_unavailable',
          error_description: 'the service cannot answer right now, try again (decision abc)',
        },
      },
    ])
    const { code, stderr } = await asOperator(['stop', 'web-deploys', ...reason, '--broker', url])
    assert.equal(code, 1)
    assert.match(
      stderr,
      /answered 503: the service cannot answer right now, try again \(decision abc\), tried 5 times\n$/,
    )
  })

  test('nobody is there', async () => {
    const { code, stderr } = await asOperator(['revoke', 'list', '--broker', await vacantUrl()])
    assert.equal(code, 1)
    assert.match(stderr, /could not be reached \(ECONNREFUSED\)/)
  })

  for (const [what, env, message] of [
    [
      'no credentials',
      { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
      /^no AWS credentials were found: set AWS_PROFILE.*aws sts get-caller-identity/,
    ],
    ['no region', { AWS_REGION: '' }, /^no AWS region is set: set AWS_REGION/],
  ] as [string, Record<string, string>, RegExp][])
    test(what, async (t) => {
      const { url, asked } = await adminServer(t, [revoked()])
      const { code, stdout, stderr } = await asOperator(['stop', 'web-deploys', ...reason, '--broker', url], {
        ...operator,
        ...env,
      })
      assert.deepEqual([code, stdout, asked.length], [1, '', 0])
      assert.match(stderr, message)
      assert.doesNotMatch(stderr, /\n\s+at /)
    })
})

describe('wrong usage: exit 2, and nobody is asked', () => {
  const rule = ['--rule', 'web-deploys']
  for (const [what, args, message] of [
    ['nothing to revoke', ['revoke', ...reason], /^say what: one of --jti, /],
    [
      'two things',
      ['revoke', ...rule, '--issuer', 'github', ...reason],
      /^one thing at a time: not --issuer, --rule together/,
    ],
    ['an empty name', ['revoke', '--rule', '', ...reason], /^--rule is empty/],
    ['no reason', ['revoke', ...rule], /^--reason is missing/],
    ['a blank reason', ['revoke', ...rule, '--reason', ' '], /^--reason is missing/],
    ['stop without a reason', ['stop', 'web-deploys'], /^--reason is missing/],
    ['start without a reason', ['start', 'web-deploys'], /^--reason is missing/],
    ['undo without a reason', ['revoke', 'undo', ...rule], /^--reason is missing/],
    [
      'a time and a duration',
      ['revoke', ...rule, '--before', '1h', '--for', '1h', ...reason],
      /^--before goes on issuing/,
    ],
    [
      'a time to come',
      ['revoke', ...rule, '--before', '2999-01-01T00:00:00Z', ...reason],
      /^--before is in the future/,
    ],
    [
      'a time without a zone',
      ['revoke', ...rule, '--before', '2026-11-25T09:00:00', ...reason],
      /^--before is a time with its zone/,
    ],
    [
      'a day that is none',
      ['revoke', ...rule, '--before', '2026-02-30T09:00:00Z', ...reason],
      /^--before is a time with its zone/,
    ],
    [
      'an hour that is none',
      ['revoke', ...rule, '--before', '2026-02-20T25:00:00Z', ...reason],
      /^--before is a time with its zone/,
    ],
    ['a day alone', ['revoke', ...rule, '--before', '2026-11-25', ...reason], /^--before is a time with its zone/],
    ['longer ago than time', ['revoke', ...rule, '--before', '99999d', ...reason], /^--before is a time with its zone/],
    ['no duration', ['revoke', ...rule, '--for', '2', ...reason], /^--for is a duration/],
    ['a duration of nothing', ['revoke', ...rule, '--for', '0s', ...reason], /^--for is a duration/],
    [
      'a duration too short',
      ['revoke', ...rule, '--for', '59s', ...reason],
      /^--for is a duration of a minute or more/,
    ],
    ['a time for one token', ['revoke', '--jti', 'x', '--for', '1h', ...reason], /^--jti is one token/],
    ['a word that is none', ['revoke', 'web-deploys', ...reason], /^revoke takes options/],
    ['a list of something', ['revoke', 'list', ...rule], /^unknown option --rule/],
    ['a word after list', ['revoke', 'list', 'x'], /^list shows everything/],
    ['undo for a time', ['revoke', 'undo', ...rule, '--for', '1h', ...reason], /^unknown option --for/],
    ['undo as a dry run', ['revoke', 'undo', ...rule, '--dry-run', ...reason], /^unknown option --dry-run/],
    ['undo of a word', ['revoke', 'undo', 'web-deploys', ...reason], /^undo takes options only/],
    ['stop of nothing', ['stop', ...reason], /^name one RULE to stop/],
    ['stop of two', ['stop', 'a', 'b', ...reason], /^name one RULE to stop/],
    ['start of two', ['start', 'a', 'b', ...reason], /^name one RULE to start/],
    ['start of a rule twice', ['start', 'a', '--rule', 'b', ...reason], /^name one RULE to start/],
    ['start of two things', ['start', 'a', '--all', ...reason], /^one thing at a time/],
    [
      'an unknown option',
      ['revoke', ...rule, '--dryrun', ...reason],
      /^unknown option --dryrun \(did you mean "--dry-run"\?\)/,
    ],
  ] as [string, string[], RegExp][])
    test(what, async () => {
      const [name, ...rest] = args
      const command = [revoke, stop, start].find((each) => each.name === name)!
      await assert.rejects(command.run([...rest, '--broker', 'https://broker.example']), (error) => {
        assert.ok(error instanceof UsageError)
        assert.match(error.message, message)
        return true
      })
    })

  for (const [what, args, message] of [
    ['everything, with nobody to ask', ['revoke', '--all', ...reason], /^everything is much, .*--yes/],
    ['an issuer, with nobody to ask', ['revoke', '--issuer', 'github', ...reason], /^issuer github is much, .*--yes/],
    ['a key, with nobody to ask', ['revoke', '--kid', 'k', ...reason], /^kid k is much, .*--yes/],
  ] as [string, string[], RegExp][])
    test(what, async (t) => {
      const { url, asked } = await adminServer(t, [revoked()])
      const { code, stdout, stderr } = await asOperator([...args, '--broker', url])
      assert.deepEqual([code, stdout, asked.length], [2, '', 0])
      assert.match(stderr, message)
      assert.match(stderr, /\nExit codes: /)
    })

  for (const [what, url, message] of [
    ['no broker', undefined, /^--broker is missing/],
    ['a broker over http', 'http://broker.acme.dev', /must be https/],
    ['a broker with a path', 'https://broker.acme.dev/token', /has a path/],
  ] as const)
    test(what, async () => {
      const { code, stderr } = await asOperator([
        'stop',
        'x',
        ...reason,
        ...(url === undefined ? [] : ['--broker', url]),
      ])
      assert.equal(code, 2)
      assert.match(stderr, message)
    })
})

const entry = fileURLToPath(new URL('../../cli/token-broker.ts', import.meta.url))
const noTerminal = spawnSync('script', ['--version']).error !== undefined && 'there is no `script` to make a terminal'

describe('on a terminal, what sweeps is asked for again', { skip: noTerminal }, () => {
  for (const [answer, code, asked] of [
    ['yes\n', 0, 1],
    ['y\n', 1, 0],
    ['\n', 1, 0],
    ['\u0004', 1, 0],
  ] as const)
    test(`${JSON.stringify(answer)} is exit ${code}`, async (t) => {
      const server = await adminServer(t, [revoked({ dimension: 'all', value: 'all' })])
      const line = [process.execPath, entry, 'revoke', '--all', ...reason, '--broker', server.url].join(' ')
      const child = spawn('script', ['-qec', line, '/dev/null'], {
        env: { ...process.env, ...noJob, ...operator },
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      let shown = ''
      child.stdout.on('data', (chunk: Buffer) => {
        const waiting = !shown.includes('Type yes: ')
        shown += chunk.toString()
        if (waiting && shown.includes('Type yes: ')) child.stdin.write(answer)
      })
      const exit = await new Promise((resolve) => child.on('close', resolve))
      assert.match(shown, /Revoke everything, and issue no more of it\? Type yes: /)
      assert.deepEqual([exit, server.asked.length], [code, asked], shown)
    })
})
