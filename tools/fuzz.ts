import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { decideProperties } from '../test/fuzz/decide-properties.ts'
import { endpointProperties, type Property } from '../test/fuzz/endpoint-properties.ts'
import { openEndpoints, type FuzzedEndpoints } from '../test/fuzz/endpoints.ts'
import { largeInputs } from '../test/fuzz/large-inputs.ts'
import { measureGrowth, toTable } from './fuzz/growth.ts'

const usage = `npm run fuzz [-- --seconds N] [-- --seed S]

Holds the token and the metadata function, and the decisions, to their properties for N seconds (default 60), each round with
another seed, S being the first (default: another one each time). Then sends everything whose size a caller chooses at doubling
sizes up to 6 MB, and prints what it cost beside what half as much did: x2 is as it should be. No time is judged.

Exit codes: 0 all of it holds; 1 a crash, a 5xx or a property that does not hold; 2 wrong usage
`

process.exitCode = await main()

async function main(): Promise<number> {
  const options = readOptions()
  if (options === undefined) {
    process.stderr.write(usage)
    return 2
  }
  const endpoints = await openEndpoints()
  try {
    await fuzz(endpoints, options)
    for (const input of largeInputs(endpoints))
      process.stdout.write(`\n${toTable(input.title, await measureGrowth(endpoints, input))}\n`)
    return 0
  } catch (error) {
    // What fast-check throws begins with the input, shrunk; what a handler throws is a crash.
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    if (error instanceof Error && error.cause instanceof Error) process.stderr.write(`${error.cause.message}\n`)
    return 1
  } finally {
    await endpoints.close()
  }
}

interface Options {
  seconds: number
  seed: number
}

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } })
    const { seconds = '60', seed = String(Date.now() % 2 ** 31) } = values
    if (!/^\d{1,9}$/.test(seconds) || !/^-?\d{1,10}$/.test(seed)) return undefined
    return { seconds: Number(seconds), seed: Number(seed) }
  } catch {
    return undefined
  }
}

/** Round after round, and the first one whole. */
async function fuzz(endpoints: FuzzedEndpoints, { seconds, seed }: Options): Promise<void> {
  const end = Date.now() + seconds * 1_000
  const inputs = new Map<string, number>()
  process.stdout.write(`seed ${seed}\n`)
  for (let round = 0; round === 0 || Date.now() < end; round++) {
    // The tokens among them are good for an hour.
    const properties: Property[] = [...decideProperties(), ...(await endpointProperties(endpoints))]
    for (const { title, runs, property } of properties) {
      if (round > 0 && Date.now() >= end) break
      await fc.assert(property, { numRuns: runs, seed: seed + round })
      inputs.set(title, (inputs.get(title) ?? 0) + runs)
    }
  }
  for (const [title, count] of inputs) process.stdout.write(`${String(count).padStart(9)}  ${title}\n`)
}
