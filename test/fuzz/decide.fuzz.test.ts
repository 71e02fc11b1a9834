import { test } from 'node:test'
import fc from 'fast-check'
import { decideProperties } from './decide-properties.ts'

for (const { title, runs, property } of decideProperties())
  test(title, async () => fc.assert(property, { numRuns: runs }))
