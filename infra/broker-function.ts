import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib'
import { PolicyStatement, Role, ServicePrincipal, type PolicyStatementProps } from 'aws-cdk-lib/aws-iam'
import { Architecture, Function, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { LogoutEnvironment } from '../lib/environment.ts'
import type { Configuration } from '../lib/trust/configuration.ts'
import { functionCode } from './function-code.ts'
import type { FunctionName } from './function-names.ts'
import { logRetention } from './log-retention.ts'

export interface BrokerFunctionProps {
  name: FunctionName
  description: string
  /** The compiled broker.yaml, for a function that reads it. */
  configuration?: Configuration
  /** Default: 10 s. */
  timeout?: Duration
  /** How many sandboxes are kept for it, and the most it can have. */
  reservedConcurrentExecutions?: number
  /** For a role that others name in their trust policies: it stays when the stack goes. */
  roleName?: string
  /** What is in its log is evidence: it stays when the stack goes. */
  retainLog?: boolean
}

/** One deployed Lambda: runtime, size, limits, log and a role of its own that may do nothing yet but log and trace. */
export class BrokerFunction extends Construct {
  readonly function: Function
  readonly role: Role
  readonly logGroupName: string

  constructor(scope: Construct, id: string, props: BrokerFunctionProps) {
    super(scope, id)
    const logGroup = new LogGroup(this, 'Log', {
      retention: logRetention,
      removalPolicy: props.retainLog ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
    })
    this.logGroupName = logGroup.logGroupName
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `token-broker: ${props.description}`,
      ...(props.roleName === undefined ? {} : { roleName: props.roleName }),
    })
    if (props.roleName !== undefined) this.role.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
    this.function = new Function(this, 'Function', {
      description: `token-broker: ${props.description}`,
      code: functionCode(this, props.name, props.configuration),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 512,
      timeout: props.timeout ?? Duration.seconds(10),
      tracing: Tracing.ACTIVE,
      role: this.role,
      logGroup,
      ...(props.reservedConcurrentExecutions === undefined
        ? {}
        : { reservedConcurrentExecutions: props.reservedConcurrentExecutions }),
    })
    this.allow({ actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] })
    Validations.of(this.role).acknowledge({
      id: 'AwsSolutions::AwsSolutions-IAM5[Resource::*]',
      reason: 'X-Ray has no resources to name: who may send traces may send them all.',
    })
  }

  setEnvironment(name: keyof LogoutEnvironment, value: string): void {
    this.function.addEnvironment(name, value)
  }

  allow(statement: PolicyStatementProps): void {
    this.role.addToPrincipalPolicy(new PolicyStatement(statement))
  }
}
