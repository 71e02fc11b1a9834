import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { noJob } from '../cli/job-environment.ts'
import { readAsRunner, readRunnerFile, type RunnerLog } from './runner.ts'

const bundle = fileURLToPath(new URL('../../action/dist/index.js', import.meta.url))
const parent = mkdtempSync(join(tmpdir(), 'token-broker-action-'))
after(() => rmSync(parent, { recursive: true }))

export interface ActionRun {
  code: number | null
  stdout: string
  stderr: string
  log: RunnerLog
  outputs: Record<string, string>
  /** For the steps that follow. */
  variables: Record<string, string>
}

/** The committed bundle with these inputs, as the runner starts it: each input is a variable, dashes and all. */
export async function runAction(
  inputs: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<ActionRun> {
  const folder = mkdtempSync(join(parent, 'step-'))
  const [outputFile = '', variableFile = ''] = ['output', 'env'].map((name) => {
    writeFileSync(join(folder, name), '')
    return join(folder, name)
  })
  const given = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])
  const child = spawn(process.execPath, [bundle], {
    env: {
      ...process.env,
      ...noJob,
      GITHUB_ACTIONS: 'true',
      GITHUB_OUTPUT: outputFile,
      GITHUB_ENV: variableFile,
      ...Object.fromEntries(given),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return {
    code,
    stdout,
    stderr,
    log: readAsRunner(stdout),
    outputs: readRunnerFile(readFileSync(outputFile, 'utf8')),
    variables: readRunnerFile(readFileSync(variableFile, 'utf8')),
  }
}
