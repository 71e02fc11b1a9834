import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

// The plans of the OpenID Foundation's suite for what the broker is, each with its modules.
const plans = JSON.parse(read('openid-suite-modules.json')) as { plan: string; name: string; modules: string[] }[]

interface Row {
  module: string
  here: string
  where: string
}

const [, page = ''] = read('../../docs/conformance.md').split("## The OpenID suite's modules")

/** The table below a plan's heading. */
function rowsOf({ plan, name }: { plan: string; name: string }): Row[] {
  const [, below = ''] = page.split(`\n### ${plan}\n`)
  const [section = ''] = below.split('\n### ')
  assert.ok(section.includes(`\`${name}\``), `${plan} says its name`)
  return [...section.matchAll(/^\| `([\w-]+)` +\| ([a-z ]+?) +\| (.*?) +\|$/gm)].map(
    ([, module = '', here = '', where = '']) => ({ module, here, where }),
  )
}

/** Each test that a row names, with its file. */
function testsIn(where: string): { file: string; title: string }[] {
  const tests: { file: string; title: string }[] = []
  let file = ''
  for (const [, named, title] of where.matchAll(/`([\w-]+\.test\.ts)`|“([^”]+)”/g))
    if (named !== undefined) file = named
    else tests.push({ file, title: title ?? '' })
  return tests
}

for (const plan of plans)
  test(`${plan.plan}: each of its ${plan.modules.length} modules is there once, in the suite's order`, () => {
    const rows = rowsOf(plan)
    assert.deepEqual(
      rows.map(({ module }) => module),
      plan.modules,
    )
    for (const { module, here, where } of rows) {
      assert.match(here, /^(covered|not applicable|missing)$/, module)
      assert.notEqual(where, '', module)
    }
  })

test('whatever is covered names tests that there are', () => {
  for (const plan of plans)
    for (const { module, where } of rowsOf(plan).filter(({ here }) => here === 'covered')) {
      const tests = testsIn(where)
      assert.ok(tests.length > 0, `${plan.plan}: ${module} names no test`)
      for (const { file, title } of tests) {
        assert.ok(existsSync(new URL(file, import.meta.url)), `${module}: there is no ${file}`)
        const quoted = [`'${title}'`, `"${title}"`, `\`${title}\``]
        const source = read(file)
        assert.ok(
          quoted.some((each) => source.includes(each)),
          `${module}: ${file} has no test “${title}”`,
        )
      }
    }
})

test('nothing is missing', () => {
  for (const plan of plans) for (const { module, here } of rowsOf(plan)) assert.notEqual(here, 'missing', module)
})

test('the counts are those of the tables', () => {
  const rows = plans.flatMap(rowsOf)
  const count = (here: string) => rows.filter((row) => row.here === here).length
  assert.equal(rows.length, plans.flatMap(({ modules }) => modules).length)
  const line = /^covered (\d+), not applicable (\d+), missing (\d+)$/m.exec(page)?.slice(1).map(Number)
  assert.deepEqual(line, [count('covered'), count('not applicable'), count('missing')])
})
