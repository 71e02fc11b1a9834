import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { exchangeEvent } from '../test/functions/token-event.ts'
import { toSegment } from '../test/fuzz/press.ts'
import { bytesHeld } from './collect-garbage.ts'
import { openTokenFunction, settled, type SoakedFunction } from './soak/token-function.ts'

const usage = `npm run soak [-- --count N]

Presents N distinct kids, N distinct issuers and N / 10 distinct jtis to the token function (default N: 1,000,000; under
150,000 too few to show that a jti is kept), one after the other, and prints what its heap holds after each eighth of them.
The first two are refused for what they name, each in a token with a jti of its own; the jtis at last are those of good
tokens, each of another subject, and each is traded. Takes five minutes.

Exit codes: 0 memory stayed flat, 1 it grew, 2 wrong usage
`

const PARTS = 8

/**
 * What an eighth of the values may add: a byte each, and what Node does in its own time. To keep a value of 22 characters
 * anywhere costs 60 bytes at least, so that none is kept unseen where there are a few thousand of them.
 */
const allowed = (values: number) => values + 100_000

process.exitCode = await main()

async function main(): Promise<number> {
  const count = readCount()
  if (count === undefined) {
    process.stderr.write(usage)
    return 2
  }
  const soaked = await openTokenFunction()
  const { press } = soaked
  const claims = press.claims()
  const unsigned = (header: object, changes: object) =>
    `${toSegment(JSON.stringify({ ...press.header, ...header }))}.${toSegment(JSON.stringify({ ...claims, ...changes }))}.AAAA`
  try {
    const flat = [
      await soak(soaked, 'kids', count, 400, (kid) => unsigned({ kid }, { jti: kid, sub: kid })),
      await soak(soaked, 'issuers', count, 400, (id) => unsigned({}, { iss: `https://${id}.example`, jti: id })),
      await soak(soaked, 'jtis', Math.ceil(count / 10), 200, (jti) =>
        press.sign(JSON.stringify({ jti, sub: `job-${jti}` }), { valid: true }),
      ),
    ]
    return flat.every(Boolean) ? 0 : 1
  } finally {
    await soaked.close()
  }
}

function readCount(): number | undefined {
  try {
    const { count = '1000000' } = parseArgs({ options: { count: { type: 'string' } } }).values
    return /^\d{1,9}$/.test(count) && Number(count) >= PARTS ? Number(count) : undefined
  } catch {
    return undefined
  }
}

/** True when the second half of the values leaves nothing behind. Throws when one is not answered with `status`. */
async function soak(
  { call }: SoakedFunction,
  what: string,
  count: number,
  status: number,
  tokenOf: (value: string) => string,
): Promise<boolean> {
  const held: number[] = []
  const begun = Date.now()
  process.stdout.write(`${what}\n`)
  for (let part = 1; part <= PARTS; part++) {
    const upTo = Math.floor((count * part) / PARTS)
    for (let sent = Math.floor((count * (part - 1)) / PARTS); sent < upTo; sent++) {
      const answer = await call(exchangeEvent(tokenOf(randomBytes(16).toString('base64url'))))
      if (answer !== status) throw new Error(`${what}: answered ${answer}, not ${status}`)
    }
    await setTimeout(settled)
    // Some of what the first collection finds is let go a turn later, and counts until the next one.
    bytesHeld()
    await setTimeout(50)
    held.push(bytesHeld())
    process.stdout.write(`${String(upTo).padStart(10)} ${toMb(held.at(-1)!).padStart(9)} MB\n`)
  }
  // What is kept adds to every part alike; what Node throws away late shows in one of them.
  const growth = median(held.slice(PARTS / 2).map((bytes, index) => bytes - held[PARTS / 2 - 1 + index]!))
  const values = Math.floor(count / PARTS)
  const flat = growth <= allowed(values)
  process.stdout.write(
    `  in the second half ${values} of them add ${growth} bytes, ${(growth / values).toFixed(2)} each: ${flat ? 'flat' : 'NOT FLAT'}, ${allowed(values)} may be noise (${Math.round((Date.now() - begun) / 1_000)} s)\n`,
  )
  return flat
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : Math.round((sorted[middle - 1]! + sorted[middle]!) / 2)
}

function toMb(bytes: number): string {
  return (bytes / 1_000_000).toFixed(2)
}
