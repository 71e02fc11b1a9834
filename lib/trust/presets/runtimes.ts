import type { ClaimPath } from '../../tokens/claim-path.ts'
import { verifiedBy, type Preset } from './preset.ts'

const kubernetes = 'kubernetes.io'

const aws = 'https://sts.amazonaws.com/'

const computeEngine = (name: string): ClaimPath => ['google', 'compute_engine', name]

/** Issuers of what runs: pods, functions, machines. */
export const runtimePresets: Readonly<
  Record<'kubernetes' | 'vercel' | 'fly' | 'aws' | 'google-service-account' | 'spiffe', Preset>
> = {
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
  spiffe: {
    // A trust domain: `sub` says whose a token is, and `iss` may say anything or be absent.
    issuers: [/^spiffe:\/\/[a-z0-9._-]{1,255}$/],
    algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'],
    // The SPIFFE ID, whole.
    subject: [{ claim: ['sub'] }],
    // The Workload API hands the same token out until half of its life is over.
    replay: 'off',
    max_token_lifetime: 3_600,
    otherTypes: [],
    aliases: {},
    ids: {},
  },
}
