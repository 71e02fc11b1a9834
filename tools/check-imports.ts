import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What files under one path may import: our own paths (a folder ends with `/`), and packages (`node:` for Node's own, a scope with its `/`). */
interface Layer {
  path: string
  ours: readonly string[]
  packages: readonly string[] | 'any'
  /** Words that must not occur: what would make a pure layer impure. */
  without?: readonly RegExp[]
}

const impure = [/\bprocess\.env\b/, /\bDate\.now\b/, /\bnew Date\(\)/, /\bfetch\(/, /\bMath\.random\b/]
const pure = ['lib/protocol/', 'lib/tokens/', 'lib/trust/']

/** The one direction of imports. The first layer whose path begins a file's path holds for it. */
export const layers: readonly Layer[] = [
  { path: 'lib/protocol/', ours: ['lib/protocol/'], packages: [], without: impure },
  {
    path: 'lib/tokens/',
    ours: ['lib/protocol/', 'lib/tokens/', 'lib/ports.ts'],
    packages: ['node:crypto', 'jose'],
    without: impure,
  },
  { path: 'lib/trust/', ours: pure, packages: ['@bufbuild/cel'], without: impure },
  {
    path: 'lib/grants/',
    ours: [...pure, 'lib/grants/', 'lib/ports.ts', 'lib/deadlines.ts'],
    packages: [],
    without: impure,
  },
  {
    path: 'lib/pages/',
    ours: ['lib/protocol/', 'lib/pages/', 'lib/trust/configuration.ts'],
    packages: ['node:crypto', 'hono/html'],
    without: impure,
  },
  {
    path: 'lib/login/',
    ours: [...pure, 'lib/grants/', 'lib/login/', 'lib/ports.ts'],
    packages: ['node:crypto'],
    without: impure,
  },
  {
    path: 'lib/logout/',
    ours: [...pure, 'lib/grants/', 'lib/login/', 'lib/logout/', 'lib/ports.ts'],
    packages: [],
    without: impure,
  },
  {
    path: 'lib/registration/',
    ours: [...pure, 'lib/registration/', 'lib/ports.ts'],
    packages: [],
    without: impure,
  },
  { path: 'lib/ports.ts', ours: ['lib/protocol/'], packages: [] },
  { path: 'lib/deadlines.ts', ours: [], packages: [], without: impure },
  { path: 'lib/last-known.ts', ours: ['lib/protocol/', 'lib/ports.ts'], packages: [], without: impure },
  {
    path: 'lib/aws/',
    ours: ['lib/protocol/', 'lib/aws/', 'lib/ports.ts', 'lib/deadlines.ts', 'lib/last-known.ts'],
    packages: [
      'node:crypto',
      'node:http',
      'node:https',
      'node:timers/promises',
      '@aws-sdk/client-dynamodb',
      '@aws-sdk/client-kms',
      '@aws-sdk/client-secrets-manager',
      '@aws-sdk/client-sqs',
      '@aws-sdk/client-sts',
      '@aws-lambda-powertools/',
      'aws-lambda',
    ],
  },
  {
    path: 'lib/http/',
    ours: ['lib/protocol/', 'lib/http/', 'lib/ports.ts', 'lib/deadlines.ts', 'lib/last-known.ts'],
    packages: ['node:', 'aws-lambda', '@middy/http-security-headers', 'openid-client'],
  },
  { path: 'lib/config/included-files.ts', ours: ['lib/config/', 'lib/trust/'], packages: ['node:fs', 'node:path'] },
  { path: 'lib/config/file-below.ts', ours: ['lib/config/'], packages: ['node:fs', 'node:path'] },
  { path: 'lib/config/logo-file.ts', ours: ['lib/config/'], packages: ['node:path'] },
  {
    path: 'lib/config/',
    ours: [...pure, 'lib/config/'],
    packages: ['node:crypto', 'zod', 'yaml', '@bufbuild/cel'],
    without: impure,
  },
  { path: 'lib/environment.ts', ours: [...pure, 'lib/ports.ts'], packages: [], without: impure },
  {
    path: 'functions/',
    ours: [
      ...pure,
      'lib/grants/',
      'lib/login/',
      'lib/logout/',
      'lib/pages/',
      'lib/registration/',
      'lib/aws/',
      'lib/http/',
      'lib/ports.ts',
      'lib/deadlines.ts',
      'lib/environment.ts',
    ],
    packages: ['#config', 'node:crypto', '@middy/core', 'aws-lambda'],
  },
  { path: 'infra/', ours: ['infra/', 'lib/config/', ...pure, 'lib/environment.ts'], packages: 'any' },
  { path: 'local/', ours: ['local/', 'lib/', 'functions/', 'client/', 'infra/function-names.ts'], packages: 'any' },
  { path: 'verify/', ours: ['verify/', 'lib/protocol/', 'lib/tokens/'], packages: ['jose', 'node:', 'aws-lambda'] },
  { path: 'client/', ours: ['client/', 'lib/protocol/'], packages: ['node:'] },
  { path: 'action/', ours: ['action/', 'client/', 'lib/protocol/'], packages: ['node:'] },
  { path: 'cli/', ours: ['cli/', 'client/', 'lib/', 'local/'], packages: 'any' },
  {
    path: 'test/',
    ours: ['test/', 'lib/', 'functions/', 'local/', 'infra/', 'client/', 'action/', 'cli/', 'verify/', 'tools/'],
    packages: 'any',
  },
  {
    path: 'bench/',
    ours: ['bench/', 'lib/', 'functions/', 'local/', 'infra/', 'cli/', 'verify/', 'test/'],
    packages: 'any',
  },
  { path: 'tools/', ours: ['tools/', 'lib/', 'local/', 'infra/', 'test/', 'bench/'], packages: 'any' },
]

/** Names of folders and files that would gather whatever has no place. */
const dumpingGround = /(?:^|\/)(?:utils?|helpers?|common|misc|shared)(?:\/|\.ts$)/

const constructs = [
  [/^export\s+\*\s+from/m, 'a barrel: import from the file that holds it'],
  [/^(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s/m, 'an enum: use a union of literals'],
] as const

const imports =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*(?:['"]([^'"]+)['"]|`([^`$]*))/g

/** What breaks the rules of the tree, each as `file: what, and what to do`. `files` maps paths from the root to their text. */
export function findImportProblems(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([file, text]) => {
    const code = withoutComments(text)
    const layer = layers.find(({ path }) => file.startsWith(path))
    if (layer === undefined) return [`${file}: belongs to no layer of tools/check-imports.ts`]
    const imported = [...code.matchAll(imports)].map(([, ...names]) => names.find((name) => name !== undefined) ?? '')
    return [
      ...(dumpingGround.test(file) ? ['its name says nothing: name it for what it holds'] : []),
      ...constructs.filter(([pattern]) => pattern.test(code)).map(([, problem]) => problem),
      ...(layer.without ?? [])
        .filter((word) => word.test(code))
        .map((word) => `${layer.path} must not use ${word.source}: it comes in through a port`),
      ...imported.flatMap((name) => importProblem(name, file, layer)),
    ].map((problem) => `${file}: ${problem}`)
  })
}

function importProblem(name: string, file: string, layer: Layer): string[] {
  if (name.startsWith('.')) {
    const target = posix.join(posix.dirname(file), name)
    return layer.ours.some((path) => target.startsWith(path)) ? [] : [`${layer.path} must not import ${target}`]
  }
  if (layer.packages === 'any') return []
  const allowed = layer.packages.some((known) => name === known || (/[:/]$/.test(known) && name.startsWith(known)))
  return allowed ? [] : [`${layer.path} must not import the package ${name}`]
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1')
}

if (import.meta.main) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const names = globSync('{lib,functions,infra,local,client,action,cli,test,bench,tools,verify}/**/*.ts', { cwd: root })
  const problems = findImportProblems(
    new Map(names.map((name) => [name.replaceAll('\\', '/'), readFileSync(join(root, name), 'utf8')])),
  )
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
