import { App, Stack, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { propsFromContext } from './context.ts'
import { TokenBroker } from './token-broker.ts'

const app = new App()
Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
const { stackName, ...props } = propsFromContext(app.node)
const stack = new Stack(app, 'TokenBroker', { stackName, description: 'token-broker: a security token service' })
new TokenBroker(stack, 'Broker', props)
