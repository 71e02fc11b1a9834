import { createRequire } from 'node:module'
import { join } from 'node:path'
import { gateway } from '../../local/gateway.ts'
import type { LambdaFunction } from '../../local/load-function.ts'
import { serve } from './serve.ts'

// A bundle of ours, in the folder that is named, behind the gateway of local runs.
const { handler } = createRequire(import.meta.url)(join(process.argv[2] ?? '', 'index.js')) as {
  handler: LambdaFunction
}
const routes = { '/token': handler, $default: handler }
await serve(gateway(() => routes))
