import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

// Two files at once also where there are two cores: a test file waits for processes of its own more than it computes.
const concurrency = Math.max(2, availableParallelism() - 1)
const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-timeout=120000',
    `--test-concurrency=${concurrency}`,
    ...process.argv.slice(2),
    'test/**/*.test.ts',
  ],
  { stdio: 'inherit' },
)
process.exitCode = status ?? 1
