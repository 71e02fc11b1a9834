import { RemovalPolicy, Stack, Token, Validations } from 'aws-cdk-lib'
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import {
  type CfnStage,
  DomainName,
  HttpApi,
  HttpMethod,
  HttpStage,
  IpAddressType,
  LogGroupLogDestination,
  SecurityPolicy,
  type HttpRoute,
} from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { Certificate, CertificateValidation } from 'aws-cdk-lib/aws-certificatemanager'
import type { Function } from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { AaaaRecord, ARecord, HostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53'
import { ApiGatewayv2DomainProperties } from 'aws-cdk-lib/aws-route53-targets'
import { Construct } from 'constructs'
import { logRetention } from './log-retention.ts'

/** A name of your own for the API. It needs a certificate, or a hosted zone in which one can be proved. */
export interface BrokerDomain {
  /** `broker.acme.dev` */
  name: string
  /** Of a certificate in this region. Without it one is made, proved by a record in the hosted zone. */
  certificateArn?: string
  /** Where the name is pointed at the API. Without it that is left to you: see the output DomainTarget. */
  hostedZone?: { id: string; name: string }
}

/** Requests per second, and how many may come at once: more are answered 429 by API Gateway. */
export interface Throttle {
  rate: number
  burst: number
}

export interface BrokerApiProps {
  token: Function
  /** Where people log in: only then are there their paths. */
  login?: Function
  introspection: Function
  /** Where clients register themselves: only then are there its paths. */
  registration?: Function
  admin: Function
  metadata: Function
  domain?: BrokerDomain
  /** Of /token, and as much again of each other path that asks more than our own memory. */
  throttle: Throttle
}

const tokenPaths = ['/token', '/credentials/{target}']
const loginPaths = [
  '/authorize',
  '/login',
  '/callback/{issuer}',
  '/consent',
  '/logout',
  '/logout/confirm',
  '/backchannel-logout/{issuer}',
]
const registrationPaths = ['/register', '/register/{client_id}']
const introspectionPaths = ['/introspect', '/revoke']
/** What is said of people, who are there only where they log in. */
const userinfoPath = '/userinfo'
/** For operators: IAM decides who may call them. */
const adminPaths = ['/admin/revocations', '/admin/consents'] as const
const metadataPaths = [
  '/jwks',
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/healthz',
]

/** Operators are few, and a dry run reads the whole table. */
const adminThrottle: Throttle = { rate: 20, burst: 20 }

/** Of all paths together: a ceiling on what a flood can cost. */
const stageThrottle: Throttle = { rate: 2_000, burst: 1_000 }

/**
 * The HTTP API: each path by ANY method to the function that answers it, 405 included. A path that is none of ours gets
 * API Gateway's own 404 and reaches no function, so it costs nothing.
 */
export class BrokerApi extends Construct {
  /** Where clients find it. */
  readonly url: string
  /** The operators' routes, as IAM names them. */
  readonly adminArns: Record<(typeof adminPaths)[number], string>
  /** For a name that is pointed at the API by hand. */
  readonly domainTarget?: string

  constructor(
    scope: Construct,
    id: string,
    { token, login, introspection, registration, admin, metadata, domain, throttle }: BrokerApiProps,
  ) {
    super(scope, id)
    const api = new HttpApi(this, 'Api', {
      apiName: Stack.of(this).stackName,
      description: 'token-broker',
      createDefaultStage: false,
      ipAddressType: IpAddressType.DUAL_STACK,
      // With two names there would be two places to throttle, log and block.
      disableExecuteApiEndpoint: domain !== undefined,
    })
    const routes = (id: string, lambda: Function, paths: readonly string[]): HttpRoute[] => {
      const integration = new HttpLambdaIntegration(id, lambda)
      return paths.flatMap((path) => api.addRoutes({ path, methods: [HttpMethod.ANY], integration }))
    }
    const issuing = [
      ...routes('Token', token, tokenPaths),
      ...(login === undefined ? [] : routes('Login', login, loginPaths)),
      ...routes('Introspection', introspection, [
        ...introspectionPaths,
        ...(login === undefined ? [] : [userinfoPath]),
      ]),
      ...(registration === undefined ? [] : routes('Registration', registration, registrationPaths)),
    ]
    const adminIntegration = new HttpLambdaIntegration('Admin', admin)
    const authorizer = new HttpIamAuthorizer()
    const adminRoutes = adminPaths.flatMap((path) =>
      api.addRoutes({ path, methods: [HttpMethod.ANY], integration: adminIntegration, authorizer }),
    )
    const metadataRoutes = routes('Metadata', metadata, metadataPaths)
    const domainName = domain === undefined ? undefined : this.#domainName(domain)
    const stage = new HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: stageThrottle.rate, burstLimit: stageThrottle.burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, 'AccessLog', {
            retention: logRetention,
            removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
          }),
        ),
        format: AccessLogFormat.custom(JSON.stringify(accessLogFields)),
      },
      ...(domainName === undefined ? {} : { domainMapping: { domainName } }),
    })
    const cfnStage = stage.node.defaultChild as CfnStage
    const throttles = [
      ...issuing.map(({ path = '' }) => [path, throttle] as const),
      ...adminPaths.map((path) => [path, adminThrottle] as const),
    ]
    cfnStage.routeSettings = Object.fromEntries(
      throttles.map(([path, { rate, burst }]) => [
        `ANY ${path}`,
        { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst },
      ]),
    )
    // A stage that names a route can only be made after it.
    stage.node.addDependency(...issuing, ...adminRoutes)
    for (const route of [...issuing, ...metadataRoutes])
      Validations.of(route).acknowledge({
        id: 'AwsSolutions::AwsSolutions-APIG4',
        reason:
          "The function authenticates: a token, a client's proof or a browser's cookie is in the request; metadata is for everybody.",
      })
    const arnOf = (path: string) =>
      Stack.of(this).formatArn({
        service: 'execute-api',
        resource: api.apiId,
        resourceName: `$default/POST${path}`,
      })
    this.adminArns = {
      '/admin/revocations': arnOf('/admin/revocations'),
      '/admin/consents': arnOf('/admin/consents'),
    }
    this.url = domain === undefined ? api.apiEndpoint : `https://${domain.name}`
    if (domainName !== undefined) this.domainTarget = domainName.regionalDomainName
  }

  #domainName({ name, certificateArn, hostedZone }: BrokerDomain): DomainName {
    if (hostedZone && !Token.isUnresolved(hostedZone.name) && !`.${name}`.endsWith(`.${hostedZone.name}`))
      throw new Error(`the hosted zone ${hostedZone.name} does not hold the domain ${name}`)
    const zone =
      hostedZone &&
      HostedZone.fromHostedZoneAttributes(this, 'HostedZone', {
        hostedZoneId: hostedZone.id,
        zoneName: hostedZone.name,
      })
    if (certificateArn === undefined && zone === undefined)
      throw new Error(
        `the domain ${name} needs a certificate: give its ARN, or a hosted zone in which one can be proved`,
      )
    const domainName = new DomainName(this, 'DomainName', {
      domainName: name,
      certificate:
        certificateArn === undefined
          ? new Certificate(this, 'Certificate', {
              domainName: name,
              validation: CertificateValidation.fromDns(zone),
            })
          : Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      securityPolicy: SecurityPolicy.TLS_1_2,
      ipAddressType: IpAddressType.DUAL_STACK,
    })
    if (zone === undefined) return domainName
    const target = RecordTarget.fromAlias(
      new ApiGatewayv2DomainProperties(domainName.regionalDomainName, domainName.regionalHostedZoneId),
    )
    // A trailing dot: the name as it stands, wherever the zone ends.
    new ARecord(this, 'A', { zone, recordName: `${name}.`, target })
    new AaaaRecord(this, 'Aaaa', { zone, recordName: `${name}.`, target })
    return domainName
  }
}

/** The route instead of the path, and no user agent, header or query string: nothing in which a token could stand. */
const accessLogFields = {
  requestId: '$context.requestId',
  time: '$context.requestTimeEpoch',
  sourceIp: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  route: '$context.routeKey',
  protocol: '$context.protocol',
  status: '$context.status',
  responseLength: '$context.responseLength',
  responseLatency: '$context.responseLatency',
  integrationLatency: '$context.integrationLatency',
  integrationStatus: '$context.integration.status',
  integrationError: '$context.integrationErrorMessage',
}
