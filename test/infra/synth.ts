import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { App, Stack, Validations } from 'aws-cdk-lib'
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions'
import { AwsSolutionsChecks } from 'cdk-nag'
import { TokenBroker, type TokenBrokerProps } from '../../infra/token-broker.ts'

const directory = mkdtempSync(join(tmpdir(), 'token-broker-test-'))
after(() => rmSync(directory, { recursive: true }))
let serial = 0

export interface Resource {
  Type: string
  Properties: Record<string, unknown>
  DeletionPolicy?: string
  UpdateReplacePolicy?: string
  DependsOn?: string[]
  Metadata?: Record<string, unknown>
}

export interface Synthesised {
  resources: Record<string, Resource>
  outputs: Record<string, { Value: unknown; Description?: string }>
  warnings: string[]
  /** The only resource whose construct path, below the broker, ends so. Throws when there is none, or another. */
  at(path: string): Resource
}

/** The file of a broker.yaml with this text. */
export function brokerYaml(text: string): string {
  const file = join(directory, `broker-${serial++}.yaml`)
  writeFileSync(file, text)
  return file
}

export const minimal = `version: 1
issuer: auto
issuers: {}
targets: {}
rules: {}
`

/** A broker.yaml with a target for each of these roles. */
export function withRoles(roles: readonly string[]): string {
  const targets = roles.map((role, index) => `  role-${index}: { role: "${role}" }\n`)
  return minimal.replace('targets: {}\n', `targets:\n${targets.join('')}`)
}

/** A role of the same name in each of so many accounts. */
export function rolesInAccounts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `arn:aws:iam::${100_000_000_000 + index}:role/web-deployer`)
}

/** A broker.yaml whose people log in at `partner`, and at the issuers of these names by secrets of these ARNs. */
export function withLogins(secrets: Readonly<Record<string, string>> = {}, client = ''): string {
  const issuers = Object.entries(secrets).map(
    ([name, secret]) =>
      `  ${name}: { issuer: "https://${name}.example", login: { client_id: broker, auth: { client_secret: "${secret}" } } }\n`,
  )
  return `${minimal.replace(
    'issuers: {}\n',
    `issuers:\n  partner: { issuer: "https://login.partner.example", login: { client_id: broker } }\n${issuers.join('')}`,
  )}clients:
  web:
    type: public
    grants: [authorization_code]
    redirect_uris: [https://app.acme.dev/cb]
    login: [${['partner', ...Object.keys(secrets)].join(', ')}]
    scopes: [openid, email]
${client}`
}

/** The same, whose clients register themselves. */
export function withRegistration(): string {
  return `${withLogins()}registration:
  initial_access_tokens: { sha256: [${'x'.repeat(43)}] }
  redirect_hosts: [app.acme.dev]
  login: [partner]
`
}

interface SynthesisOptions extends Partial<TokenBrokerProps> {
  stackName?: string
  /** Acknowledge these warnings, as an operator would who has read them. */
  acknowledge?: string[]
  /** What else to do to the stack, before it is synthesised. */
  with?: (stack: Stack) => void
}

/** The stack as `cdk synth` makes it, flags and checks included. Throws what they find. */
export function synthesise({
  stackName = 'token-broker',
  acknowledge = ['issuer-auto'],
  with: before,
  ...props
}: SynthesisOptions = {}): Synthesised {
  const { context } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8')) as {
    context: Record<string, unknown>
  }
  const app = new App({
    context: { ...context, 'aws:cdk:enable-path-metadata': true },
    outdir: join(directory, `out-${serial++}`),
  })
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  const stack = new Stack(app, 'TokenBroker', { stackName })
  new TokenBroker(stack, 'Broker', { config: brokerYaml(minimal), ...props })
  before?.(stack)
  for (const rule of acknowledge) Validations.of(stack).acknowledge({ id: `token-broker:${rule}`, reason: 'a test' })
  const template = Template.fromStack(stack).toJSON() as {
    Resources: Record<string, Resource>
    Outputs: Synthesised['outputs']
  }
  return {
    resources: template.Resources,
    outputs: template.Outputs,
    warnings: Annotations.fromStack(stack)
      .findWarning('*', Match.anyValue())
      .map(({ entry }) => JSON.stringify(entry.data)),
    at(path) {
      const found = Object.values(template.Resources).filter((resource) => pathOf(resource).endsWith(`/${path}`))
      if (found.length !== 1) throw new Error(`${found.length} resources at ${path}`)
      return found[0] as Resource
    },
  }
}

/** Where a resource stands below the broker: `Token/Role`. */
export function pathOf({ Metadata }: Resource): string {
  const path = String(Metadata?.['aws:cdk:path'])
  return path.replace(/^TokenBroker\/Broker\//, '/').replace(/\/(?:Resource|Default)$/, '')
}
