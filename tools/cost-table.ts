import { readFileSync, writeFileSync } from 'node:fs'
import { costOfExchange, type Cost } from '../bench/cost.ts'

// docs/deploy.md shows what an exchange costs: writes the table there, or with --check fails when it differs.

const begin = '<!-- cost: written by tools/cost-table.ts -->\n\n'
const end = '\n<!-- /cost -->'

const table = toTable(await costOfExchange())
const file = 'docs/deploy.md'
const text = readFileSync(file, 'utf8')
const from = text.indexOf(begin)
const to = text.indexOf(end, from)
if (from === -1 || to === -1) throw new Error(`${file} has no cost block`)
const current = text.slice(0, from) + begin + table + text.slice(to)
if (!process.argv.includes('--check')) writeFileSync(file, current)
else if (current !== text) {
  process.stderr.write(`${file} shows older costs: run npm run cost\n`)
  process.exitCode = 1
}

function toTable({ rows, signedBy }: Cost): string {
  const million = (cost: number) => (cost * 1e6).toFixed(2)
  const cells = [
    ['what', 'for one exchange', 'per million'],
    ...rows.map(({ what, counted, each }) => [what, counted, million(each)]),
    ...Object.entries(signedBy).map(([alg, cost]) => [`**signed by ${alg}**`, '', `**${million(cost)}**`]),
  ]
  const width = (column: number) => Math.max(...cells.map((row) => row[column]?.length ?? 0))
  const line = ([what = '', counted = '', cost = '']: string[]) =>
    `| ${what.padEnd(width(0))} | ${counted.padEnd(width(1))} | ${cost.padStart(width(2))} |`
  const [head, ...body] = cells.map(line)
  return [
    head,
    `| ${'-'.repeat(width(0))} | ${'-'.repeat(width(1))} | ${'-'.repeat(width(2) - 1)}: |`,
    ...body,
    '',
  ].join('\n')
}
