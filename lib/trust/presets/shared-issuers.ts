import type { PresetName } from '../configuration.ts'
import type { TenantClaims } from './preset.ts'

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
  { issuer: /^spiffe:/i, presets: ['spiffe'] },
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
