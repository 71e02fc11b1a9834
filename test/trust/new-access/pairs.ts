import fc from 'fast-check'
import { TOKEN_EXCHANGE_GRANT } from '../../../lib/protocol/urns.ts'
import type { Condition, Configuration, Operator, Rule, RuleGrant, Scalar } from '../../../lib/trust/configuration.ts'
import { configuration, farm, grant } from '../policy-fixture.ts'

// Pairs of small configurations, and every token and request that could tell them apart.

export const now = 1_000
const ends = [500, 2_000, 3_000]

const texts = ['x', 'y', 'xy', 'x/y', 'yx', '']
const globs = ['*', 'x*', '*y', 'x*y', 'xy*', '*x*', 'x/*', '*/y', '*/*', 'y', 'x']
const scalars: Scalar[] = [...texts, 1, true, false]
const events = ['push', 'fork', 'watch']

const listOf = <T>(...values: readonly T[]) => fc.subarray([...values], { minLength: 1, maxLength: 3 })
const operators: fc.Arbitrary<Operator> = fc.oneof(
  listOf(...scalars).map((equals) => ({ equals })),
  { weight: 2, arbitrary: fc.constantFrom(...globs).map((glob) => ({ glob })) },
  fc.constantFrom<Scalar>('x', 'y', 1).map((contains) => ({ contains })),
  listOf(...scalars).map((not) => ({ not })),
)
const named =
  (path: readonly string[]) =>
  (operator: Operator): Condition => ({ key: path.join('/'), path, operator })
const conditions: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 4, arbitrary: operators.map(named(['a'])) },
  { weight: 1, arbitrary: operators.map(named(['a', 'b'])) },
  {
    weight: 2,
    arbitrary: fc
      .oneof(
        listOf(...events).map((equals) => ({ equals })),
        listOf(...events).map((not) => ({ not })),
        fc.constantFrom('p*', 'f*', 'w*').map((glob) => ({ glob })),
      )
      .map(named(['event_name'])),
  },
)
const matches = fc.array(conditions, { minLength: 1, maxLength: 3 })

const grants: fc.Arbitrary<RuleGrant[]> = fc
  .uniqueArray(
    fc.record({
      target: fc.constantFrom('api', 'api', 'plain'),
      scopes: fc.subarray(['read', 'write'], { minLength: 1 }),
      expires_with_subject: fc.constantFrom(false, false, true),
    }),
    { selector: ({ target }) => target, minLength: 1, maxLength: 2 },
  )
  .map((list) =>
    list.map(({ target, scopes, ...terms }) => grant(target, { ...terms, scopes: target === 'api' ? scopes : [] })),
  )

const seldom = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })

const rules: fc.Arbitrary<Omit<Rule, 'name'>> = fc
  .record({
    clients: seldom(fc.subarray(['app', 'cli'], { minLength: 1 })),
    expires_at: seldom(fc.constantFrom(...ends)),
    mode: fc.constantFrom<Rule['mode']>('enforce', 'enforce', 'enforce', 'shadow'),
    match: matches,
    when: seldom(fc.constantFrom({ path: ['a'] }, { path: ['a', 'b'] })),
    grant: grants,
  })
  .map(({ clients, expires_at, when, ...rule }) => ({
    issuers: ['farm'],
    ...rule,
    ...(clients ? { clients } : {}),
    ...(expires_at === undefined ? {} : { expires_at }),
    ...(when ? { when } : {}),
  }))

interface Shape {
  rules: readonly Omit<Rule, 'name'>[]
  require: readonly Condition[]
  hub: boolean
  lifetime: number
  clients: readonly string[]
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  rules: fc.array(rules, { minLength: 1, maxLength: 4 }),
  require: seldom(fc.array(conditions, { minLength: 1, maxLength: 1 })).map((list) => list ?? []),
  hub: fc.constantFrom(false, false, true),
  lifetime: fc.constantFrom(900, 900, 900, 1_800),
  clients: fc.constantFrom(['app', 'cli'], ['app', 'cli'], ['app', 'cli'], ['app'], []),
})

/** One change to one rule, as a pull request makes it. */
const changes: fc.Arbitrary<(rules: Shape['rules']) => Shape['rules']> = fc.oneof(
  fc.nat().map((at) => (list: Shape['rules']) => list.toSpliced(at % list.length, 1)),
  rules.map((rule) => (list: Shape['rules']) => [...list, rule]),
  fc
    .tuple(fc.nat(), rules, fc.constantFrom('match', 'grant', 'mode', 'clients', 'expires_at', 'when' as const))
    .map(([at, { match, grant, mode, ...rest }, key]) => (list: Shape['rules']) => {
      const { [key]: _, ...old } = list[at % list.length]! as Record<string, unknown>
      const other = { match, grant, mode, ...rest } as Record<string, unknown>
      return list.with(at % list.length, { ...old, ...(key in other ? { [key]: other[key] } : {}) } as never)
    }),
  // Split in two, of which one may be lost.
  fc.tuple(fc.nat(), conditions, fc.boolean()).map(([at, condition, both]) => (list: Shape['rules']) => {
    const rule = list[at % list.length]!
    const { operator } = condition
    const opposite: Condition | undefined =
      'equals' in operator
        ? { ...condition, operator: { not: operator.equals } }
        : 'not' in operator
          ? { ...condition, operator: { equals: operator.not } }
          : undefined
    const narrowed = { ...rule, match: [...rule.match, condition] }
    const others = both && opposite ? [{ ...rule, match: [...rule.match, opposite] }] : []
    return [...list.toSpliced(at % list.length, 1), narrowed, ...others]
  }),
)

export const pairs: fc.Arbitrary<{ before: Configuration; after: Configuration }> = fc
  .tuple(
    shapes,
    shapes,
    fc.array(changes, { maxLength: 2 }),
    fc.constantFrom(0, 1, 1, 1, 1, 1),
    seldom(fc.constant(true)),
  )
  .map(([one, other, edits, alike, reshaped]) => {
    const edited = edits.reduce<Shape['rules']>((list, edit) => (list.length > 0 ? edit(list) : list), one.rules)
    const changed =
      alike === 0
        ? other
        : {
            ...one,
            rules: edited,
            ...(reshaped ? { require: other.require, lifetime: other.lifetime, clients: other.clients } : {}),
          }
    return { before: toConfiguration(one), after: toConfiguration(changed) }
  })

function toConfiguration({ rules, require, hub, lifetime, clients }: Shape): Configuration {
  const plain = configuration([])
  return {
    ...plain,
    issuers: { farm: { ...farm, require, ...(hub ? { preset: 'github-actions' as const } : {}) } },
    targets: { ...plain.targets, api: { audience: 'https://api.test', scopes: ['read', 'write'], lifetime } },
    rules: rules.map((rule, index) => ({ name: `r${index}`, ...rule })),
    clients: Object.fromEntries(
      clients.map((id) => [id, { type: 'public' as const, grants: [TOKEN_EXCHANGE_GRANT], introspect: [] }]),
    ),
  }
}

/** All texts of these characters up to three: two that the files name, one separator, and one that they do not name. */
function allTexts(): string[] {
  const characters = ['x', 'y', '/', 'z']
  const longer = (list: readonly string[]) => list.flatMap((text) => characters.map((character) => text + character))
  const one = longer([''])
  const two = longer(one)
  return ['', ...one, ...two, ...longer(two)]
}

const lists = [[], ['x'], ['y'], [1], ['x', 'y'], ['x', 1], ['y', 1], ['x', 'y', 1]]
const simple = [undefined, ...allTexts(), 1, 2, true, false, ...lists]
const values = [...simple, {}, ...simple.map((b) => ({ b }))]

export interface Point {
  claims: Record<string, unknown>
  client_id: string | undefined
  at: number
}

/** Of what neither file asks for, one is as good as another. */
export function* pointsOf({ before, after }: { before: Configuration; after: Configuration }): Generator<Point> {
  const all = [...before.rules, ...after.rules]
  const both = JSON.stringify([all, before.issuers, after.issuers])
  const nested = both.includes('["a","b"]')
  const listed = both.includes('"contains"')
  const as = values.filter(
    (value) => nested || typeof value !== 'object' || (Array.isArray(value) && (listed || value.length === 0)),
  )
  const names =
    both.includes('event_name') || both.includes('preset')
      ? [undefined, 'push', 'fork', 'watch', 'pzz', 'fzz', 'wzz', 'zzz', 1]
      : [undefined]
  const clients = [undefined, ...Object.keys(after.clients)]
  const times = [now, ...new Set(all.flatMap(({ expires_at = 0 }) => (expires_at > now ? [expires_at] : [])))]
  for (const a of as)
    for (const event_name of names)
      for (const client_id of clients) for (const at of times) yield { claims: { a, event_name }, client_id, at }
}
