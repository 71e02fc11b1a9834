import type { FuzzedEndpoints } from '../../test/fuzz/endpoints.ts'
import { checkLarge } from '../../test/fuzz/endpoint-properties.ts'
import type { LargeInput } from '../../test/fuzz/large-inputs.ts'
import { bytesHeld, bytesInUse } from '../collect-garbage.ts'

/** What one input cost at one size. */
export interface Cost {
  bytes: number
  milliseconds: number
  /** Taken from the heap by the time the answer is there: what was thrown away meanwhile is not in it. */
  heap: number
}

/** What a synchronous invocation of Lambda takes, and each time half of that. */
const sizes = Array.from({ length: 13 }, (_, halvings) => Math.round(6_000_000 / 2 ** (12 - halvings)))
const MAX_RUNS = 15
const MAX_MILLISECONDS = 200

export async function measureGrowth(endpoints: FuzzedEndpoints, input: LargeInput): Promise<Cost[]> {
  const costs: Cost[] = []
  // The first calls compile what the others run.
  for (const _ of 'warmup') await checkLarge(endpoints, input, sizes[0]!)
  for (const bytes of sizes) {
    await checkLarge(endpoints, input, bytes)
    costs.push(await measure(endpoints, input, bytes))
  }
  return costs
}

/** The quickest of some calls, since whatever else the machine does only adds, and the hungriest, since a collection only hides. */
async function measure(endpoints: FuzzedEndpoints, input: LargeInput, bytes: number): Promise<Cost> {
  const event = input.event(bytes)
  const call = () => endpoints.call(input.function, event)
  const heaps: number[] = []
  while (heaps.length < 2) {
    const before = bytesHeld()
    await call()
    heaps.push(Math.max(0, bytesInUse() - before))
  }
  const times: number[] = []
  for (const end = performance.now() + MAX_MILLISECONDS; times.length < MAX_RUNS && performance.now() < end;) {
    const begun = performance.now()
    await call()
    times.push(performance.now() - begun)
  }
  return { bytes, milliseconds: Math.min(...times), heap: Math.max(...heaps) }
}

export function toTable(title: string, costs: readonly Cost[]): string {
  const line = (name: string, cells: readonly string[]) =>
    `  ${name.padEnd(14)}${cells.map((cell) => cell.padStart(8)).join('')}`
  const ratios = (of: (cost: Cost) => number) =>
    costs.map((cost, index) => {
      const half = costs[index - 1]
      return half === undefined || of(half) === 0 ? '' : `x${(of(cost) / of(half)).toFixed(1)}`
    })
  return [
    title,
    line(
      'KB',
      costs.map(({ bytes }) => (bytes / 1_000).toFixed(bytes < 100_000 ? 1 : 0)),
    ),
    line(
      'ms',
      costs.map(({ milliseconds }) => milliseconds.toFixed(2)),
    ),
    line(
      '',
      ratios(({ milliseconds }) => milliseconds),
    ),
    line(
      'KB of heap',
      costs.map(({ heap }) => (heap / 1_000).toFixed(0)),
    ),
    line(
      '',
      ratios(({ heap }) => heap),
    ),
  ].join('\n')
}
