import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build, type Metafile } from 'esbuild'

let bytes: number
let output: Metafile['outputs'][string]

/** What a function that verifies has to carry. */
before(async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL('../../verify/access-token.ts', import.meta.url))],
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    write: false,
    metafile: true,
  })
  bytes = outputFiles[0]?.contents.length ?? 0
  output = Object.values(metafile.outputs)[0] as typeof output
})

test('it has at most 40 KiB, jose included', () => {
  assert.ok(bytes > 10 * 1024 && bytes <= 40 * 1024, `it has ${(bytes / 1024).toFixed(1)} KiB`)
})

test('jose is the only package in it, and node:crypto all that it needs of Node’s modules', () => {
  const packages = Object.keys(output.inputs).flatMap(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
  )
  assert.deepEqual([...new Set(packages)], ['jose'])
  assert.deepEqual(
    output.imports.map(({ path }) => path),
    ['node:crypto'],
  )
})
