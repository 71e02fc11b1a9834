import { Stryker } from '@stryker-mutator/core'

const usage = `npm run test:mutation [-- PATH...]

Changes lib/trust, lib/tokens, lib/config, lib/grants, lib/login, lib/logout and lib/aws in every small way Stryker knows,
one change at a time, and runs the tests against each: a change that no test notices is printed. PATH is one of these folders, or a file in one of them;
without it, all of them are done, in more than an hour.

Exit codes: 0 each folder's tests notice the share they must, 1 they do not, 2 wrong usage
`

/** Of a folder's mutants, `floor` percent at least must be killed by `tests`. */
interface Tree {
  path: string
  tests: readonly string[]
  floor: number
}

const trees: readonly Tree[] = [
  { path: 'lib/trust', tests: ['test/trust/*.test.ts', 'test/config/*.test.ts'], floor: 90 },
  { path: 'lib/tokens', tests: ['test/tokens/*.test.ts'], floor: 90 },
  { path: 'lib/config', tests: ['test/config/*.test.ts'], floor: 85 },
  { path: 'lib/grants', tests: ['test/grants/!(races|interleavings).test.ts'], floor: 85 },
  { path: 'lib/login', tests: ['test/login/*.test.ts'], floor: 85 },
  { path: 'lib/logout', tests: ['test/logout/*.test.ts'], floor: 85 },
  { path: 'lib/aws', tests: ['test/aws/*.test.ts', 'test/contracts/*.test.ts'], floor: 75 },
]

process.exitCode = await main(process.argv.slice(2))

async function main(paths: readonly string[]): Promise<number> {
  if (paths.length > 0 && !paths.every((path) => trees.some((tree) => isIn(tree, path)))) {
    process.stderr.write(usage)
    return 2
  }
  for (const tree of trees) {
    const asked = paths.length === 0 ? [tree.path] : paths.filter((path) => isIn(tree, path))
    if (asked.length > 0) await mutate(tree, asked)
  }
  // Stryker sets it where a floor is not reached.
  return Number(process.exitCode ?? 0)
}

function isIn({ path: folder }: Tree, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

async function mutate({ tests, floor }: Tree, paths: readonly string[]): Promise<void> {
  const stryker = new Stryker({
    mutate: paths.map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.ts`)),
    testRunner: 'tap',
    // One process a test file, with the hook that turns the mutant on.
    tap: {
      testFiles: [...tests],
      nodeArgs: ['--test-reporter=tap', '-r', '{{hookFile}}', '{{testFile}}'],
      forceBail: true,
    },
    coverageAnalysis: 'perTest',
    // TypeScript 7 has no API for Stryker to rewrite tsconfig.json by; Node strips types without one.
    tsconfigFile: 'none.json',
    disableTypeChecks: false,
    ignorePatterns: ['cdk.out', '.token-broker', '.stryker-tmp'],
    tempDirName: `.stryker-tmp/${process.pid}`,
    concurrency: 2,
    reporters: ['progress-append-only', 'clear-text'],
    clearTextReporter: { allowColor: false, allowEmojis: false, logTests: false, reportTests: false },
    thresholds: { high: floor, low: floor, break: floor },
  })
  await stryker.runMutationTest()
}
