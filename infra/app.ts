import { App, Stack, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { propsFromContext } from './context.ts'
import { TokenBroker } from './token-broker.ts'

try {
  const app = new App()
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  const { stackName, ...props } = propsFromContext(app.node)
  const stack = new Stack(app, 'TokenBroker', { stackName, description: 'token-broker: a security token service' })
  new TokenBroker(stack, 'Broker', props)
} catch (error) {
  // An operator's mistake: where it was found does not help.
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
