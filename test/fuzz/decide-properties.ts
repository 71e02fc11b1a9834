import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compile } from '../../lib/config/compile.ts'
import { ConfigurationError } from '../../lib/config/findings.ts'
import type { Configuration } from '../../lib/trust/configuration.ts'
import { decide, type Decision } from '../../lib/trust/decide.ts'
import { globMatches } from '../../lib/trust/glob.ts'
import { toPolicy, type Policy } from '../../lib/trust/policy.ts'
import { subject } from '../trust/policy-fixture.ts'
import { callers, globs, policyFiles, policyNow, textsOf, unlike } from './policy-arbitraries.ts'
import type { Property } from './endpoint-properties.ts'
import { entitlement, naiveGlob, type Caller, type PolicyFile } from './policy-model.ts'

const manyCallers = fc.array(callers, { minLength: 8, maxLength: 8 })

export function decideProperties(): Property[] {
  return [
    {
      title: 'what is granted is what the rules give, and no more',
      runs: 500,
      property: fc.asyncProperty(policyFiles, manyCallers, async (file, callers) => {
        const policy = await toPolicy(compiled(file), file.issuer)
        for (const caller of callers)
          assert.deepEqual(granted(ask(policy, caller)), entitlement(file, caller, policyNow), JSON.stringify(caller))
      }),
    },
    {
      title: 'one more rule takes nothing away, unless by ambiguity',
      runs: 300,
      property: fc.asyncProperty(policyFiles, manyCallers, fc.nat(), async (file, callers, pick) => {
        const full = compiled(file)
        const more = await toPolicy(full, file.issuer)
        const less = await toPolicy({ ...full, rules: full.rules.toSpliced(pick % full.rules.length, 1) }, file.issuer)
        for (const caller of callers) {
          const before = granted(ask(less, caller))
          const decision = ask(more, caller)
          const after = granted(decision)
          if (before === undefined) continue
          if (after === undefined) assert.ok(isAmbiguous(decision, caller), JSON.stringify([caller, decision]))
          else {
            assert.deepEqual({ ...after, scopes: [], rules: [] }, { ...before, scopes: [], rules: [] })
            assert.deepEqual(
              before.scopes.filter((scope) => !after.scopes.includes(scope)),
              [],
            )
          }
        }
      }),
    },
    {
      title: 'the order of the rules decides nothing',
      runs: 200,
      property: fc.asyncProperty(policyFiles, manyCallers, fc.nat(), async (file, callers, turn) => {
        const turned = <T>(list: readonly T[]) => [
          ...list.slice(turn % list.length),
          ...list.slice(0, turn % list.length),
        ]
        const configuration = compiled(file)
        const reordered = { ...file, rules: Object.fromEntries(turned(Object.entries(file.rules)).toReversed()) }
        assert.deepEqual(compiled(reordered), configuration)
        const one = await toPolicy(configuration, file.issuer)
        const other = await toPolicy({ ...configuration, rules: turned(configuration.rules).toReversed() }, file.issuer)
        for (const caller of callers) assert.deepEqual(outcome(ask(one, caller)), outcome(ask(other, caller)))
      }),
    },
    {
      title: 'a glob matches what a reader of the design would say',
      runs: 10_000,
      property: fc.property(
        globs.chain((glob) => fc.tuple(fc.constant(glob), fc.oneof(textsOf(glob), textsOf(glob).chain(unlike)))),
        ([glob, text]) => assert.equal(globMatches(glob, text), naiveGlob(glob, text)),
      ),
    },
    {
      title: 'a glob never crosses a separator',
      runs: 5_000,
      property: fc.property(globs, globs, (glob, text) => {
        const separators = (of: string) => of.replaceAll(/[^/:]/g, '')
        if (globMatches(glob, text)) assert.equal(separators(text), separators(glob))
      }),
    },
    {
      title: 'without a * a glob is the text itself',
      runs: 5_000,
      property: fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
        const literal = one.replaceAll('*', '.')
        assert.ok(globMatches(literal, literal))
        assert.equal(globMatches(literal, other), literal === other)
        assert.equal(globMatches(`${literal}*`, other), naiveGlob(`${literal}*`, other))
      }),
    },
  ]
}

/** Files that `check` refuses do not count. */
export function compiled(file: PolicyFile): Configuration {
  try {
    return compile(JSON.stringify(file), 'fuzz.yaml', { now: policyNow }).configuration
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    fc.pre(false)
    throw error
  }
}

function ask(policy: Policy, { issuer, claims, ...request }: Caller): Decision {
  return decide({ subject: subject(claims, policy.configuration.issuers[issuer]), ...request }, policy, policyNow)
}

function granted(decision: Decision) {
  if (!('granted' in decision)) return undefined
  assert.ok('scopes' in decision.granted)
  return { ...decision.granted, scopes: decision.granted.scopes.toSorted() }
}

/** Two rules that differ in their terms, or nothing named while two targets are to be had. */
function isAmbiguous(decision: Decision, { audience, resource }: Caller): boolean {
  if (!('refused' in decision)) return false
  const { refused } = decision
  if (refused.reason === 'ambiguous_rules') return refused.rules.length > 1
  return refused.reason === 'target_not_named' && audience.length + resource.length === 0 && refused.granted.length > 1
}

function outcome(decision: Decision): unknown {
  return granted(decision) ?? ('refused' in decision ? decision.refused.reason : undefined)
}
