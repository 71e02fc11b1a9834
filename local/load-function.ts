import { registerHooks } from 'node:module'
import type { APIGatewayProxyEventV2, Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import type { FunctionName } from '../infra/function-names.ts'
import type { Response } from '../lib/http/response.ts'
import { toMetadataConfiguration, type Configuration } from '../lib/trust/configuration.ts'

export type LambdaFunction = (event: APIGatewayProxyEventV2, context: Context) => Promise<Response>

/** Of which a queue makes use, and no gateway. */
export type QueueFunction = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse>

const configurations: string[] = []

/** Where the bundler puts the compiled broker.yaml, this puts the one that the importing function was loaded with. */
registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== '#config') return nextResolve(specifier, context)
    const run = Number(new URL(context.parentURL ?? '').searchParams.get('run'))
    const source = `export default JSON.parse(${JSON.stringify(configurations[run])})`
    return { url: `data:text/javascript,${encodeURIComponent(source)}`, format: 'module', shortCircuit: true }
  },
})

/**
 * The very file that is deployed, with its own copy of module state, over this configuration and what process.env holds
 * now. Throws what the function throws when it starts.
 */
export async function loadFunction(
  name: Exclude<FunctionName, 'signing-keys' | 'logout-delivery'>,
  configuration: Configuration,
): Promise<LambdaFunction> {
  return handlerOf(name, configuration)
}

/** The same. */
export async function loadQueueFunction(name: 'logout-delivery', configuration: Configuration): Promise<QueueFunction> {
  return handlerOf(name, configuration)
}

async function handlerOf<T>(name: FunctionName, configuration: Configuration): Promise<T> {
  const own = name === 'metadata' ? toMetadataConfiguration(configuration) : configuration
  const run = configurations.push(JSON.stringify(own)) - 1
  const { handler } = (await import(`../functions/${name}.ts?run=${run}`)) as { handler: T }
  return handler
}
