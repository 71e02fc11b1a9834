import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs what AWS SDKs must make of GET /credentials/{target} with botocore: the one that is there, or one from pip, in a folder of its own. */
const python = process.env.TEST_PYTHON ?? 'python3'
/** What it is installed as where none is there. The tests hold for older ones too. */
const version = '1.43.11'

const directory = mkdtempSync(join(tmpdir(), 'token-broker-botocore-'))
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const { error, status } = run(python, '--version')
if (error || status !== 0) skip(`botocore needs Python 3, and there is no ${python}`)
const found = findBotocore() ?? installBotocore()
process.stdout.write(`botocore ${found.version}\n`)
const tests = spawnSync(process.execPath, ['--test', 'test/clients/container-credentials-botocore.ts'], {
  stdio: 'inherit',
  env: { ...process.env, TEST_PYTHON: python, PYTHONPATH: found.path },
})
process.exit(tests.status ?? 1)

interface Botocore {
  version: string
  path: string
}

function findBotocore(): Botocore | undefined {
  const { status, stdout } = run(python, '-c', 'import botocore; print(botocore.__version__)')
  return status === 0 ? { version: stdout.trim(), path: process.env.PYTHONPATH ?? '' } : undefined
}

function installBotocore(): Botocore {
  const { status, stderr } = run(
    python,
    '-m',
    'pip',
    'install',
    '--quiet',
    '--target',
    directory,
    `botocore==${version}`,
  )
  if (status === 0) return { version, path: directory }
  return skip(`${python} has no botocore, and pip could not install it: ${stderr.trim().split('\n').at(-1)}`)
}

function run(command: string, ...args: string[]) {
  return spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 })
}

function skip(reason: string): never {
  process.stdout.write(`skipped: ${reason}\n`)
  process.exit(0)
}
