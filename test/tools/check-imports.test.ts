import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findImportProblems } from '../../tools/check-imports.ts'

for (const [title, file, text, expected] of [
  ['a layer that looks up', 'lib/tokens/a.ts', "import { decide } from '../trust/decide.ts'", /lib\/trust\/decide\.ts/],
  ['an adapter of another kind', 'lib/http/a.ts', "import { signer } from '../aws/signer.ts'", /lib\/aws\/signer\.ts/],
  ['a type that looks up', 'lib/protocol/a.ts', "import type { A } from '../tokens/a.ts'", /lib\/tokens\/a\.ts/],
  [
    'a page that answers',
    'lib/pages/a.ts',
    "import { page } from '../http/html-response.ts'",
    /lib\/http\/html-response/,
  ],
  ['a page that decides', 'lib/pages/a.ts', "import { decide } from '../trust/decide.ts'", /lib\/trust\/decide\.ts/],
  ['a re-export that looks up', 'lib/protocol/a.ts', "export { a } from '../tokens/a.ts'", /lib\/tokens\/a\.ts/],
  [
    'an import over several lines',
    'lib/grants/a.ts',
    "import {\n  a,\n  b,\n} from '../aws/clients.ts'",
    /lib\/aws\/clients\.ts/,
  ],
  ['an import for its effect', 'lib/trust/a.ts', "import '../aws/log.ts'", /lib\/aws\/log\.ts/],
  ['a dynamic import', 'lib/trust/a.ts', "const a = await import('../aws/log.ts')", /lib\/aws\/log\.ts/],
  [
    'an AWS client in a pure layer',
    'lib/grants/a.ts',
    "import { KMSClient } from '@aws-sdk/client-kms'",
    /@aws-sdk\/client-kms/,
  ],
  ['zod in a function', 'functions/token.ts', "import * as z from 'zod'", /package zod/],
  [
    'configuration at run time',
    'functions/token.ts',
    "import { compile } from '../lib/config/compile.ts'",
    /lib\/config/,
  ],
  ['the environment in a pure layer', 'lib/trust/a.ts', 'const a = process.env.A', /process/],
  ['the clock in a pure layer', 'lib/grants/a.ts', 'const now = Date.now()', /Date/],
  ['the network in a pure layer', 'lib/tokens/a.ts', 'await fetch(uri)', /fetch/],
  ['a barrel', 'lib/trust/all.ts', "export * from './decide.ts'", /barrel/],
  ['an enum', 'lib/trust/mode.ts', 'export enum Mode { A }', /enum/],
  ['a dumping ground', 'lib/http/utils.ts', '', /its name/],
  ['a folder nobody knows', 'src/a.ts', '', /no layer/],
] as const) {
  test(`${title} is found, and the file named`, () => {
    const problems = findImportProblems(new Map([[file, text]]))
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0]!, expected)
    assert.ok(problems[0]!.startsWith(`${file}: `))
  })
}

test('what the layers allow, and what only comments say, passes', () => {
  const files = new Map([
    ['lib/grants/a.ts', "import { decide } from '../trust/decide.ts'\n// Date.now() is not for us\n/* fetch(it) */"],
    ['lib/tokens/b.ts', "import { FlattenedSign } from 'jose'\nimport type { KeySets } from '../ports.ts'"],
    ['lib/http/c.ts', "import { request } from 'node:https'\nconst url = 'https://x.test'"],
  ])
  assert.deepEqual(findImportProblems(files), [])
})
