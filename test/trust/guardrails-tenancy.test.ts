import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Configuration, PresetName } from '../../lib/trust/configuration.ts'
import { findUnsafe } from '../../lib/trust/guardrails.ts'
import type { GuardrailFinding } from '../../lib/trust/guardrails/finding.ts'
import { github, ofPreset, rulesOf, withIssuer } from './guardrails-fixture.ts'
import { equals } from './policy-fixture.ts'

const unsafe: readonly (readonly [string, Configuration, GuardrailFinding['rule']])[] = [
  ['GitHub without its preset', withIssuer({ issuer: github }), 'use-preset'],
  ['a GitHub slug without its preset', withIssuer({ issuer: `${github}/acme` }), 'use-preset'],
  ['gitlab.com without its preset', withIssuer({ issuer: 'https://gitlab.com' }), 'use-preset'],
  [
    'Google in the clothes of a cluster',
    withIssuer(ofPreset('kubernetes', 'https://accounts.google.com')),
    'preset-issuer',
  ],
  ['GitHub in the clothes of a cluster', withIssuer(ofPreset('kubernetes', github)), 'preset-issuer'],
  ['GitHub in the clothes of a GitLab', withIssuer(ofPreset('gitlab', github)), 'preset-issuer'],
  ['gitlab.com in the clothes of a cluster', withIssuer(ofPreset('kubernetes', 'https://gitlab.com')), 'preset-issuer'],
  [
    'Buildkite in the clothes of a GitLab',
    withIssuer(ofPreset('gitlab', 'https://agent.buildkite.com')),
    'preset-issuer',
  ],

  [
    'a service account of Google pinned by a domain',
    withIssuer(ofPreset('google-service-account', 'https://accounts.google.com', [equals('hd', 'acme.test')])),
    'shared-issuer-unpinned',
  ],
  [
    'a service account of Google pinned by its email',
    withIssuer(
      ofPreset('google-service-account', 'https://accounts.google.com', [
        equals('email', 'a@acme.iam.gserviceaccount.com'),
        equals('email_verified', true),
      ]),
    ),
    'shared-issuer-unpinned',
  ],
  [
    'a Google Workspace pinned by a person',
    withIssuer(ofPreset('google-workspace', 'https://accounts.google.com', [equals('sub', '1')])),
    'shared-issuer-unpinned',
  ],
  [
    'an Entra tenant by its name',
    withIssuer({ issuer: 'https://login.microsoftonline.com/acme.test/v2.0' }),
    'use-preset',
  ],
  ['everybody’s Entra', withIssuer({ issuer: 'https://login.microsoftonline.com/common/v2.0' }), 'use-preset'],
  [
    'everybody’s Entra, pinned',
    withIssuer({ issuer: 'https://login.microsoftonline.com/common/v2.0', require: [equals('tid', '1')] }),
    'use-preset',
  ],
  ['Auth0 in the clothes of Okta', withIssuer(ofPreset('okta', 'https://acme.auth0.com')), 'preset-issuer'],
  ['Okta in the clothes of Auth0', withIssuer(ofPreset('auth0', 'https://acme.okta.com/')), 'preset-issuer'],
  [
    'an Okta organization without replay protection',
    withIssuer({ ...ofPreset('okta', 'https://acme.okta.com'), replay: 'off' }),
    'preset-fixed',
  ],
  [
    'an Entra tenant with a subject by name',
    withIssuer({
      ...ofPreset('entra-id', 'https://login.microsoftonline.com/6f1b3c52-0d0e-4c83-9c9e-3f3d6d0f7a11/v2.0'),
      subject: [{ claim: ['upn'] }],
    }),
    'preset-fixed',
  ],

  ['GitHub without a pin', withIssuer(ofPreset('github-actions', github)), 'shared-issuer-unpinned'],
  [
    'GitHub pinned by a name',
    withIssuer(ofPreset('github-actions', github, [equals('repository_owner', 'acme')])),
    'shared-issuer-unpinned',
  ],
  [
    'GitHub pinned by what it is not',
    withIssuer(
      ofPreset('github-actions', github, [
        { key: 'repository_owner_id', path: ['repository_owner_id'], operator: { not: ['1'] } },
      ]),
    ),
    'shared-issuer-unpinned',
  ],
  [
    'GitHub pinned by a pattern',
    withIssuer(
      ofPreset('github-actions', github, [
        { key: 'enterprise_id', path: ['enterprise_id'], operator: { contains: '1' } },
      ]),
    ),
    'shared-issuer-unpinned',
  ],
  [
    'GitHub pinned below a claim',
    withIssuer(
      ofPreset('github-actions', github, [
        { key: '/repository_id/id', path: ['repository_id', 'id'], operator: { equals: ['1'] } },
      ]),
    ),
    'shared-issuer-unpinned',
  ],
  [
    'a pin of nothing',
    withIssuer(ofPreset('github-actions', github, [equals('repository_owner_id', '')])),
    'shared-issuer-unpinned',
  ],
  [
    'a pin of something or nothing',
    withIssuer(ofPreset('github-actions', github, [equals('repository_owner_id', '1', '')])),
    'shared-issuer-unpinned',
  ],
  ['gitlab.com without a pin', withIssuer(ofPreset('gitlab', 'https://gitlab.com')), 'shared-issuer-unpinned'],
  [
    'a stand-in of GitHub without a pin',
    { ...withIssuer(ofPreset('github-actions', 'http://127.0.0.1:8788')), local: true },
    'shared-issuer-unpinned',
  ],

  [
    'a preset with a subject by name',
    withIssuer({ ...ofPreset('github-actions', `${github}/acme`), subject: [{ claim: ['actor'] }] }),
    'preset-fixed',
  ],
  [
    'a preset with laxer replay protection',
    withIssuer({ ...ofPreset('github-actions', `${github}/acme`), replay: 'once_per_target' }),
    'preset-fixed',
  ],
  [
    'a preset without replay protection',
    withIssuer({ ...ofPreset('github-actions', `${github}/acme`), replay: 'off' }),
    'preset-fixed',
  ],
  [
    'a preset with another algorithm',
    withIssuer({ ...ofPreset('github-actions', `${github}/acme`), algorithms: ['RS256', 'ES256'] }),
    'preset-fixed',
  ],
]

for (const [title, spoilt, expected] of unsafe) {
  test(`${title}: ${expected}`, () => {
    assert.deepEqual(rulesOf(spoilt), [expected])
  })
}

const safeToo: readonly (readonly [string, Configuration])[] = [
  ['GitHub pinned by id', withIssuer(ofPreset('github-actions', github, [equals('repository_owner_id', '1')]))],
  ['GitHub pinned by several ids', withIssuer(ofPreset('github-actions', github, [equals('repository_id', '1', '2')]))],
  ['GitHub pinned by its enterprise', withIssuer(ofPreset('github-actions', github, [equals('enterprise_id', '1')]))],
  [
    'GitHub pinned by the last of its conditions',
    withIssuer(
      ofPreset('github-actions', github, [equals('ref', 'refs/heads/main'), equals('repository_owner_id', '1')]),
    ),
  ],
  ...['namespace_id', 'project_id', 'job_namespace_id', 'job_project_id'].map(
    (claim) =>
      [
        `gitlab.com pinned by ${claim}`,
        withIssuer(ofPreset('gitlab', 'https://gitlab.com', [equals(claim, '1')])),
      ] as const,
  ),
  [
    'several service accounts of Google',
    withIssuer(ofPreset('google-service-account', 'https://accounts.google.com', [equals('sub', '1', '2')])),
  ],
  [
    'several domains of Google Workspace',
    withIssuer(ofPreset('google-workspace', 'https://accounts.google.com', [equals('hd', 'acme.test', 'acme.dev')])),
  ],
  ['a stand-in of a cluster', { ...withIssuer(ofPreset('kubernetes', 'http://127.0.0.1:8788')), local: true }],
  [
    'a cluster whose tokens are traded once',
    withIssuer({ ...ofPreset('kubernetes', 'https://c.test'), replay: 'once', algorithms: ['ES256'] }),
  ],
  [
    'a cluster whose tokens are traded once per target',
    withIssuer({ ...ofPreset('kubernetes', 'https://c.test'), replay: 'once_per_target' }),
  ],
]

for (const [title, configured] of safeToo) {
  test(`${title} is safe`, () => {
    assert.deepEqual(findUnsafe(configured), [])
  })
}

const uuid = '6f1b3c52-0d0e-4c83-9c9e-3f3d6d0f7a11'
const bitbucket = 'https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc'

/** Of presets that have no default, or whose every issuer is shared: the URL, and each claim that pins a tenant of it. */
for (const [preset, url, pins] of [
  ['buildkite', 'https://agent.buildkite.com', ['organization_id', 'pipeline_id']],
  ['bitbucket-pipelines', bitbucket, ['workspaceUuid', 'repositoryUuid']],
  [
    'hcp-terraform',
    'https://app.terraform.io',
    ['terraform_organization_id', 'terraform_project_id', 'terraform_workspace_id'],
  ],
  ['vercel', 'https://oidc.vercel.com', ['owner_id', 'project_id']],
  ['vercel', 'https://oidc.vercel.com/acme', ['owner_id', 'project_id']],
  ['fly', 'https://oidc.fly.io/acme', ['org_id', 'app_id']],
  ['circleci', `https://oidc.circleci.com/org/${uuid}`, []],
  ['azure-devops', `https://vstoken.dev.azure.com/${uuid}`, []],
  ['aws', `https://${uuid}.tokens.sts.global.api.aws`, []],
  ['google-service-account', 'https://accounts.google.com', ['sub']],
  ['google-workspace', 'https://accounts.google.com', ['hd']],
  ['entra-id', `https://login.microsoftonline.com/${uuid}/v2.0`, []],
  ['entra-id', `https://login.microsoftonline.us/${uuid}/v2.0`, []],
  ['entra-id', `https://login.partner.microsoftonline.cn/${uuid}/v2.0`, []],
  ['entra-id', `https://sts.windows.net/${uuid}/`, []],
  ['entra-id', `https://sts.chinacloudapi.cn/${uuid}/`, []],
  ['okta', 'https://acme.okta.com', []],
  ['okta', 'https://acme-dev.oktapreview.com/oauth2/default', []],
  ['okta', 'https://acme.okta-emea.com', []],
  ['okta', 'https://acme.okta-gov.com', []],
  ['auth0', 'https://acme.auth0.com/', []],
  ['auth0', 'https://acme-dev.eu.auth0.com/', []],
  ['cognito', 'https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_aB3', []],
] as const)
  test(`${url} has preset ${preset}, and ${pins.length > 0 ? `is pinned by ${pins.join(' or ')}` : 'is one tenant’s'}`, () => {
    assert.deepEqual(rulesOf(withIssuer({ issuer: url })), ['use-preset'])
    assert.deepEqual(rulesOf(withIssuer(ofPreset('kubernetes', url))), ['preset-issuer'])
    const bare = rulesOf(withIssuer(ofPreset(preset, url)))
    const named = rulesOf(withIssuer(ofPreset(preset, url, [equals('name', 'acme')])))
    const wanted = pins.length > 0 ? ['shared-issuer-unpinned'] : []
    assert.deepEqual([bare, named], [wanted, wanted])
    for (const claim of pins)
      assert.deepEqual(findUnsafe(withIssuer(ofPreset(preset, url, [equals(claim, '1')]))), [], claim)
  })

/** URLs as their issuers document them. */
const shapes: readonly (readonly [PresetName, string])[] = [
  ['github-actions', `${github}/acme`],
  ['github-actions', `${github}/a`],
  ['github-actions', `${github}/Acme-Corp-2`],
  ['github-actions', 'https://token.actions.acme-2.ghe.com'],
  ['github-actions', 'https://github.acme.test/_services/token'],
  ['github-actions', 'https://github.acme.test:8443/_services/token'],
  ['gitlab', 'https://gitlab.acme.test'],
  ['gitlab', 'https://gitlab.acme.test:8443'],
  ['gitlab', 'https://acme.test/gitlab'],
  ['gitlab', 'https://acme.test/tools/git.lab_2~a-b'],
  ['kubernetes', 'https://oidc.eks.eu-west-1.amazonaws.com/id/ABC'],
  ['kubernetes', 'https://container.googleapis.com/v1/projects/p/locations/l/clusters/c'],
  ['kubernetes', 'https://westeurope.oic.prod-aks.azure.com/tenant/cluster/'],
  ['hcp-terraform', 'https://terraform.acme.test'],
  ['hcp-terraform', 'https://terraform.acme.test:8443'],
  ['okta', 'https://login.acme.test'],
  ['okta', 'https://login.acme.test/oauth2/aus9o8ii5lsWnPV6A4x7'],
  ['auth0', 'https://login.acme.test/'],
  ['keycloak', 'https://id.acme.test/realms/staff'],
  ['keycloak', 'https://id.acme.test:8443/realms/staff-2.test'],
  ['keycloak', 'https://acme.test/auth/realms/staff'],
]

for (const [preset, url] of shapes) {
  test(`${url} has the shape of ${preset}`, () => {
    assert.deepEqual(findUnsafe(withIssuer(ofPreset(preset, url))), [])
  })
}

const otherShapes: readonly (readonly [PresetName, string])[] = [
  ['github-actions', 'https://ci.test'],
  ['github-actions', 'https://github.acme.test'],
  ['github-actions', 'https://github.com'],
  ['github-actions', `${github}.evil.test`],
  ['github-actions', `${github}/`],
  ['github-actions', `${github}/a/b`],
  ['github-actions', `${github}/-acme`],
  ['github-actions', `${github}/acme_corp`],
  ['github-actions', `https://ci.test/${github}/acme`],
  ['github-actions', 'https://token.actions.acme.ghe.com.evil.test'],
  ['github-actions', 'https://token.actions.ghe.com'],
  ['github-actions', 'https://token.actions.a.b.ghe.com'],
  ['github-actions', 'https://ci.test/https://token.actions.acme.ghe.com'],
  ['github-actions', 'https://github.acme.test/_services/token/x'],
  ['github-actions', 'https://github.acme.test/x/_services/token'],
  ['github-actions', 'https://ci.test/https://github.acme.test/_services/token'],
  ['gitlab', 'https://gitlab.acme.test/'],
  ['gitlab', 'https://acme.test/gitlab/'],
  ['gitlab', 'https://acme.test/git%20lab'],
  ['gitlab', 'https://ci.test/https://gitlab.acme.test'],
  ['circleci', 'https://oidc.circleci.com'],
  ['circleci', 'https://oidc.circleci.com/org/acme'],
  ['circleci', `https://oidc.circleci.com/org/${uuid}/x`],
  ['circleci', `https://oidc.circleci.com.evil.test/org/${uuid}`],
  ['buildkite', 'https://agent.buildkite.com/'],
  ['buildkite', 'https://agent.buildkite.com.evil.test'],
  ['bitbucket-pipelines', 'https://api.bitbucket.org/2.0/workspaces/acme'],
  ['bitbucket-pipelines', `${bitbucket}/`],
  ['bitbucket-pipelines', bitbucket.replace('acme', 'acme/x')],
  ['bitbucket-pipelines', bitbucket.replace('.org', '.org.evil.test')],
  ['hcp-terraform', 'https://app.terraform.io/'],
  ['hcp-terraform', 'https://ci.test/https://app.terraform.io'],
  ['azure-devops', 'https://vstoken.dev.azure.com/acme'],
  ['azure-devops', `https://vstoken.dev.azure.com/${uuid}/`],
  ['azure-devops', `https://vstoken.dev.azure.com.evil.test/${uuid}`],
  ['vercel', 'https://oidc.vercel.com/'],
  ['vercel', 'https://oidc.vercel.com/acme/web'],
  ['vercel', 'https://oidc.vercel.com.evil.test/acme'],
  ['fly', 'https://oidc.fly.io'],
  ['fly', 'https://oidc.fly.io/acme/x'],
  ['fly', 'https://oidc.fly.io.evil.test/acme'],
  ['aws', 'https://tokens.sts.global.api.aws'],
  ['aws', `https://x.${uuid}.tokens.sts.global.api.aws`],
  ['aws', `https://${uuid}.tokens.sts.global.api.aws/x`],
  ['aws', `https://${uuid}.tokens.sts.global.api.aws.evil.test`],
  ...(['google-service-account', 'google-workspace'] as const).flatMap((preset) =>
    [
      'https://accounts.google.com/',
      'https://accounts.google.com.evil.test',
      'https://ci.test/https://accounts.google.com',
    ].map((url) => [preset, url] as const),
  ),
  // These are no tenants, whoever the token is of.
  ...['common', 'organizations', 'consumers', '9188040d-6c67-4c5b-b112-36a304b66dad', 'acme.onmicrosoft.com'].flatMap(
    (tenant) =>
      [
        ['entra-id', `https://login.microsoftonline.com/${tenant}/v2.0`],
        ['entra-id', `https://login.microsoftonline.us/${tenant}/v2.0`],
        ['entra-id', `https://sts.windows.net/${tenant}/`],
      ] as const,
  ),
  ['entra-id', `https://login.microsoftonline.com/${uuid}`],
  ['entra-id', `https://loginxmicrosoftonline.com/${uuid}/v2.0`],
  ['entra-id', `https://stsxwindows.net/${uuid}/`],
  ['entra-id', `https://login.microsoftonline.com/${uuid}/v2.0/`],
  ['entra-id', `https://login.microsoftonline.com/${uuid}/v2x0`],
  ['entra-id', `https://login.microsoftonline.com.evil.test/${uuid}/v2.0`],
  ['entra-id', `https://ci.test/https://login.microsoftonline.com/${uuid}/v2.0`],
  ['entra-id', `https://sts.windows.net/${uuid}`],
  ['entra-id', `https://sts.windows.net/${uuid}/x/`],
  ['entra-id', `https://ci.test/https://sts.windows.net/${uuid}/`],
  ['okta', 'https://acme.okta.com/'],
  ['okta', 'https://acme.okta.com/oauth2'],
  ['okta', 'https://acme.okta.com/oauth2/default/v1'],
  ['okta', 'https://ci.test/https://acme.okta.com'],
  ['auth0', 'https://acme.eu.auth0.com'],
  ['auth0', 'https://acme.eu.auth0.com/x/'],
  ['auth0', 'https://ci.test/https://acme.eu.auth0.com/'],
  ['keycloak', 'https://id.acme.test'],
  ['keycloak', 'https://id.acme.test/realms/'],
  ['keycloak', 'https://id.acme.test/realms/staff/'],
  ['keycloak', 'https://id.acme.test/realms/staff/x'],
  ['keycloak', 'https://ci.test/https://id.acme.test/realms/staff'],
  ['cognito', 'https://cognito-idp.eu-west-1.amazonaws.com'],
  ['cognito', 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-2_aB3'],
  ['cognito', 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aB3/'],
  ['cognito', 'https://cognito-idp.eu-west-1.amazonaws.com.evil.test/eu-west-1_aB3'],
]

for (const [preset, url] of otherShapes) {
  test(`${url} has not the shape of ${preset}`, () => {
    assert.deepEqual(rulesOf(withIssuer(ofPreset(preset, url))), ['preset-issuer'])
  })
}

test('the look-alike of an issuer that has a preset is nobody’s but its own', () => {
  for (const url of [github, 'https://gitlab.com', 'https://accounts.google.com', 'https://login.microsoftonline.com'])
    for (const alike of [`https://ci.test/${url}`, `${url}x`])
      assert.deepEqual(findUnsafe(withIssuer({ issuer: alike })), [], alike)
})

/** Without a preset: who gives anybody a token, as which `iss`, and the claims of which one tells their tenants apart. */
const shared: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['CircleCI', ['https://oidc.circleci.com'], ['oidc.circleci.com/project-id', 'oidc.circleci.com/org-id']],
  ['Codefresh', ['https://oidc.codefresh.io'], ['account_id']],
  ['Chainguard', ['https://issuer.enforce.dev'], ['sub']],
  [
    'Buddy',
    [
      'https://oidc.buddyusercontent.com',
      'https://eu-oidc.buddyusercontent.com',
      'https://asia-oidc.buddyusercontent.com',
    ],
    ['sub'],
  ],
  ['Sigstore', ['https://oauth2.sigstore.dev/auth'], ['sub', 'email']],
  ['Apple', ['https://appleid.apple.com'], ['sub']],
]

for (const [who, urls, pins] of shared) {
  for (const url of urls) {
    test(`${who} at ${url} must be pinned by ${pins.join(' or ')}`, () => {
      for (const spelt of [url, `${url}/`]) {
        assert.deepEqual(rulesOf(withIssuer({ issuer: spelt })), ['shared-issuer-unpinned'], spelt)
        const named = withIssuer({ issuer: spelt, require: [equals('name', 'acme')] })
        assert.deepEqual(rulesOf(named), ['shared-issuer-unpinned'], spelt)
        for (const claim of pins)
          assert.deepEqual(findUnsafe(withIssuer({ issuer: spelt, require: [equals(claim, '1')] })), [], claim)
      }
    })

    test(`a look-alike of ${url} is its owner’s`, () => {
      for (const issuer of [`https://ci.test/${url}`, `${url}x`])
        assert.deepEqual(findUnsafe(withIssuer({ issuer })), [], issuer)
    })
  }
}
