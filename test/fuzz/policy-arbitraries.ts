import fc from 'fast-check'
import {
  expressions,
  forbiddenEvents,
  type Caller,
  type Claims,
  type Match,
  type PolicyFile,
  type PolicyRule,
} from './policy-model.ts'

// Policies, and who asks of them what.

const seldom = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })

/** What claims of a kind are, and what rules want of them: few of each, so that they often meet. */
const vocabulary: Readonly<Record<string, { values: readonly unknown[]; wanted: readonly Match[string][] }>> = {
  ref: {
    values: ['refs/heads/main', 'refs/heads/a/main', 'refs/heads/main:x', 'refs/tags/1', '', 5],
    wanted: ['refs/heads/main', ['refs/heads/main', 'refs/tags/1'], { glob: 'refs/heads/*' }, { glob: 'refs/*/*main' }],
  },
  env: {
    values: ['production', 'staging', ['production'], true],
    wanted: ['production', { not: 'staging' }, { not: ['staging', 'test'] }, { glob: 'prod*n' }],
  },
  groups: {
    values: [['buyers'], ['x', 'buyers', 5], [], 'buyers', [['buyers']], [null]],
    wanted: [{ contains: 'buyers' }, { contains: 5 }, 'buyers'],
  },
  attempt: { values: [4, 1, '4', 0, true, [4]], wanted: [4, [1, 4], { not: 4 }, true, '4'] },
  protected: { values: [true, false, 'true', 1], wanted: [true, 'true', { not: false }] },
  nested: { values: [{ ns: 'a' }, { ns: 'a', 'x/y': 'b' }, { ns: null }, [{ ns: 'a' }]], wanted: ['a'] },
  event_name: {
    values: ['push', ...forbiddenEvents],
    wanted: ['push', ['push', 'issue_comment'], 'pull_request_target', { not: 'push' }, { glob: 'pull*' }],
  },
  blocked: { values: [true, false], wanted: [{ not: true }, false] },
  owner_id: { values: ['1', '2'], wanted: ['1', ['1', '2']] },
  constructor: { values: ['x'], wanted: ['x', { not: 'y' }] },
}
const pointers: Readonly<Record<string, Match[string]>> = {
  '/nested/ns': 'a',
  '/nested/x~1y': { not: 'c' },
  '/ref': 'refs/heads/main',
  // A path leads into no list.
  '/groups/0': 'buyers',
}
const claimNames = Object.keys(vocabulary)
/** Of the presets' claims all are text, and rules must say so. */
const textNames = ['ref', 'env', 'event_name', 'owner_id']

/** One that tells somebody from somebody, as every rule must have, and perhaps another. */
function conditionsOn(names: readonly string[]): fc.Arbitrary<Match> {
  const wanted = names.flatMap((name) =>
    vocabulary[name]!.wanted.map((value): [string, Match[string]] => [name, value]),
  )
  const positive = wanted.filter(([, value]) => !(typeof value === 'object' && 'not' in value))
  return fc
    .tuple(
      fc.oneof(
        fc.constantFrom(...positive),
        fc.constantFrom<[string, Match[string]]>(['owner_id', '1'], ['env', 'production']),
      ),
      seldom(fc.constantFrom(...wanted, ...Object.entries(pointers))),
    )
    .map(([one, other]) => Object.fromEntries(other === undefined ? [one] : [other, one]))
}

const scopes: Readonly<Record<string, string[]>> = {
  api: ['admin', 'read', 'write'],
  ledger: ['post', 'read'],
  plain: [],
}
const grants = fc.uniqueArray(
  fc.constantFrom(...Object.keys(scopes)).chain((target) =>
    fc.record({
      target: fc.constant(target),
      ...(target === 'plain' ? {} : { scopes: fc.subarray(scopes[target]!, { minLength: 1 }) }),
      claims: fc.oneof(
        { weight: 4, arbitrary: fc.constant({}) },
        {
          weight: 1,
          arbitrary: fc.dictionary(fc.constantFrom('commit', 'where'), fc.constantFrom(...Object.keys(expressions)), {
            maxKeys: 2,
          }),
        },
      ),
      expires_with_subject: fc.constantFrom(false, false, false, true),
    }),
  ),
  { selector: ({ target }) => target, minLength: 1, maxLength: 2 },
)

/** Before, on and after the day of `policyNow`. */
const days = ['2026-06-14', '2026-06-15', '2026-06-16']
export const policyNow = Date.parse('2026-06-15T12:00:00Z') / 1_000

const ruleOf = (issuer: fc.Arbitrary<PolicyRule['issuer']>, names: readonly string[]): fc.Arbitrary<PolicyRule> =>
  fc.record({
    issuer,
    clients: seldom(fc.subarray(['app', 'cli'], { minLength: 1 })),
    expires: seldom(fc.constantFrom(...days)),
    mode: seldom(fc.constantFrom('enforce', 'shadow')),
    match: conditionsOn(names),
    when: seldom(fc.constantFrom(...Object.keys(expressions))),
    grant: grants,
  })
const rules = fc.oneof(
  ruleOf(fc.constantFrom('farm', 'press', ['farm', 'press']), claimNames),
  ruleOf(fc.constantFrom('hub', ['farm', 'press', 'hub']), textNames),
)

/** broker.yaml files. What the guardrails make of one is for its reader to find out. */
export const policyFiles: fc.Arbitrary<PolicyFile> = fc
  .record({
    rules: fc.array(rules, { minLength: 3, maxLength: 9 }),
    require: seldom(conditionsOn(claimNames)),
    lifetime: fc.constantFrom('60s', '15m', '1h'),
  })
  .map(({ rules, require, lifetime }) => ({
    version: 1,
    issuer: 'https://broker.test',
    issuers: {
      farm: { issuer: 'https://farm.test', ...(require ? { require } : {}) },
      press: { issuer: 'https://press.test' },
      hub: { preset: 'github-actions', require: { repository_owner_id: '1' } },
    },
    targets: Object.fromEntries(
      Object.entries(scopes).map(([name, scopes]) => [name, { audience: `https://${name}.test`, scopes, lifetime }]),
    ),
    rules: Object.fromEntries(rules.map((rule, index) => [`r${index}`, rule])),
    clients: { app: { type: 'public' }, cli: { type: 'public' } },
  }))

/** Mostly the first, which is what rules want most. Undefined is what JSON leaves out. */
const claimValues = (values: readonly unknown[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(values[0]) },
    { weight: 3, arbitrary: fc.constantFrom(...values) },
    { weight: 1, arbitrary: fc.constantFrom(null, undefined) },
  )

/** Callers of every issuer, with what they ask for: often nothing by name, which means all that is granted. */
export const callers: fc.Arbitrary<Caller> = fc.record({
  issuer: fc.constantFrom('farm', 'press', 'hub'),
  claims: fc
    .record({
      ...Object.fromEntries(Object.entries(vocabulary).map(([name, { values }]) => [name, claimValues(values)])),
      blocked: seldom(fc.constantFrom(true, false, null)),
      constructor: seldom(fc.constant('x')),
      repository_owner_id: fc.constantFrom('1', '1', '1', '2'),
    })
    .map((claims) => JSON.parse(JSON.stringify(claims)) as Claims),
  client_id: fc.constantFrom(undefined, undefined, 'app', 'cli'),
  audience: fc.oneof(
    fc.constant([]),
    fc.constantFrom(
      ['api'],
      ['ledger'],
      ['plain'],
      ['api', 'https://api.test'],
      ['api', 'ledger'],
      ['nothing'],
      ['x', 'api'],
    ),
  ),
  resource: fc.constantFrom([], [], [], [], [], [], ['https://api.test'], ['api'], ['https://ledger.test']),
  scope: fc.oneof(
    fc.constant(undefined),
    fc.constant(undefined),
    fc.uniqueArray(fc.constantFrom('read', 'read', 'write', 'admin', 'post', 'x'), { minLength: 1, maxLength: 2 }),
  ),
})

const globUnits = fc.constantFrom('a', 'b', '/', ':', '.', '?', '[', ']', '|', '^', '$', '\\', '+', '\n', 'é', '\ud83d')
export const globs = fc.string({
  unit: fc.oneof({ weight: 3, arbitrary: globUnits }, { weight: 1, arbitrary: fc.constant('*') }),
  maxLength: 12,
})

/** Texts that the glob should match: each * filled with a run that crosses nothing. */
export function textsOf(glob: string): fc.Arbitrary<string> {
  const [first = '', ...rest] = glob.split('*')
  const runs = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '\n'), maxLength: 4 }), {
    minLength: rest.length,
    maxLength: rest.length,
  })
  return runs.map((list) => first + list.map((run, index) => run + rest[index]).join(''))
}

/** The text with one character put in, or taken out. */
export function unlike(text: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat(text.length), fc.oneof(globUnits, fc.constant('')), fc.nat(1))
    .map(([at, character, taken]) => text.slice(0, at) + character + text.slice(at + taken))
}
