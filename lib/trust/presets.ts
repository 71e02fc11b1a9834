import { subjectTokenAlgorithms, type SubjectTokenAlgorithm } from '../protocol/algorithms.ts'
import type { ClaimPath } from '../tokens/claim-path.ts'
import type { ReplayMode, SubjectTemplate } from '../tokens/trusted-issuer.ts'
import type { PresetName } from './configuration.ts'

/** What we know of a kind of issuer, so that an operator need not: from its documentation, see docs/configuration.md. */
export interface Preset {
  /** Absent: broker.yaml must say. */
  issuer?: string
  /** The shapes an issuer URL of this kind has. Absent: any. */
  issuers?: readonly RegExp[]
  /**
   * Anybody can have tokens of `issuer`, or of every issuer of this kind where that is absent: one of these, by value, pins
   * a tenant. Absent: each issuer is one tenant's own.
   */
  tenantClaims?: TenantClaims
  /** What `aud` is where the issuer lets nobody choose it. Absent: our own issuer. */
  audiences?: readonly string[]
  algorithms: readonly SubjectTokenAlgorithm[]
  subject: SubjectTemplate
  replay: ReplayMode
  /** Seconds. */
  max_token_lifetime: number
  forbidden?: ForbiddenEvents
  /**
   * Below these whoever has or asks for the token writes what they like, or all tokens say the same, so that a rule about
   * them alone means everybody. A pattern is of a claim's name.
   */
  callerChosen?: readonly (ClaimPath | RegExp)[]
  /** Claims that the person types, and the one that is true once somebody has verified it: they mean nothing without. */
  verifiedBy?: Readonly<Record<string, string>>
  /**
   * Claims that are neither text nor lists of text. All others are, also those that look like numbers and booleans.
   * Absent: its administrators add claims of any type.
   */
  otherTypes?: readonly string[]
  /** The claims that its tokens have beside the registered ones, as far as we know; `*` at the end stands for any. Absent: its administrators add others. */
  claims?: readonly string[]
  /** Short names for `match` and `require`. */
  aliases: Readonly<Record<string, ClaimPath>>
  /** Names, which people change and hand on, each with what has the id that stays. Both as `match` has them. */
  ids: Readonly<Record<string, string>>
}

export type TenantClaims = readonly [string, ...string[]]

/** Values of a claim that are refused unless a rule names them literally: who causes such an event need not be trusted. */
export interface ForbiddenEvents {
  claim: string
  values: readonly (string | boolean)[]
}

const kubernetes = 'kubernetes.io'
const circleci = (name: string): ClaimPath => [`oidc.circleci.com/${name}`]
const aws = 'https://sts.amazonaws.com/'
const computeEngine = (name: string): ClaimPath => ['google', 'compute_engine', name]

/** Of a tenant of Entra, but for that of all personal accounts. */
const tenantId = '(?!9188040d-6c67-4c5b-b112-36a304b66dad)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'

const verifiedBy = { email: 'email_verified', phone_number: 'phone_number_verified' }

/** OpenID Connect Core section 5.1: what people say of themselves, and of many people alike. `nonce` is the application's. */
const profile: readonly ClaimPath[] = [
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
  'address',
  'updated_at',
  'email_verified',
  'phone_number_verified',
  'nonce',
].map((name) => [name])

export const presets: Readonly<Record<PresetName, Preset>> = {
  'github-actions': {
    issuer: 'https://token.actions.githubusercontent.com',
    issuers: [
      // github.com, or on it a GitHub Enterprise Cloud slug.
      /^https:\/\/token\.actions\.githubusercontent\.com(?:\/[A-Za-z0-9][A-Za-z0-9-]*)?$/,
      // Data residency.
      /^https:\/\/token\.actions\.[a-z0-9-]+\.ghe\.com$/,
      // GitHub Enterprise Server.
      /^https:\/\/[a-z0-9.-]+(?::\d+)?\/_services\/token$/,
    ],
    tenantClaims: ['repository_owner_id', 'repository_id', 'enterprise_id'],
    algorithms: ['RS256'],
    subject: ['repo:', { claim: ['repository_owner_id'] }, '/', { claim: ['repository_id'] }],
    replay: 'once',
    max_token_lifetime: 3_600,
    forbidden: {
      claim: 'event_name',
      values: [
        'pull_request',
        'pull_request_target',
        'pull_request_review',
        'pull_request_review_comment',
        'issue_comment',
        'issues',
        'discussion',
        'discussion_comment',
        'fork',
        'watch',
        'workflow_run',
        'commit_comment',
        'gollum',
      ],
    },
    otherTypes: [],
    claims: [
      'actor',
      'actor_id',
      'base_ref',
      'check_run_id',
      'enterprise',
      'enterprise_id',
      'environment',
      'environment_node_id',
      'event_name',
      'head_ref',
      'issuer_scope',
      'job_workflow_ref',
      'job_workflow_sha',
      'ref',
      'ref_protected',
      'ref_type',
      'repo_property_*',
      'repository',
      'repository_id',
      'repository_owner',
      'repository_owner_id',
      'repository_visibility',
      'run_attempt',
      'run_id',
      'run_number',
      'runner_environment',
      'sha',
      'workflow',
      'workflow_ref',
      'workflow_sha',
    ],
    aliases: {},
    ids: {
      repository: 'repository_id',
      repository_owner: 'repository_owner_id',
      enterprise: 'enterprise_id',
      actor: 'actor_id',
    },
  },
  gitlab: {
    issuer: 'https://gitlab.com',
    issuers: [/^https:\/\/[a-z0-9.-]+(?::\d+)?(?:\/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?$/],
    tenantClaims: ['namespace_id', 'project_id', 'job_namespace_id', 'job_project_id'],
    algorithms: ['RS256'],
    // In a fork's merge request pipeline project_id names the fork; job_project_id is where the job ran.
    subject: ['project:', { claim: ['job_project_id'], otherwise: ['project_id'] }],
    replay: 'once',
    // A token lives as long as its job may.
    max_token_lifetime: 3_600,
    forbidden: { claim: 'pipeline_source', values: ['merge_request_event', 'external_pull_request_event'] },
    otherTypes: ['runner_id'],
    claims: [
      'ci_config_ref_uri',
      'ci_config_sha',
      'deployment_action',
      'deployment_tier',
      'environment',
      'environment_protected',
      'groups_direct',
      'job_id',
      'job_namespace_id',
      'job_namespace_path',
      'job_project_id',
      'job_project_path',
      'job_source',
      'namespace_id',
      'namespace_path',
      'pipeline_id',
      'pipeline_source',
      'project_id',
      'project_path',
      'project_visibility',
      'ref',
      'ref_path',
      'ref_protected',
      'ref_type',
      'runner_environment',
      'runner_id',
      'sha',
      'user_access_level',
      'user_email',
      'user_id',
      'user_identities',
      'user_login',
    ],
    aliases: {},
    ids: {
      project_path: 'project_id',
      namespace_path: 'namespace_id',
      job_project_path: 'job_project_id',
      job_namespace_path: 'job_namespace_id',
      user_login: 'user_id',
    },
  },
  kubernetes: {
    algorithms: ['RS256', 'ES256'],
    subject: ['serviceaccount:', { claim: [kubernetes, 'serviceaccount', 'uid'] }],
    // The kubelet hands the same token to the pod until most of its life is over.
    replay: 'off',
    max_token_lifetime: 3_600,
    otherTypes: [],
    claims: [kubernetes],
    aliases: {
      namespace: [kubernetes, 'namespace'],
      service_account: [kubernetes, 'serviceaccount', 'name'],
      service_account_uid: [kubernetes, 'serviceaccount', 'uid'],
      pod: [kubernetes, 'pod', 'name'],
      pod_uid: [kubernetes, 'pod', 'uid'],
      node: [kubernetes, 'node', 'name'],
      node_uid: [kubernetes, 'node', 'uid'],
    },
    ids: { service_account: 'service_account_uid', pod: 'pod_uid', node: 'node_uid' },
  },
  circleci: {
    // One issuer an organization, by its id. The bare https://oidc.circleci.com is everybody's.
    issuers: [/^https:\/\/oidc\.circleci\.com\/org\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
    algorithms: ['RS256'],
    subject: ['project:', { claim: circleci('project-id') }],
    // It has no jti: the token itself counts once.
    replay: 'once',
    max_token_lifetime: 3_600,
    // Whoever may rerun a job with SSH has a shell in it.
    forbidden: { claim: 'oidc.circleci.com/ssh-rerun', values: [true] },
    otherTypes: ['oidc.circleci.com/ssh-rerun'],
    claims: ['oidc.circleci.com/*'],
    aliases: {
      org_id: circleci('org-id'),
      project_id: circleci('project-id'),
      pipeline_definition_id: circleci('pipeline-definition-id'),
      context_ids: circleci('context-ids'),
      vcs_origin: circleci('vcs-origin'),
      vcs_ref: circleci('vcs-ref'),
      ssh_rerun: circleci('ssh-rerun'),
    },
    ids: {},
  },
  buildkite: {
    issuer: 'https://agent.buildkite.com',
    issuers: [/^https:\/\/agent\.buildkite\.com$/],
    tenantClaims: ['organization_id', 'pipeline_id'],
    algorithms: ['RS256'],
    // Only in tokens that are asked for with --claim organization_id --claim pipeline_id.
    subject: ['pipeline:', { claim: ['organization_id'] }, '/', { claim: ['pipeline_id'] }],
    replay: 'once',
    max_token_lifetime: 3_600,
    otherTypes: ['build_number'],
    claims: [
      'agent_id',
      'agent_tag:*',
      'build_branch',
      'build_commit',
      'build_id',
      'build_number',
      'build_source',
      'build_tag',
      'cluster_id',
      'cluster_name',
      'job_id',
      'organization_id',
      'organization_slug',
      'pipeline_id',
      'pipeline_slug',
      'queue_id',
      'queue_key',
      'runner_environment',
      'step_key',
    ],
    aliases: {},
    ids: { organization_slug: 'organization_id', pipeline_slug: 'pipeline_id' },
  },
  'bitbucket-pipelines': {
    issuers: [/^https:\/\/api\.bitbucket\.org\/2\.0\/workspaces\/[A-Za-z0-9_{}-]+\/pipelines-config\/identity\/oidc$/],
    // The workspace in the URL is a name.
    tenantClaims: ['workspaceUuid', 'repositoryUuid'],
    algorithms: ['RS256'],
    subject: ['repository:', { claim: ['workspaceUuid'] }, '/', { claim: ['repositoryUuid'] }],
    // A step has one token, whatever it needs.
    replay: 'once_per_target',
    max_token_lifetime: 3_600,
    otherTypes: [],
    claims: [
      'branchName',
      'deploymentEnvironmentUuid',
      'pipelineRunUuid',
      'pipelineUuid',
      'repositoryUuid',
      'stepUuid',
      'workspaceUuid',
    ],
    aliases: {},
    ids: {},
  },
  'hcp-terraform': {
    issuer: 'https://app.terraform.io',
    issuers: [/^https:\/\/[a-z0-9.-]+(?::\d+)?$/],
    tenantClaims: ['terraform_organization_id', 'terraform_project_id', 'terraform_workspace_id'],
    algorithms: ['RS256'],
    subject: ['workspace:', { claim: ['terraform_workspace_id'] }],
    // A run has one token a phase for all its providers.
    replay: 'once_per_target',
    // As long as the phase may take.
    max_token_lifetime: 86_400,
    otherTypes: [],
    claims: [
      'terraform_full_workspace',
      'terraform_organization_id',
      'terraform_organization_name',
      'terraform_project_id',
      'terraform_project_name',
      'terraform_run_id',
      'terraform_run_phase',
      'terraform_workspace_id',
      'terraform_workspace_name',
    ],
    aliases: {},
    ids: {
      terraform_organization_name: 'terraform_organization_id',
      terraform_project_name: 'terraform_project_id',
      terraform_workspace_name: 'terraform_workspace_id',
    },
  },
  'azure-devops': {
    // One issuer an organization, by its id.
    issuers: [/^https:\/\/vstoken\.dev\.azure\.com\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
    // Nobody can have another: a token that is meant for Entra is good here too, but once.
    audiences: ['api://AzureADTokenExchange'],
    algorithms: ['RS256'],
    // Of a pipeline's own token. That of a service connection has no ids, and so no subject.
    subject: ['pipeline:', { claim: ['prj_id'] }, '/', { claim: ['def_id'] }],
    replay: 'once',
    max_token_lifetime: 3_600,
    otherTypes: [],
    claims: ['def_id', 'org_id', 'prj_id', 'rpo_id', 'rpo_ref', 'rpo_uri', 'rpo_ver', 'run_id'],
    aliases: {},
    ids: { rpo_uri: 'rpo_id' },
  },
  vercel: {
    issuers: [/^https:\/\/oidc\.vercel\.com(?:\/[a-z0-9][a-z0-9-]*)?$/],
    // The team in the URL is a name.
    tenantClaims: ['owner_id', 'project_id'],
    algorithms: ['RS256'],
    subject: ['project:', { claim: ['owner_id'] }, '/', { claim: ['project_id'] }],
    // A function has one token for as long as it lasts, in every invocation.
    replay: 'off',
    max_token_lifetime: 3_600,
    otherTypes: [],
    claims: ['environment', 'external_sub', 'owner', 'owner_id', 'plan', 'project', 'project_id', 'scope', 'user_id'],
    aliases: {},
    ids: { owner: 'owner_id', project: 'project_id' },
  },
  fly: {
    issuers: [/^https:\/\/oidc\.fly\.io\/[a-z0-9][a-z0-9-]*$/],
    // The organization in the URL is a name.
    tenantClaims: ['org_id', 'app_id'],
    algorithms: ['RS256'],
    subject: ['app:', { claim: ['org_id'] }, '/', { claim: ['app_id'] }],
    replay: 'once',
    max_token_lifetime: 3_600,
    otherTypes: [],
    claims: [
      'app_id',
      'app_name',
      'image',
      'image_digest',
      'machine_id',
      'machine_name',
      'machine_version',
      'org_id',
      'org_name',
      'region',
    ],
    aliases: {},
    ids: { org_name: 'org_id', app_name: 'app_id', machine_name: 'machine_id' },
  },
  aws: {
    // One issuer an account.
    issuers: [/^https:\/\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tokens\.sts\.global\.api\.aws$/],
    algorithms: ['RS256', 'ES384'],
    // The principal's ARN.
    subject: [{ claim: ['sub'] }],
    replay: 'once',
    max_token_lifetime: 3_600,
    callerChosen: [[aws, 'request_tags']],
    otherTypes: [],
    claims: [aws],
    aliases: {
      aws_account: [aws, 'aws_account'],
      org_id: [aws, 'org_id'],
      ou_path: [aws, 'ou_path'],
      source_region: [aws, 'source_region'],
      source_identity: [aws, 'source_identity'],
      principal_tags: [aws, 'principal_tags'],
      lambda_function_arn: [aws, 'lambda_source_function_arn'],
      ec2_instance_arn: [aws, 'ec2_source_instance_arn'],
    },
    ids: {},
  },
  'google-service-account': {
    issuer: 'https://accounts.google.com',
    issuers: [/^https:\/\/accounts\.google\.com$/],
    // The unique id. An email is somebody else's once its account is deleted.
    tenantClaims: ['sub'],
    algorithms: ['RS256'],
    subject: [{ claim: ['sub'] }],
    // The metadata server hands out the same token until it is about to expire.
    replay: 'off',
    max_token_lifetime: 3_600,
    callerChosen: [['email_verified']],
    verifiedBy,
    otherTypes: ['email_verified', 'google'],
    claims: ['azp', 'email', 'email_verified', 'google'],
    aliases: {
      project_id: computeEngine('project_id'),
      project_number: computeEngine('project_number'),
      zone: computeEngine('zone'),
      instance_id: computeEngine('instance_id'),
      instance_name: computeEngine('instance_name'),
    },
    ids: {},
  },
  'google-workspace': {
    issuer: 'https://accounts.google.com',
    issuers: [/^https:\/\/accounts\.google\.com$/],
    // The domain. Absent from tokens of private people and of service accounts.
    tenantClaims: ['hd'],
    algorithms: ['RS256'],
    subject: [{ claim: ['sub'] }],
    // An application has one token of a person for all it needs.
    replay: 'once_per_target',
    // An hour and five minutes, in its documentation.
    max_token_lifetime: 3_900,
    callerChosen: profile,
    verifiedBy,
    otherTypes: ['email_verified'],
    claims: [
      'at_hash',
      'azp',
      'email',
      'email_verified',
      'family_name',
      'given_name',
      'hd',
      'locale',
      'name',
      'nonce',
      'picture',
      'profile',
    ],
    aliases: {},
    ids: {},
  },
  'entra-id': {
    // One issuer a tenant, by its id.
    issuers: [
      new RegExp(
        `^https://login\\.(?:microsoftonline\\.(?:com|us)|partner\\.microsoftonline\\.cn)/${tenantId}/v2\\.0$`,
      ),
      new RegExp(`^https://sts\\.(?:windows\\.net|chinacloudapi\\.cn)/${tenantId}/$`),
    ],
    algorithms: ['RS256'],
    subject: ['user:', { claim: ['tid'] }, '/', { claim: ['oid'] }],
    replay: 'once_per_target',
    // Up to 90 minutes, and the five that tokens of its documentation have over an hour.
    max_token_lifetime: 5_700,
    callerChosen: [...profile, ['email'], ['phone_number'], ['upn'], ['unique_name'], ['login_hint']],
    aliases: {},
    ids: {},
  },
  okta: {
    // The organization's own authorization server, or one of its custom ones.
    issuers: [/^https:\/\/[a-z0-9.-]+(?:\/oauth2\/[A-Za-z0-9]+)?$/],
    algorithms: ['RS256'],
    // In an access token sub is the login, which changes; only an ID token has the id there.
    subject: ['user:', { claim: ['uid'], otherwise: ['sub'] }],
    replay: 'once_per_target',
    max_token_lifetime: 3_600,
    callerChosen: profile,
    verifiedBy,
    aliases: {},
    ids: {},
  },
  auth0: {
    issuers: [/^https:\/\/[a-z0-9.-]+\/$/],
    algorithms: ['RS256', 'PS256'],
    subject: [{ claim: ['sub'] }],
    replay: 'once_per_target',
    max_token_lifetime: 3_600,
    callerChosen: profile,
    verifiedBy,
    aliases: {},
    ids: {},
  },
  keycloak: {
    issuers: [/^https:\/\/[a-z0-9.-]+(?::\d+)?(?:\/[A-Za-z0-9._~-]+)*\/realms\/[A-Za-z0-9._~-]+$/],
    // Whatever the realm is set to.
    algorithms: subjectTokenAlgorithms,
    subject: [{ claim: ['sub'] }],
    replay: 'once_per_target',
    max_token_lifetime: 3_600,
    callerChosen: profile,
    verifiedBy,
    aliases: { realm_roles: ['realm_access', 'roles'] },
    ids: {},
  },
  cognito: {
    issuers: [/^https:\/\/cognito-idp\.([a-z0-9-]+)\.amazonaws\.com\/\1_[A-Za-z0-9]+$/],
    algorithms: ['RS256'],
    // Of ID tokens: access tokens have no aud, and are refused.
    subject: ['user:', { claim: ['sub'] }],
    replay: 'once_per_target',
    max_token_lifetime: 3_600,
    // Whoever signs up chooses a user name, and writes what attributes the application may.
    callerChosen: [...profile, /^custom:/, ['cognito:username'], ['token_use']],
    verifiedBy,
    aliases: { groups: ['cognito:groups'] },
    ids: {},
  },
}

/** Well-known issuers: some have presets, which know their pitfalls. Of the others anybody can have tokens, so they are pinned without one. */
export const sharedIssuers: readonly ({ issuer: RegExp } & (
  | { presets: readonly [PresetName, ...PresetName[]]; tenantClaims?: undefined }
  | { presets?: undefined; tenantClaims: TenantClaims }
))[] = [
  { issuer: /^https:\/\/token\.actions\.githubusercontent\.com(?:\/|$)/, presets: ['github-actions'] },
  { issuer: /^https:\/\/gitlab\.com\/?$/, presets: ['gitlab'] },
  { issuer: /^https:\/\/accounts\.google\.com\/?$/, presets: ['google-service-account', 'google-workspace'] },
  { issuer: /^https:\/\/agent\.buildkite\.com(?:\/|$)/, presets: ['buildkite'] },
  { issuer: /^https:\/\/app\.terraform\.io\/?$/, presets: ['hcp-terraform'] },
  { issuer: /^https:\/\/oidc\.vercel\.com(?:\/|$)/, presets: ['vercel'] },
  { issuer: /^https:\/\/oidc\.fly\.io(?:\/|$)/, presets: ['fly'] },
  { issuer: /^https:\/\/api\.bitbucket\.org\/2\.0\/workspaces\//, presets: ['bitbucket-pipelines'] },
  { issuer: /^https:\/\/oidc\.circleci\.com\/org\//, presets: ['circleci'] },
  { issuer: /^https:\/\/vstoken\.dev\.azure\.com(?:\/|$)/, presets: ['azure-devops'] },
  { issuer: /^https:\/\/[0-9a-f-]+\.tokens\.sts\.global\.api\.aws(?:\/|$)/, presets: ['aws'] },
  {
    issuer:
      /^https:\/\/(?:login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)|sts\.(?:windows\.net|chinacloudapi\.cn))(?:\/|$)/,
    presets: ['entra-id'],
  },
  { issuer: /^https:\/\/[a-z0-9-]+\.(?:okta|oktapreview|okta-emea|okta-gov)\.com(?:\/|$)/, presets: ['okta'] },
  { issuer: /^https:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)?\.auth0\.com(?:\/|$)/, presets: ['auth0'] },
  { issuer: /^https:\/\/cognito-idp\.[a-z0-9-]+\.amazonaws\.com(?:\/|$)/, presets: ['cognito'] },
  {
    issuer: /^https:\/\/oidc\.circleci\.com\/?$/,
    tenantClaims: ['oidc.circleci.com/project-id', 'oidc.circleci.com/org-id'],
  },
  { issuer: /^https:\/\/oidc\.codefresh\.io\/?$/, tenantClaims: ['account_id'] },
  { issuer: /^https:\/\/issuer\.enforce\.dev\/?$/, tenantClaims: ['sub'] },
  { issuer: /^https:\/\/(?:[a-z]+-)?oidc\.buddyusercontent\.com\/?$/, tenantClaims: ['sub'] },
  { issuer: /^https:\/\/oauth2\.sigstore\.dev\/auth\/?$/, tenantClaims: ['sub', 'email'] },
  { issuer: /^https:\/\/appleid\.apple\.com\/?$/, tenantClaims: ['sub'] },
]

export function forbiddenEvents(preset: PresetName | undefined): ForbiddenEvents | undefined {
  return preset === undefined ? undefined : presets[preset].forbidden
}
