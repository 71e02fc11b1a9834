import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { bundleFunctions } from '../infra/bundle.ts'
import { writeFunctionCode } from '../infra/function-code.ts'
import type { FunctionName } from '../infra/function-names.ts'
import { compile } from '../lib/config/compile.ts'
import type { Configuration } from '../lib/trust/configuration.ts'
import { startWorld } from '../local/world.ts'
import { bundleInMemory } from './bundle-in-memory.ts'
import { costOfExchange } from './cost.ts'
import { answerTo, load, paced, post, type Destination } from './load.ts'
import { prices } from './prices.ts'
import { revocationDelays } from './revocation.ts'
import { buildServers, startProcess, type Process } from './server-process.ts'
import type { Usage } from './servers/serve.ts'
import type { VerifyOffline } from './servers/verify-offline.ts'
import type { Standins } from './servers/standins.ts'
import { asResourceServer, workload } from './workload.ts'

const usage = `npm run bench [-- --json] [-- --quick]

Measures every budget of the design on this machine, beside bare node:http with jose and oidc-provider 9 with a token exchange
grant. Takes about two minutes. What counts is the ratio of two figures of one run: the figures themselves are this machine's.

  --json    one JSON document
  --quick   fewer requests and rounds, to see that it runs

Exit codes: 0 measured, whatever the figures; 2 wrong usage`

interface Row {
  what: string
  measured: string
  budget: string
  within: boolean
}

const { json, quick } = readOptions()
const rounds = quick ? 1 : 5
const requests = quick ? 200 : 2_000

const directory = mkdtempSync(join(tmpdir(), 'token-broker-bench-'))
const [bundles, inMemoryBundles] = [join(directory, 'bundles'), join(directory, 'in-memory')]
const work = await workload()
const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' })
/** For the servers that ask no AWS. */
const inMemory = {
  BENCH_ISSUER_JWK: JSON.stringify(work.jwk),
  BENCH_PRIVATE_KEY: String(signing.privateKey.export({ format: 'pem', type: 'pkcs8' })),
  BROKER_TABLE: 'bench',
  BROKER_SIGNING_KEYS: JSON.stringify([
    {
      kid: 'bench',
      alg: 'ES256',
      state: 'active',
      arn: 'arn:aws:kms:eu-west-1:000000000000:key/bench',
      jwk: signing.publicKey.export({ format: 'jwk' }),
    },
  ]),
}
const rows: Row[] = []
try {
  const reports = await bundleFunctions(bundles)
  await bundleInMemory(inMemoryBundles)
  await buildServers()
  await measureCpu()
  await measureIntrospection()
  await measureVerification()
  await measureRules()
  measureCompile()
  await measureRevocation()
  await measureWithAws()
  measureInit()
  for (const { file, bytes, packages } of reports) {
    const kib = bytes / 1024
    const most = { 'token/index.js': 420, 'introspection/index.js': 420, 'metadata/index.js': 40 }[file]
    const inside = packages.slice(0, 4).map(({ name, bytes }) => `${name} ${Math.round(bytes / 1024)}`)
    row(
      `bundle ${file}`,
      `${kib.toFixed(1)} KiB (${inside.join(', ')}, ...)`,
      most === undefined ? '' : `<= ${most} KiB`,
      kib <= (most ?? kib),
    )
  }
  const { signedBy } = await costOfExchange()
  for (const [alg, each] of Object.entries(signedBy))
    row(`a million exchanges, ${alg}`, `${(each * 1e6).toFixed(2)} USD (list prices of ${prices.date})`, '', true)
} finally {
  rmSync(directory, { recursive: true })
}
process.stdout.write(json ? `${JSON.stringify(toJson(), null, 2)}\n` : toTable())
process.exit(0)

function readOptions(): { json: boolean; quick: boolean } {
  const options = {
    json: { type: 'boolean' },
    quick: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  } as const
  const end = (text: string, code: number): never => {
    ;(code === 0 ? process.stdout : process.stderr).write(`${text}\n`)
    process.exit(code)
  }
  try {
    const { json = false, quick = false, help } = parseArgs({ options }).values
    return help ? end(usage, 0) : { json, quick }
  } catch (error) {
    return end(`${(error as Error).message}\n\n${usage}`, 2)
  }
}

function row(what: string, measured: string, budget: string, within: boolean): void {
  rows.push({ what, measured, budget, within })
}

interface Measured {
  /** Per request, in microseconds. */
  cpu: number
  /** Requests a second. */
  rate: number
  /** Bytes, after all of them. */
  rss: number
}

/** A server under load, and where that goes. */
interface Contender {
  server: Process<string>
  bodies: (count: number) => Promise<string[]>
  destination?: Destination
}

async function measure({ server, bodies, destination }: Contender): Promise<Measured> {
  const all = await bodies(requests)
  const before = await server.usage<Usage>()
  const rate = (requests * 1000) / (await load(server.ready, all, destination))
  const { cpu, rss } = await server.usage<Usage>()
  return { cpu: (cpu - before.cpu) / requests, rate, rss }
}

/** Each server's median of all rounds, which take turns so that a noisy moment hits all of them. */
async function compare(contenders: Record<string, () => Promise<Contender>>): Promise<Record<string, Measured>> {
  const running = await Promise.all(
    Object.entries(contenders).map(async ([name, start]) => ({
      name,
      contender: await start(),
      results: [] as Measured[],
    })),
  )
  for (const { contender } of running)
    await load(contender.server.ready, await contender.bodies(Math.min(requests, 1_000)), contender.destination)
  for (let round = 0; round < rounds; round++)
    for (const { contender, results } of running) results.push(await measure(contender))
  await Promise.all(running.map(({ contender }) => contender.server.close()))
  return Object.fromEntries(
    running.map(({ name, results }) => [
      name,
      {
        cpu: median(results.map(({ cpu }) => cpu)),
        rate: median(results.map(({ rate }) => rate)),
        rss: Math.max(...results.map(({ rss }) => rss)),
      },
    ]),
  )
}

/** A server that trades tokens. */
async function exchanging(server: Promise<Process<string>>): Promise<Contender> {
  return { server: await server, bodies: (count) => work.bodies(count) }
}

function inMemoryBroker(configuration: Configuration): Promise<Process<string>> {
  return startProcess('broker', [code('token', inMemoryBundles, configuration)], inMemory)
}

async function measureCpu(): Promise<void> {
  const { bare, broker, peer } = await compare({
    bare: () => exchanging(startProcess('bare', [], inMemory)),
    broker: () => exchanging(inMemoryBroker(work.configuration())),
    peer: () => exchanging(startProcess('oidc-provider', [], inMemory)),
  })
  if (!bare || !broker || !peer) throw new Error('a server was not measured')
  ratio('CPU per exchange, no AWS calls, to bare node:http + jose', broker.cpu, bare.cpu, 'us', 1.15)
  ratio('CPU per exchange, no AWS calls, to oidc-provider', broker.cpu, peer.cpu, 'us', 0.75)
  ratio('exchanges a second, no AWS calls, to bare', broker.rate, bare.rate, '/s')
  ratio('exchanges a second, no AWS calls, to oidc-provider', broker.rate, peer.rate, '/s')
  ratio('memory under load, to oidc-provider', broker.rss / 1e6, peer.rss / 1e6, 'MB', 0.5)
}

/** A resource server asks for one token again and again; oidc-provider finds it in its memory, we verify its signature. */
async function measureIntrospection(): Promise<void> {
  const asking = async (issuing: Promise<Process<string>>, asked?: Promise<Process<string>>): Promise<Contender> => {
    const issuer = await issuing
    const [body = ''] = await work.bodies(1)
    const { access_token } = await answerTo(issuer.ready, body)
    const server = (await asked) ?? issuer
    if (asked !== undefined) await issuer.close()
    const question = new URLSearchParams({ token: String(access_token) }).toString()
    const { active } = await answerTo(server.ready, question, asResourceServer)
    if (active !== true) throw new Error('a token that was just issued is not active')
    return { server, bodies: async (count) => Array<string>(count).fill(question), destination: asResourceServer }
  }
  const folder = code('introspection', inMemoryBundles)
  const { broker, peer } = await compare({
    broker: () => asking(inMemoryBroker(work.configuration()), startProcess('broker', [folder], inMemory)),
    peer: () => asking(startProcess('oidc-provider', ['opaque'], inMemory)),
  })
  if (!broker || !peer) throw new Error('a server was not measured')
  ratio('CPU per introspection, no AWS calls, to oidc-provider', broker.cpu, peer.cpu, 'us')
  ratio('introspections a second, no AWS calls, to oidc-provider', broker.rate, peer.rate, '/s')
}

/** In a process of its own, which asks nobody but itself, once. */
async function measureVerification(): Promise<void> {
  const measuring = await startProcess<VerifyOffline>('verify-offline', [String(rounds), String(requests)])
  const { ours, jose } = measuring.ready
  await measuring.close()
  ratio('CPU per offline verification, to bare jose', ours.cpu, jose.cpu, 'us')
  ratio('offline verifications a second, one at a time, to bare jose', ours.rate, jose.rate, '/s')
}

/** Over the stand-ins on loopback: on AWS, DynamoDB's own latency comes to it. */
async function measureRevocation(): Promise<void> {
  const { answered, inactive } = await revocationDelays(quick ? 5 : 50)
  const shown = (times: readonly number[]) =>
    `p50 ${Math.ceil(quantile(times, 0.5))} ms, most ${Math.ceil(Math.max(...times))} ms`
  row('revocation sent to answered, so durable', shown(answered), '', true)
  row('revocation sent to inactive at /introspect', shown(inactive), '<= 1,000 ms', Math.max(...inactive) <= 1_000)
}

/** As operators write it, a key a line: in one process, and by the command with the start of Node. */
function measureCompile(): void {
  const now = Math.floor(Date.now() / 1000)
  const timed = (what: string, most: number, run: () => void) => {
    const times = Array.from({ length: rounds }, () => {
      const begun = performance.now()
      run()
      return performance.now() - begun
    })
    const milliseconds = Math.ceil(median(times))
    row(what, `${milliseconds} ms`, `<= ${most.toLocaleString('en')} ms`, milliseconds <= most)
  }
  const written = (rules: number, issuers: number) =>
    stringify(work.brokerFile({ rules, issuers }), { aliasDuplicateObjects: false })
  const many = written(10_000, 1_000)
  timed('compile 10,000 rules over 1,000 issuers', 2_000, () => compile(many, 'bench.yaml', { now }))
  const file = join(directory, 'broker.yaml')
  writeFileSync(file, written(1_000, 10))
  const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
  timed('token-broker check of 1,000 rules', 1_000, () => execFileSync(process.execPath, [cli, 'check', file]))
}

async function measureRules(): Promise<void> {
  const { few, many } = await compare({
    few: () => exchanging(inMemoryBroker(work.configuration({ rules: 10, issuers: 1 }))),
    many: () => exchanging(inMemoryBroker(work.configuration({ rules: 10_000, issuers: 1_000 }))),
  })
  if (!few || !many) throw new Error('a server was not measured')
  ratio('CPU per exchange, 10,000 rules and 1,000 issuers to 10 rules', many.cpu, few.cpu, 'us', 1.2)
}

/** The very bundle that is deployed, with AWS's stand-ins in a process of their own. */
async function measureWithAws(): Promise<void> {
  const folder = code('token')
  const standins = await startStandins({})
  const { bare, broker } = await compare({
    bare: () => exchanging(startProcess('bare', [], inMemory)),
    broker: () => exchanging(startProcess('broker', [folder], standins.environment)),
  })
  if (!bare || !broker) throw new Error('a server was not measured')
  ratio('CPU per exchange with the AWS calls, to bare', broker.cpu, bare.cpu, 'us', 6)

  for (const [what, target] of [
    ['a token', 'target'],
    ['AWS credentials', 'role'],
  ] as const) {
    const warm = await startProcess('broker', [folder], standins.environment)
    await load(warm.ready, await work.bodies(10, target))
    const before = await standins.process.usage<Standins['calls']>()
    await load(warm.ready, await work.bodies(10, target))
    const after = await standins.process.usage<Standins['calls']>()
    await warm.close()
    const calls = Object.entries(after).map(([name, count]) => [name, (count - (before[name] ?? 0)) / 10] as const)
    const total = calls.reduce((sum, [, each]) => sum + each, 0)
    const named = calls.filter(([, each]) => each > 0).map(([name, each]) => `${name} ${each}`)
    row(`AWS calls per warm exchange, ${what}`, `${total} (${named.join(', ')})`, '<= 3', total <= 3)
  }

  const cold: { broker: number[]; peer: number[] } = { broker: [], peer: [] }
  const firstToken = async (name: string, args: string[], environment: Record<string, string>) => {
    const [body = ''] = await work.bodies(1)
    const begun = performance.now()
    const server = await startProcess(name, args, environment)
    await post(server.ready, body)
    const milliseconds = performance.now() - begun
    await server.close()
    return milliseconds
  }
  for (let round = 0; round < rounds; round++) {
    cold.broker.push(await firstToken('broker', [folder], standins.environment))
    cold.peer.push(await firstToken('oidc-provider', [], inMemory))
  }
  ratio('cold start, spawn to first token, to oidc-provider', median(cold.broker), median(cold.peer), 'ms', 0.5)
  await standins.process.close()

  const delays = { PutItem: 5, BatchGetItem: 5, Sign: 15, AssumeRole: 60 }
  const slow = await startStandins(delays)
  const server = await startProcess('broker', [folder], slow.environment)
  for (const [what, target, slowest] of [
    ['put 5, get 5, sign 15 ms', 'target', delays.Sign],
    // Its hops come one after the other.
    ['put 5, get 5, then assume 60 ms', 'role', delays.PutItem + delays.AssumeRole],
  ] as const) {
    await load(server.ready, await work.bodies(100, target))
    const times = await paced(server.ready, await work.bodies(quick ? 100 : 1_000, target), 1_000 / 50)
    const [p50, p99] = [0.5, 0.99].map((part) => Math.ceil(quantile(times, part))) as [number, number]
    const most = slowest + 15
    row(`latency at 50/s, ${what}`, `p50 ${p50} ms, p99 ${p99} ms`, `p99 <= ${most} ms`, p99 <= most)
  }
  await server.close()
  await slow.process.close()
}

async function startStandins(
  delays: Record<string, number>,
): Promise<{ process: Process<Standins['urls']>; environment: Record<string, string> }> {
  const standins = await startProcess<Standins['urls']>('standins', [JSON.stringify(delays)])
  process.env.AWS_ENDPOINT_URL_DYNAMODB = standins.ready.dynamodb
  process.env.AWS_ENDPOINT_URL_KMS = standins.ready.kms
  process.env.AWS_ENDPOINT_URL_STS = standins.ready.sts
  process.env.AWS_ACCESS_KEY_ID = 'local'
  process.env.AWS_SECRET_ACCESS_KEY = 'local'
  await startWorld(work.configuration())
  const names = [
    'AWS_ENDPOINT_URL_DYNAMODB',
    'AWS_ENDPOINT_URL_KMS',
    'AWS_ENDPOINT_URL_STS',
    'AWS_REGION',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'BROKER_TABLE',
    'BROKER_SIGNING_KEYS',
  ]
  return {
    process: standins,
    environment: Object.fromEntries(names.map((name) => [name, process.env[name] ?? ''])),
  }
}

/** How much longer a process takes that loads a function than one that loads an empty handler. */
function measureInit(): void {
  const empty = join(directory, 'empty')
  mkdirSync(empty)
  writeFileSync(join(empty, 'index.js'), 'exports.handler = async () => ({ statusCode: 204 })\n')
  const environment = { ...inMemory, AWS_REGION: 'eu-west-1', PATH: process.env.PATH }
  const script = `const begun = performance.now(); require(process.argv[1]); process.stdout.write(String(performance.now() - begun))`
  const initOf = (folder: string) =>
    Number(
      execFileSync(process.execPath, ['-e', script, join(folder, 'index.js')], { env: environment, encoding: 'utf8' }),
    )
  for (const [name, most] of [
    ['token', 130],
    ['metadata', 15],
  ] as const) {
    const folder = code(name)
    const times = Array.from({ length: rounds * 3 }, () => initOf(folder) - initOf(empty))
    const milliseconds = median(times)
    row(
      `init of ${name} above an empty handler`,
      `${milliseconds.toFixed(1)} ms`,
      `<= ${most} ms`,
      milliseconds <= most,
    )
  }
}

/** A folder as it is deployed. */
function code(name: FunctionName, from = bundles, configuration = work.configuration()): string {
  const folder = mkdtempSync(join(directory, `${name}-`))
  writeFunctionCode(name, configuration, folder, from)
  return folder
}

/** Without `most` there is no budget. */
function ratio(what: string, ours: number, theirs: number, unit: string, most?: number): void {
  const value = ours / theirs
  const measured = `${value.toFixed(2)}x (${Math.round(ours)} to ${Math.round(theirs)} ${unit})`
  row(what, measured, most === undefined ? '' : `<= ${most}x`, value <= (most ?? value))
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length * part)] ?? Number.NaN
}

function machine(): string {
  return `${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${process.version}`
}

function toJson(): unknown {
  return { machine: machine(), rounds, requests, rows }
}

function toTable(): string {
  const cells = rows.map(({ what, measured, budget, within }) => [
    what,
    measured,
    budget,
    budget && (within ? 'yes' : 'NO'),
  ])
  const all = [['what', 'measured', 'budget', 'within'], ...cells]
  const width = (column: number) => Math.max(...all.map((row) => row[column]?.length ?? 0))
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(width(column)))
      .join('  ')
      .trimEnd(),
  )
  return `${machine()}; medians of ${rounds} rounds of ${requests} exchanges\n\n${lines.join('\n')}\n`
}
