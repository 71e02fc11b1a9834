import { globSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { explain, findNamed } from './test-vectors/disagreements.ts'
import { parseVectorFile, type Vector, type VectorFile } from './test-vectors/vector-file.ts'
import { verifyVector, type Verdict } from './test-vectors/verify-vector.ts'

const usage = `npm run test:vectors -- DIR

Presents every Wycheproof vector in the JSON files under DIR to the verifier of subject tokens. Invalid ones must be refused,
valid ones accepted up to and with their signature, and what is otherwise must be explained in
tools/test-vectors/disagreements.ts. The vectors are those of https://github.com/C2SP/wycheproof (testvectors_v1); this
repository keeps no copy.

Exit codes: 0 all of it holds, 1 something does not, 2 wrong usage
`

/** How often each thing was seen, by what is said of it. */
type Counts = Map<string, number>

interface Tally {
  vectors: number
  /** Invalid and refused, by the reason of the refusal. */
  refused: Counts
  accepted: number
  /** `acceptable`: either answer will do. */
  either: Counts
  /** Valid and refused, invalid and accepted: each by why. */
  validRefused: Counts
  invalidAccepted: Counts
  skipped: Counts
  wrong: string[]
}

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const [directory, ...others] = args
  if (directory === undefined || others.length > 0 || directory.startsWith('-')) {
    process.stderr.write(usage)
    return 2
  }
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return fail(`${directory} is no folder`)
  const files = globSync('**/*.json', { cwd: directory }).toSorted()
  if (files.length === 0) return fail(`${directory} holds no JSON files`)
  const tallies: Tally[] = []
  for (const file of files) {
    let read: VectorFile
    try {
      read = parseVectorFile(readFileSync(join(directory, file), 'utf8'), basename(file))
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      return fail(`${join(directory, file)}: ${error.message}`)
    }
    const tally = await judge(read)
    process.stdout.write(`${toText(file, tally)}\n`)
    tallies.push(tally)
  }
  process.stdout.write(`${toTotal(tallies)}\n`)
  if (tallies.every(({ vectors, skipped }) => vectors === sum(skipped)))
    return fail('none of it is anything that we verify')
  return tallies.some(({ wrong }) => wrong.length > 0) ? 1 : 0
}

function fail(message: string): number {
  process.stderr.write(`${message}\n`)
  return 1
}

async function judge({ vectors, skipped }: VectorFile): Promise<Tally> {
  const tally: Tally = {
    vectors: vectors.length + sum(skipped),
    refused: new Map(),
    accepted: 0,
    either: new Map(),
    validRefused: new Map(),
    invalidAccepted: new Map(),
    skipped: new Map([...skipped].map(([type, count]) => [`${type}: nothing that we verify`, count])),
    wrong: [],
  }
  for (const vector of vectors) {
    try {
      count(tally, vector, await verifyVector(vector))
    } catch (error) {
      // Neither of the verifier's two answers: an exchange would be answered 500.
      tally.wrong.push(`${nameOf(vector)}: the verifier threw ${String(error)}`)
    }
  }
  return tally
}

function count(tally: Tally, vector: Vector, verdict: Verdict): void {
  const given = verdict === 'accepted' ? verdict : verdict.reason
  const why = explain(vector, verdict)
  const holds = vector.result === (verdict === 'accepted' ? 'valid' : 'invalid')
  if (findNamed(vector) !== undefined && why === undefined)
    tally.wrong.push(`${nameOf(vector)}: ${given}, which is not what disagreements.ts says of it`)
  else if (vector.result === 'acceptable') increment(tally.either, given)
  else if (holds && verdict === 'accepted') tally.accepted++
  else if (holds) increment(tally.refused, given)
  else if (why !== undefined) increment(vector.result === 'valid' ? tally.validRefused : tally.invalidAccepted, why)
  else
    tally.wrong.push(`${nameOf(vector)}: ${vector.result}, and ${verdict === 'accepted' ? given : `refused: ${given}`}`)
}

function nameOf({ file, tcId, comment }: Vector): string {
  return `${file} ${tcId} (${comment})`
}

function increment(counts: Counts, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function sum(counts: Counts): number {
  return [...counts.values()].reduce((all, count) => all + count, 0)
}

function toText(file: string, tally: Tally): string {
  const { refused, accepted, either, validRefused, invalidAccepted, skipped, wrong } = tally
  const listed = (counts: Counts, what = '') => [...counts].map(([name, count]) => `${count} ${what}${name}`)
  return [
    `${file}: ${tally.vectors}`,
    ...(sum(refused) > 0 ? [`${sum(refused)} invalid refused (${listed(refused).join(', ')})`] : []),
    ...(accepted > 0 ? [`${accepted} valid accepted`] : []),
    ...listed(either, 'that may be either: '),
    ...listed(validRefused, 'valid, and refused: '),
    ...listed(invalidAccepted, 'invalid, and accepted: '),
    ...listed(skipped, 'skipped: '),
    ...wrong.map((line) => `WRONG ${line}`),
  ].join('\n  ')
}

function toTotal(tallies: readonly Tally[]): string {
  const all = (of: (tally: Tally) => number) => tallies.reduce((count, tally) => count + of(tally), 0)
  return [
    `total: ${all(({ vectors }) => vectors)}`,
    `${all(({ refused }) => sum(refused))} invalid refused`,
    `${all(({ accepted }) => accepted)} valid accepted`,
    `${all(({ either }) => sum(either))} that may be either`,
    `${all(({ validRefused }) => sum(validRefused))} valid refused for a reason above`,
    `${all(({ invalidAccepted }) => sum(invalidAccepted))} invalid accepted for a reason above`,
    `${all(({ skipped }) => sum(skipped))} skipped`,
    `${all(({ wrong }) => wrong.length)} wrong`,
  ].join(', ')
}
