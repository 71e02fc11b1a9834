import type { Configuration, Issuer } from '../configuration.ts'
import { peoplePresets } from '../presets/people.ts'
import { finding, type GuardrailFinding } from './finding.ts'
import { isHttps, isPrivateHost } from './url.ts'

/** Where a secret is, which never stands in broker.yaml itself. */
export const secretReference =
  /^(?:arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]{1,512}|env:[A-Z_][A-Z0-9_]*)$/

/** Of an issuer at which people log in. */
export function ofUpstreamLogin(
  { name, issuer, preset, shares_issuer, login }: Issuer,
  { local }: Pick<Configuration, 'local'>,
): GuardrailFinding[] {
  if (login === undefined) return []
  const path = ['issuers', name, 'login']
  const wrong = (message: string, ...at: string[]) => finding('issuer-login', [...path, ...at], message)
  const secret = login.auth === 'private_key_jwt' ? undefined : login.auth.client_secret
  return [
    ...(preset === undefined || Object.hasOwn(peoplePresets, preset)
      ? []
      : [
          wrong(
            `${preset} is an issuer of workloads, and nobody logs in there: people do at ${Object.keys(peoplePresets).join(', ')}, or an issuer without a preset`,
          ),
        ]),
    ...(shares_issuer
      ? [wrong('another issuer has the same URL: where people log in, the URL alone says whose they are')]
      : []),
    ...(!local && isHttps(issuer) && isPrivateHost(issuer)
      ? [
          finding(
            'unreachable-keys',
            path,
            `we ask the issuer on the public internet, where ${new URL(issuer).hostname} is not, also when its keys are in this file`,
          ),
        ]
      : []),
    ...(login.scopes.includes('openid')
      ? []
      : [wrong('add openid: without it there is no ID token (OpenID Connect Core section 3.1.2.1)', 'scopes')]),
    ...(secret === undefined || secretReference.test(secret)
      ? []
      : [wrong('a secret never stands here: write the ARN of one in Secrets Manager', 'auth', 'client_secret')]),
    ...(secret?.startsWith('env:') === true && !local
      ? [
          wrong(
            'a deployment keeps no secret in its environment: write the ARN of one in Secrets Manager, or auth: private_key_jwt; env: is for local runs',
            'auth',
            'client_secret',
          ),
        ]
      : []),
  ]
}
