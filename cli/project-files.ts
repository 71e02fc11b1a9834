import type { RepositoryIds } from './github-repository.ts'

export interface Project {
  /** `owner/name`, where it is known. */
  repository?: string | undefined
  ids?: RepositoryIds | undefined
  /** How package.json names token-broker. */
  dependency: string
}

/** Stands where an id is missing. The value itself is left out, which `check` refuses: as text it would be taken for an id. */
export const PLACEHOLDER = 'REPLACE-ME'

/** How to ask for the ids with GitHub's own tool. */
export function idCommands(repository = 'OWNER/NAME'): { owner: string; repository: string } {
  const ask = (field: string) => `gh api repos/${repository} --jq ${field}`
  return { owner: ask('.owner.id'), repository: ask('.id') }
}

/** A deployable project, by path: the policy, the CDK app around it, and a workflow that checks both. */
export function projectFiles(project: Project): Readonly<Record<string, string>> {
  return {
    'broker.yaml': brokerFile(project),
    'app.mjs': app,
    'cdk.json': json({ app: 'node app.mjs', context: featureFlags }),
    'package.json': packageFile(project.dependency),
    '.gitignore': 'node_modules/\ncdk.out/\n',
    '.github/workflows/broker-check.yml': workflow,
  }
}

function brokerFile({ repository, ids }: Project): string {
  const commands = idCommands(repository)
  const id = (value: string | undefined) =>
    value === undefined ? `# ${PLACEHOLDER} with the id, in quotes` : `"${value}"`
  return `# yaml-language-server: $schema=./node_modules/token-broker/broker.schema.json
# Who may get what. Nothing is granted by default.
version: 1
# Our own URL, the iss of our tokens. auto is the API's own; for a domain of yours write https://broker.acme.dev
issuer: auto

signing:
  # One KMS key each; the first signs access tokens.
  algorithms: [ES256, RS256]

issuers:
  github:
    preset: github-actions
    require:
      # Every job on GitHub can have a token of this issuer: only those of your own repositories get past this line.
      # ${commands.owner}
      repository_owner_id: ${id(ids?.owner)}

targets:
  deploy-api:
    # What your API expects as aud: a token is of use there and nowhere else.
    audience: https://deploy.example
    scopes: [deploy:read, deploy:write]
    lifetime: 15m

rules:
  main-deploys:
    issuer: github
    match:
      # An id, because names change hands.
      # ${commands.repository}
      repository_id: ${id(ids?.repository)}
      ref: refs/heads/main
      event_name: [push, workflow_dispatch]
    grant:
      - target: deploy-api
        scopes: [deploy:write]
        claims: { commit: claims.sha }
`
}

const app = `import { App, Stack } from 'aws-cdk-lib'
import { TokenBroker } from 'token-broker/cdk'

const app = new App()
// The policies in node_modules/token-broker/docs/policies speak of a stack of this name.
const stack = new Stack(app, 'TokenBroker', { stackName: 'token-broker' })

// Refuses a broker.yaml that does not hold, so that none is deployed.
new TokenBroker(stack, 'Broker', { config: 'broker.yaml' })
`

/** Of aws-cdk-lib's recommended ones, those that concern what the construct is made of. */
const featureFlags = {
  '@aws-cdk/core:target-partitions': ['aws', 'aws-cn'],
  '@aws-cdk/core:enablePartitionLiterals': true,
  '@aws-cdk/core:checkSecretUsage': true,
  '@aws-cdk/core:validateSnapshotRemovalPolicy': true,
  '@aws-cdk/core:validateAgainstDefaultRules': true,
  '@aws-cdk/core:annotationsInValidationReport': true,
  '@aws-cdk/core:includePrefixInUniqueNameGeneration': true,
  '@aws-cdk/core:explicitStackTags': true,
  '@aws-cdk/core:aspectPrioritiesMutating': true,
  '@aws-cdk/aws-iam:minimizePolicies': true,
  '@aws-cdk/aws-iam:importedRoleStackSafeDefaultPolicyName': true,
  '@aws-cdk/aws-kms:aliasNameRef': true,
  '@aws-cdk/aws-kms:applyImportedAliasPermissionsToPrincipal': true,
  '@aws-cdk/aws-kms:reduceCrossAccountRegionPolicyScope': true,
  '@aws-cdk/aws-lambda:recognizeLayerVersion': true,
  '@aws-cdk/aws-lambda:createNewPoliciesWithAddToRolePolicy': false,
  '@aws-cdk/aws-lambda:useCdkManagedLogGroup': true,
  '@aws-cdk/aws-dynamodb:resourcePolicyPerReplica': true,
  '@aws-cdk/aws-dynamodb:retainTableReplica': true,
  '@aws-cdk/aws-apigateway:disableCloudWatchRole': true,
}

/** Exact, so that what was tried together is what is installed. */
function packageFile(dependency: string): string {
  return json({
    private: true,
    type: 'module',
    scripts: {
      check: 'token-broker check broker.yaml',
      synth: 'cdk synth --quiet',
      deploy: 'cdk deploy',
    },
    dependencies: {
      'aws-cdk-lib': '2.276.0',
      constructs: '10.8.1',
      'token-broker': dependency,
    },
    devDependencies: {
      'aws-cdk': '2.1148.1',
    },
  })
}

const workflow = `# Says in a pull request what is wrong with broker.yaml, before anything is deployed.
name: broker-check

on:
  pull_request:
    paths:
      - broker.yaml
      - app.mjs
      - cdk.json
      - package*.json
      - .github/workflows/broker-check.yml

permissions: {}

jobs:
  check:
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          persist-credentials: false
      - uses: actions/setup-node@a0853c24544627f65ddf259abe73b1d18a591444 # v5.0.0
        with:
          node-version: 24
          package-manager-cache: false
      - run: npm ci
      - run: npx --no-install token-broker check broker.yaml
      - run: npx cdk synth --quiet
`

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
