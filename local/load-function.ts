import { registerHooks } from 'node:module'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import type { FunctionName } from '../infra/function-names.ts'
import type { Response } from '../lib/http/response.ts'
import { toMetadataConfiguration, type Configuration } from '../lib/trust/configuration.ts'

export type LambdaFunction = (event: APIGatewayProxyEventV2, context: Context) => Promise<Response>

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
  name: Exclude<FunctionName, 'signing-keys'>,
  configuration: Configuration,
): Promise<LambdaFunction> {
  const own = name === 'metadata' ? toMetadataConfiguration(configuration) : configuration
  const run = configurations.push(JSON.stringify(own)) - 1
  const { handler } = (await import(`../functions/${name}.ts?run=${run}`)) as { handler: LambdaFunction }
  return handler
}
