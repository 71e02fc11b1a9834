import type { SubjectTokenAlgorithm } from '../protocol/algorithms.ts'
import type { ClaimPath } from '../tokens/claim-path.ts'
import type { ReplayMode, SubjectTemplate } from '../tokens/trusted-issuer.ts'
import type { PresetName } from './configuration.ts'

/** What we know of a kind of issuer, so that an operator need not: from its documentation, see docs/configuration.md. */
export interface Preset {
  /** Absent: broker.yaml must say. */
  issuer?: string
  /** The shapes an issuer URL of this kind has. Absent: any. */
  issuers?: readonly RegExp[]
  /** Anybody can have tokens of `issuer`: one of these, by value, pins a tenant. Absent: each issuer is one tenant's own. */
  tenantClaims?: TenantClaims
  algorithms: readonly SubjectTokenAlgorithm[]
  subject: SubjectTemplate
  replay: ReplayMode
  /** Seconds. */
  max_token_lifetime: number
  forbidden?: ForbiddenEvents
  /** Claims that are neither text nor lists of text. All others are, also those that look like numbers and booleans. */
  otherTypes: readonly string[]
  /** Short names for `match` and `require`. */
  aliases: Readonly<Record<string, ClaimPath>>
}

export type TenantClaims = readonly [string, ...string[]]

/** Values of a claim that are refused unless a rule names them literally: who causes such an event need not be trusted. */
export interface ForbiddenEvents {
  claim: string
  values: readonly string[]
}

const kubernetes = 'kubernetes.io'

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
    aliases: {},
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
    aliases: {},
  },
  kubernetes: {
    algorithms: ['RS256', 'ES256'],
    subject: ['serviceaccount:', { claim: [kubernetes, 'serviceaccount', 'uid'] }],
    // The kubelet hands the same token to the pod until most of its life is over.
    replay: 'off',
    max_token_lifetime: 3_600,
    otherTypes: [],
    aliases: {
      namespace: [kubernetes, 'namespace'],
      service_account: [kubernetes, 'serviceaccount', 'name'],
      service_account_uid: [kubernetes, 'serviceaccount', 'uid'],
      pod: [kubernetes, 'pod', 'name'],
      pod_uid: [kubernetes, 'pod', 'uid'],
      node: [kubernetes, 'node', 'name'],
      node_uid: [kubernetes, 'node', 'uid'],
    },
  },
}

/** Well-known issuers that anybody can have tokens of: some have a preset, the others are pinned without one. */
export const sharedIssuers: readonly ({ issuer: RegExp } & (
  { preset: PresetName; tenantClaims?: undefined } | { preset?: undefined; tenantClaims: TenantClaims }
))[] = [
  { issuer: /^https:\/\/token\.actions\.githubusercontent\.com(?:\/|$)/, preset: 'github-actions' },
  { issuer: /^https:\/\/gitlab\.com\/?$/, preset: 'gitlab' },
  { issuer: /^https:\/\/accounts\.google\.com\/?$/, tenantClaims: ['sub', 'hd'] },
  { issuer: /^https:\/\/agent\.buildkite\.com\/?$/, tenantClaims: ['organization_id', 'pipeline_id'] },
  {
    issuer: /^https:\/\/app\.terraform\.io\/?$/,
    tenantClaims: ['terraform_organization_id', 'terraform_project_id', 'terraform_workspace_id'],
  },
  { issuer: /^https:\/\/oidc\.vercel\.com\/?$/, tenantClaims: ['owner_id', 'project_id'] },
  {
    issuer: /^https:\/\/oidc\.circleci\.com\/?$/,
    tenantClaims: ['oidc.circleci.com/project-id', 'oidc.circleci.com/org-id'],
  },
  { issuer: /^https:\/\/oidc\.codefresh\.io\/?$/, tenantClaims: ['account_id'] },
  { issuer: /^https:\/\/issuer\.enforce\.dev\/?$/, tenantClaims: ['sub'] },
  { issuer: /^https:\/\/(?:[a-z]+-)?oidc\.buddyusercontent\.com\/?$/, tenantClaims: ['sub'] },
  { issuer: /^https:\/\/oauth2\.sigstore\.dev\/auth\/?$/, tenantClaims: ['sub', 'email'] },
  { issuer: /^https:\/\/appleid\.apple\.com\/?$/, tenantClaims: ['sub'] },
  // Tokens of these name the tenant they are from; every account without one is of the last.
  { issuer: /^https:\/\/login\.microsoftonline\.com\/(?:common|organizations)(?:\/|$)/, tenantClaims: ['tid'] },
  { issuer: /^https:\/\/sts\.windows\.net\/(?:common|organizations)(?:\/|$)/, tenantClaims: ['tid'] },
  {
    issuer: /^https:\/\/login\.microsoftonline\.com\/(?:consumers|9188040d-6c67-4c5b-b112-36a304b66dad)(?:\/|$)/,
    tenantClaims: ['sub', 'oid'],
  },
]

export function forbiddenEvents(preset: PresetName | undefined): ForbiddenEvents | undefined {
  return preset === undefined ? undefined : presets[preset].forbidden
}
