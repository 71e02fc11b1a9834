import { readFileSync } from 'node:fs'
import { Annotations, CfnOutput, Stack, Token } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { compile } from '../lib/config/compile.ts'
import { formatFinding } from '../lib/config/findings.ts'
import { includedFiles } from '../lib/config/included-files.ts'
import { logoBelow } from '../lib/config/logo-file.ts'
import type { SigningAlgorithm } from '../lib/protocol/algorithms.ts'
import { hasLogins, upstreamLogins, type Configuration } from '../lib/trust/configuration.ts'
import { BrokerApi, type BrokerDomain, type Throttle } from './broker-api.ts'
import { BrokerFunction } from './broker-function.ts'
import { BrokerTable } from './broker-table.ts'
import { makeEphemeral } from './ephemeral.ts'
import { LogoutQueue } from './logout-queue.ts'
import { SigningKeys } from './signing-keys.ts'

export type { BrokerDomain, Throttle }

export interface TokenBrokerProps {
  /** The path of broker.yaml, from the working directory. */
  config: string
  /** A name of your own for the API. Without it clients use the API's own URL. */
  domain?: BrokerDomain
  /** The table's encryption: the ARN of a KMS key of yours, or `create` for one of the stack's own. Default: a key that AWS owns. */
  tableKey?: string
  /**
   * Sandboxes kept for /jwks and discovery, so that a flood at /token cannot take verification down. Default 20. 0 keeps
   * none: for an account whose concurrency is limited to less than 120, where Lambda refuses to reserve so many.
   */
  metadataConcurrency?: number
  /** Requests per second to /token, and how many at once; as many again to each other path that asks more than our own memory. Default: 300, 200. */
  throttle?: Throttle
  /** For a trial: nothing outlives the stack, no receipt and no key. Default: false. */
  ephemeral?: boolean
}

/** Role names have 64 characters, and the longest region name has 14. */
const MAX_STACK_NAME = 64 - '-token-'.length - 14

/**
 * A whole broker: the HTTP API, its functions, the table and the signing keys. Throws ConfigurationError when broker.yaml
 * does not hold, and Error, with the remedy, when the rest does not fit together.
 */
export class TokenBroker extends Construct {
  /** Our `iss`. */
  readonly issuer: string

  constructor(scope: Construct, id: string, props: TokenBrokerProps) {
    super(scope, id)
    const {
      config,
      domain,
      tableKey,
      metadataConcurrency = 20,
      throttle = { rate: 300, burst: 200 },
      ephemeral,
    } = props
    if (
      Stack.of(this)
        .node.findAll()
        .some((other) => other instanceof TokenBroker && other !== this)
    )
      throw new Error(
        `${this.node.path} needs a stack of its own: roles and keys are named for the stack, and this one has a broker`,
      )
    const configuration = this.#compile(config)
    checkCount('metadataConcurrency', metadataConcurrency, 0, 1_000)
    checkCount('throttle.rate', throttle.rate, 1, 10_000)
    checkCount('throttle.burst', throttle.burst, 1, 5_000)
    this.#checkIssuer(configuration.issuer, domain)
    const token = new BrokerFunction(this, 'Token', {
      name: 'token',
      description: 'POST /token, GET /credentials/{target}',
      configuration,
      roleName: this.#tokenRoleName(),
      retainLog: true,
    })
    const login = hasLogins(configuration)
      ? new BrokerFunction(this, 'Login', {
          name: 'login',
          description: '/authorize, /login, /callback/{issuer}, /consent, /logout, /backchannel-logout/{issuer}',
          configuration,
          retainLog: true,
        })
      : undefined
    const introspection = new BrokerFunction(this, 'Introspection', {
      name: 'introspection',
      description: login === undefined ? 'POST /introspect, POST /revoke' : 'POST /introspect, POST /revoke, /userinfo',
      configuration,
      retainLog: true,
    })
    const registration =
      configuration.registration === undefined
        ? undefined
        : new BrokerFunction(this, 'Registration', {
            name: 'registration',
            description: '/register, /register/{client_id}',
            configuration,
            retainLog: true,
          })
    const admin = new BrokerFunction(this, 'Admin', {
      name: 'admin',
      description: 'POST /admin/revocations, POST /admin/consents, for operators',
      configuration,
      retainLog: true,
    })
    const metadata = new BrokerFunction(this, 'Metadata', {
      name: 'metadata',
      description: 'discovery, /jwks and /healthz',
      configuration,
      ...(metadataConcurrency === 0 ? {} : { reservedConcurrentExecutions: metadataConcurrency }),
    })
    const table = new BrokerTable(this, 'Receipts', tableKey === undefined ? {} : { encryptionKey: tableKey })
    const signingKeys = new SigningKeys(this, 'SigningKeys', configuration.signing)
    const logins = login !== undefined
    table.bindExchange(token, { logins })
    table.bindIntrospection(introspection, { logins })
    table.bindAdmin(admin, { logins })
    signingKeys.bindSigner(token)
    signingKeys.bindSignerOf(answerAlgorithms(configuration), introspection)
    signingKeys.bindPublished(admin)
    signingKeys.bindPublished(metadata)
    allowRoles(token, configuration)
    const logout = login && new LogoutQueue(this, 'Logout', { configuration })
    if (login !== undefined && logout !== undefined) {
      table.bindLogin(login, { registration: registration !== undefined })
      bindUpstreams(login, configuration, signingKeys)
      for (const sender of [login, admin]) logout.bindSender(sender)
      signingKeys.bindSignerOf(logoutAlgorithms(configuration), logout.delivery)
    }
    if (registration !== undefined) {
      table.bindRegistration(registration)
      if (logout !== undefined) table.bindRegisteredClients(logout.delivery)
    }
    const api = new BrokerApi(this, 'Api', {
      token: token.function,
      ...(login === undefined ? {} : { login: login.function }),
      ...(registration === undefined ? {} : { registration: registration.function }),
      introspection: introspection.function,
      admin: admin.function,
      metadata: metadata.function,
      throttle,
      ...(domain === undefined ? {} : { domain }),
    })
    this.issuer = configuration.issuer === 'auto' ? api.url : configuration.issuer
    if (configuration.issuer === 'auto')
      for (const lambda of [token, login, introspection, registration, metadata, logout?.delivery])
        lambda?.setEnvironment('BROKER_ISSUER', api.url)

    this.#output('Issuer', this.issuer, 'The iss of our tokens, and the audience of those that are traded for them')
    this.#output('TokenEndpoint', `${api.url}/token`)
    this.#output('Jwks', `${api.url}/jwks`)
    this.#output('OpenidConfiguration', `${api.url}/.well-known/openid-configuration`)
    this.#output('AuthorizationServerMetadata', `${api.url}/.well-known/oauth-authorization-server`)
    this.#output('Healthz', `${api.url}/healthz`)
    if (api.domainTarget !== undefined)
      this.#output('DomainTarget', api.domainTarget, `Where ${domain?.name} must point, by CNAME or alias`)
    this.#output('TableName', table.table.tableName)
    this.#output('TokenRoleArn', token.role.roleArn, 'For trust policies of roles that the broker may assume')
    this.#output('TokenLog', token.logGroupName, 'Where every refusal says why')
    this.#output('IntrospectionEndpoint', `${api.url}/introspect`)
    this.#output('RevocationEndpoint', `${api.url}/revoke`)
    this.#output('AdminLog', admin.logGroupName, 'Where every revocation says who and why')
    this.#output('AdminRouteArn', api.adminArns['/admin/revocations'], 'What operators need execute-api:Invoke on')
    this.#output('AdminConsentsRouteArn', api.adminArns['/admin/consents'], 'And for what people consented to')
    this.#output('SigningKeyArns', signingKeys.arns.join(','))
    if (login !== undefined) {
      this.#output('AuthorizationEndpoint', `${api.url}/authorize`)
      this.#output('UserinfoEndpoint', `${api.url}/userinfo`)
      this.#output(
        'RedirectUri',
        `${this.issuer}/callback/<issuer>`,
        'What an issuer at which people log in must know us by: its name in broker.yaml, a / in it as a dot',
      )
      this.#output('LoginLog', login.logGroupName, 'Where every login that failed says why')
    }
    if (registration !== undefined) {
      this.#output('RegistrationEndpoint', `${api.url}/register`)
      this.#output('RegistrationLog', registration.logGroupName, 'Where every client that was not registered says why')
    }
    if (logout !== undefined) {
      this.#output(
        'LogoutDeadLetters',
        logout.deadLetters.queueUrl,
        'The queue of logouts of which a client could not be told: docs/runbooks/logout-dead-letters.md',
      )
      this.#output('LogoutDeliveryLog', logout.delivery.logGroupName, 'Where every one says why')
    }
    if (ephemeral) makeEphemeral(this)
  }

  #compile(file: string): Configuration {
    const { configuration, findings } = compile(readFileSync(file, 'utf8'), file, {
      now: Math.floor(Date.now() / 1000),
      include: includedFiles(file),
      logo: logoBelow(file),
    })
    for (const finding of findings)
      Annotations.of(this).addWarningV2(`token-broker:${finding.rule}`, formatFinding(finding))
    return configuration
  }

  #checkIssuer(issuer: string, domain: BrokerDomain | undefined): void {
    const warn = (rule: string, message: string) => Annotations.of(this).addWarningV2(`token-broker:${rule}`, message)
    if (domain !== undefined && !/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/.test(domain.name))
      throw new Error(
        `the domain ${JSON.stringify(domain.name)} must be a host name in lower case, such as broker.acme.dev`,
      )
    if (issuer === 'auto') {
      if (domain === undefined)
        warn(
          'issuer-auto',
          "issuer: auto is the API's own URL. A name of your own later is another issuer: every verifier and every job that asks for its audience must then be changed. See docs/deploy.md.",
        )
      return
    }
    if (domain === undefined)
      warn(
        'issuer-elsewhere',
        `issuer is ${issuer}, and no domain is given: discovery and /jwks must be found there, so point that name at this API yourself, or give the domain.`,
      )
    else if (issuer !== `https://${domain.name}`)
      throw new Error(
        `issuer is ${issuer}, and the domain is ${domain.name}: verifiers look for our keys at the issuer, so they must be the same`,
      )
  }

  /** Fixed, because others name it in their trust policies. */
  #tokenRoleName(): string {
    const { stackName, region } = Stack.of(this)
    if (!Token.isUnresolved(stackName) && stackName.length > MAX_STACK_NAME)
      throw new Error(
        `the stack name ${stackName} has ${stackName.length} characters: the token function's role is named for it, so it can have ${MAX_STACK_NAME}`,
      )
    return `${stackName}-token-${region}`
  }

  /** Named for its place in the stack, without a hash, because people and scripts read it: BrokerIssuer. */
  #output(name: string, value: string, description?: string): void {
    const output = new CfnOutput(this, name, { value, ...(description === undefined ? {} : { description }) })
    const path = this.node.path.slice(Stack.of(this).node.path.length)
    output.overrideLogicalId(`${path.replaceAll(/[^A-Za-z0-9]/g, '')}${name}`)
  }
}

/**
 * Exactly the roles that broker.yaml names; their own trust policies have the last word. A statement each, which CDK joins:
 * what IAM no more takes inline it moves into managed policies, by whole statements.
 */
function allowRoles(token: BrokerFunction, { targets }: Configuration): void {
  for (const target of Object.values(targets))
    if ('role' in target)
      token.allow({ actions: ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession'], resources: [target.role] })
}

/** What /introspect signs is RS256 (RFC 9701 section 6), what /userinfo signs is for each client to say, also for one that registers itself. */
function answerAlgorithms({ clients, registration, signing }: Configuration): SigningAlgorithm[] {
  if (registration !== undefined) return [...signing.algorithms]
  return ['RS256', ...Object.values(clients).flatMap(({ login }) => login?.userinfo_signed_response_alg ?? [])]
}

/** Logout tokens are signed as a client's ID tokens are (OpenID Connect Back-Channel Logout 1.0 section 2.4). */
function logoutAlgorithms({ clients, registration, signing }: Configuration): SigningAlgorithm[] {
  if (registration !== undefined) return [...signing.algorithms]
  return Object.values(clients).flatMap(({ login }) =>
    login?.backchannel_logout_uri === undefined ? [] : login.id_token_signed_response_alg,
  )
}

/** What we prove ourselves by where people log in: our keys where some issuer takes them, and exactly the secrets that broker.yaml names. */
function bindUpstreams(login: BrokerFunction, configuration: Configuration, signingKeys: SigningKeys): void {
  const upstreams = upstreamLogins(configuration)
  if (upstreams.some(({ auth }) => auth === 'private_key_jwt')) signingKeys.bindSigner(login)
  else signingKeys.bindPublished(login)
  const secrets = upstreams.flatMap(({ auth }) => (auth === 'private_key_jwt' ? [] : [auth.client_secret]))
  if (secrets.length > 0) login.allow({ actions: ['secretsmanager:GetSecretValue'], resources: [...new Set(secrets)] })
}

/** What API Gateway and Lambda have by default is the most. A number that is known only to the deployment passes. */
function checkCount(name: string, value: number, least: number, most: number): void {
  if (Token.isUnresolved(value) || (Number.isInteger(value) && value >= least && value <= most)) return
  throw new Error(`${name} must be a whole number from ${least} to ${most}, not ${value}`)
}
