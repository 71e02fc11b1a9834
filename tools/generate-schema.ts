import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { writtenSchema } from '../lib/config/schema.ts'

const file = fileURLToPath(new URL('../broker.schema.json', import.meta.url))

/** The JSON Schema (draft 2020-12) of broker.yaml as it is written: durations as text, defaults left out. */
export function jsonSchema(): string {
  const generated = z.toJSONSchema(writtenSchema, { io: 'input', target: 'draft-2020-12' })
  return `${JSON.stringify({ ...generated, title: 'token-broker: broker.yaml' }, null, 2)}\n`
}

if (import.meta.main) {
  const current = jsonSchema()
  if (!process.argv.includes('--check')) writeFileSync(file, current)
  else if (readFileSync(file, 'utf8') !== current) {
    process.stderr.write('broker.schema.json is not what lib/config/schema.ts says: run npm run schema\n')
    process.exitCode = 1
  }
}
