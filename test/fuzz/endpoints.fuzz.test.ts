import { after, test } from 'node:test'
import fc from 'fast-check'
import { checkLarge, endpointProperties } from './endpoint-properties.ts'
import { openEndpoints } from './endpoints.ts'
import { largeInputs } from './large-inputs.ts'

const endpoints = await openEndpoints()
after(() => endpoints.close())

// A failure prints the seed; `npm run fuzz -- --seed N` begins with it.
for (const { title, runs, property } of await endpointProperties(endpoints))
  test(title, async () => fc.assert(property, { numRuns: runs }))

const whole = ['body, as text', 'body, in base64', 'parameters', 'dots', 'nested arrays']
for (const input of largeInputs(endpoints))
  test(`${input.title}: any size of it gets a documented answer`, async () => {
    // What a token may hold, and far more.
    await checkLarge(endpoints, input, 11_500)
    await checkLarge(endpoints, input, 1_000_000)
    // All that Lambda takes; `npm run fuzz` sends it of everything.
    if (whole.includes(input.title)) await checkLarge(endpoints, input, 6_000_000)
  })
