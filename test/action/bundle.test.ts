import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { inputNames } from '../../action/inputs.ts'
import { actionBundle } from '../../tools/build-action.ts'

const root = new URL('../../', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, root), 'utf8')

interface Action {
  inputs: Record<string, { description: string; required?: boolean }>
  outputs: Record<string, { description: string }>
  runs: { using: string; main: string }
}

const action = parse(read('action.yml')) as Action

test('the committed bundle is its source’s: else npm run action', async () => {
  assert.ok((await actionBundle()) === read('action/dist/index.js'), 'run npm run action, and commit what it writes')
})

test('the bundle is one file, and needs no package', () => {
  const imported = [...read('action/dist/index.js').matchAll(/^import .* from "([^"]+)";$|\b(?:require|import)\(/gm)]
  assert.ok(imported.length > 0)
  for (const [text, name] of imported) assert.match(name ?? text, /^node:/)
})

test('action.yml names the bundle, and the inputs that are read', () => {
  assert.equal(action.runs.using, 'node24')
  assert.ok(existsSync(new URL(action.runs.main, root)))
  assert.deepEqual(new Set(Object.keys(action.inputs)), new Set(inputNames))
  const required = Object.entries(action.inputs).filter(([, { required }]) => required)
  assert.deepEqual(
    required.map(([name]) => name),
    ['broker', 'target'],
  )
  assert.deepEqual(Object.keys(action.outputs), ['token', 'expiration'])
})
