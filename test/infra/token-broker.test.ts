import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { App, Stack } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { Key } from 'aws-cdk-lib/aws-kms'
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api'
import { TokenBroker } from '../../infra/token-broker.ts'
import { brokerYaml, minimal, pathOf, synthesise, withLogins, type Resource, type Synthesised } from './synth.ts'

const acme = minimal.replace('issuer: auto', 'issuer: https://broker.acme.dev')
const certificateArn = 'arn:aws:acm:eu-west-1:123456789012:certificate/1b2c'

function ofType(synthesised: Synthesised, type: string): Resource[] {
  return Object.values(synthesised.resources).filter(({ Type }) => Type === type)
}
function pathsOf(synthesised: Synthesised, wanted: (resource: Resource) => boolean): string[] {
  return Object.values(synthesised.resources).filter(wanted).map(pathOf).toSorted()
}
const apiEndpoint = { 'Fn::GetAtt': ['BrokerApi49ACB5C7', 'ApiEndpoint'] }

/** Of every path that asks another service; operators are few. */
function limitsOf(ThrottlingRateLimit: number, ThrottlingBurstLimit: number): unknown {
  const limits = { ThrottlingRateLimit, ThrottlingBurstLimit }
  return {
    'ANY /token': limits,
    'ANY /credentials/{target}': limits,
    'ANY /introspect': limits,
    'ANY /revoke': limits,
    'ANY /admin/revocations': { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 20 },
    'ANY /admin/consents': { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 20 },
  }
}

suite('functions', () => {
  const synthesised = synthesise({ config: brokerYaml(withLogins()) })
  for (const [path, seconds] of [
    ['Token', 10],
    ['Login', 10],
    ['Introspection', 10],
    ['Admin', 10],
    ['Metadata', 10],
    // It waits for new keys to be known.
    ['SigningKeys/Reader', 60],
    ['Logout/Delivery', 10],
  ] as const) {
    test(`${path}: Node 24 on arm64, 512 MB, ${seconds} s, traced, with a log of its own that is kept 90 days`, () => {
      const { Properties } = synthesised.at(`${path}/Function`)
      const { Runtime, Architectures, MemorySize, Timeout, Handler, TracingConfig, LoggingConfig } = Properties
      assert.deepEqual(
        { Runtime, Architectures, MemorySize, Timeout, Handler, TracingConfig },
        {
          Runtime: 'nodejs24.x',
          Architectures: ['arm64'],
          MemorySize: 512,
          Timeout: seconds,
          Handler: 'index.handler',
          TracingConfig: { Mode: 'Active' },
        },
      )
      const { LogGroup } = LoggingConfig as { LogGroup: { Ref: string } }
      assert.equal(pathOf(synthesised.resources[LogGroup.Ref]!), `/${path}/Log`)
      assert.equal(synthesised.at(`${path}/Log`).Properties.RetentionInDays, 90)
    })
  }

  test('there are five, and one for logins and one for logouts where there are some; their environments hold what lib/environment.ts names', () => {
    const functions = (synthesised: Synthesised) => ofType(synthesised, 'AWS::Lambda::Function')
    assert.deepEqual(
      functions(synthesise()).map(pathOf),
      functions(synthesised)
        .map(pathOf)
        .filter((path) => !['/Login/Function', '/Logout/Delivery/Function'].includes(path)),
    )
    const environments = functions(synthesised).map((resource) => [
      pathOf(resource),
      Object.keys((resource.Properties.Environment as { Variables: object } | undefined)?.Variables ?? {}).toSorted(),
    ])
    assert.deepEqual(Object.fromEntries(environments), {
      '/Token/Function': ['BROKER_ISSUER', 'BROKER_SIGNING_KEYS', 'BROKER_TABLE'],
      '/Login/Function': ['BROKER_ISSUER', 'BROKER_LOGOUT_QUEUE', 'BROKER_SIGNING_KEYS', 'BROKER_TABLE'],
      '/Introspection/Function': ['BROKER_ISSUER', 'BROKER_SIGNING_KEYS', 'BROKER_TABLE'],
      '/Admin/Function': ['BROKER_LOGOUT_QUEUE', 'BROKER_SIGNING_KEYS', 'BROKER_TABLE'],
      '/Metadata/Function': ['BROKER_ISSUER', 'BROKER_SIGNING_KEYS'],
      '/SigningKeys/Reader/Function': [],
      '/Logout/Delivery/Function': ['BROKER_ISSUER', 'BROKER_SIGNING_KEYS'],
    })
  })

  test('metadata has 20 sandboxes of its own, and the others share the rest', () => {
    const reserved = (path: string) => synthesised.at(path).Properties.ReservedConcurrentExecutions
    assert.equal(reserved('Metadata/Function'), 20)
    assert.equal(reserved('Token/Function'), undefined)
    assert.equal(reserved('Reader/Function'), undefined)
  })

  test('an account whose concurrency is small can reserve fewer, or none', () => {
    const reserved = (metadataConcurrency: number) =>
      synthesise({ metadataConcurrency }).at('Metadata/Function').Properties.ReservedConcurrentExecutions
    assert.equal(reserved(5), 5)
    assert.equal(reserved(0), undefined)
  })

  test("the token function's role has a name that others can trust", () => {
    assert.deepEqual(synthesised.at('Token/Role').Properties.RoleName, {
      'Fn::Join': ['', ['token-broker-token-', { Ref: 'AWS::Region' }]],
    })
    assert.equal(synthesised.at('Metadata/Role').Properties.RoleName, undefined)
  })

  test('a stack name is refused that would make the role name too long in some region', () => {
    synthesise({ stackName: 'b'.repeat(43) })
    assert.throws(() => synthesise({ stackName: 'b'.repeat(44) }), /has 44 characters.*can have 43/)
  })
})

suite('the HTTP API', () => {
  const synthesised = synthesise()
  const stage = synthesised.at('Api/Stage').Properties

  const withPeople = synthesise({ config: brokerYaml(withLogins()) })
  const always = {
    'ANY /token': '/Token/Function',
    'ANY /credentials/{target}': '/Token/Function',
    'ANY /introspect': '/Introspection/Function',
    'ANY /revoke': '/Introspection/Function',
    'ANY /admin/revocations': '/Admin/Function',
    'ANY /admin/consents': '/Admin/Function',
    'ANY /jwks': '/Metadata/Function',
    'ANY /.well-known/openid-configuration': '/Metadata/Function',
    'ANY /.well-known/oauth-authorization-server': '/Metadata/Function',
    'ANY /healthz': '/Metadata/Function',
  }
  const forPeople = {
    'ANY /authorize': '/Login/Function',
    'ANY /login': '/Login/Function',
    'ANY /callback/{issuer}': '/Login/Function',
    'ANY /logout': '/Login/Function',
    'ANY /logout/confirm': '/Login/Function',
    'ANY /backchannel-logout/{issuer}': '/Login/Function',
    'ANY /consent': '/Login/Function',
    'ANY /userinfo': '/Introspection/Function',
  }

  function routesOf(synthesised: Synthesised): Record<string, string> {
    const routes = ofType(synthesised, 'AWS::ApiGatewayV2::Route').map(({ Properties }) => {
      const target = JSON.stringify(Properties.Target)
      const integration = ofType(synthesised, 'AWS::ApiGatewayV2::Integration').find(({ Metadata }) =>
        target.includes(
          Object.entries(synthesised.resources).find(([, resource]) => resource.Metadata === Metadata)?.[0] ?? '',
        ),
      )
      const uri = integration?.Properties.IntegrationUri as { 'Fn::GetAtt': [string] }
      assert.equal(integration?.Properties.PayloadFormatVersion, '2.0')
      return [Properties.RouteKey, pathOf(synthesised.resources[uri['Fn::GetAtt'][0]]!)]
    })
    return Object.fromEntries(routes) as Record<string, string>
  }

  test('each path is answered by one function, for any method, and there is no catch-all', () => {
    assert.deepEqual(routesOf(synthesised), always)
  })

  test('where people log in, and only there, there are paths for them, each bounded like the others', () => {
    assert.deepEqual(routesOf(withPeople), { ...always, ...forPeople })
    const limits = { ThrottlingRateLimit: 300, ThrottlingBurstLimit: 200 }
    assert.deepEqual(withPeople.at('Api/Stage').Properties.RouteSettings, {
      ...(limitsOf(300, 200) as object),
      ...Object.fromEntries(Object.keys(forPeople).map((route) => [route, limits])),
    })
  })

  test('API Gateway may call each function for its own paths alone', () => {
    const permissions = ofType(synthesised, 'AWS::Lambda::Permission').map(({ Properties }) => {
      assert.equal(Properties.Principal, 'apigateway.amazonaws.com')
      return /\/\*\/\*(\/[^"]*)"/.exec(JSON.stringify(Properties.SourceArn))?.[1]
    })
    assert.deepEqual(permissions, [
      '/token',
      '/credentials/{target}',
      '/introspect',
      '/revoke',
      '/admin/revocations',
      '/admin/consents',
      '/jwks',
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
      '/healthz',
    ])
  })

  test('what a flood can cost is bounded, most where something is issued', () => {
    assert.deepEqual(stage.DefaultRouteSettings, { ThrottlingRateLimit: 2_000, ThrottlingBurstLimit: 1_000 })
    assert.deepEqual(stage.RouteSettings, limitsOf(300, 200))
  })

  test('operators are let in by IAM, everybody else by the function they ask', () => {
    const routes = ofType(synthesised, 'AWS::ApiGatewayV2::Route').map(({ Properties }) => [
      Properties.RouteKey,
      Properties.AuthorizationType,
    ])
    assert.deepEqual(
      routes.filter(([, type]) => type !== 'NONE'),
      [
        ['ANY /admin/revocations', 'AWS_IAM'],
        ['ANY /admin/consents', 'AWS_IAM'],
      ],
    )
  })

  test('a stage is made after the routes whose limits it holds: API Gateway refuses the other order', () => {
    const limited = Object.keys(withPeople.at('Api/Stage').Properties.RouteSettings as object)
    const routes = Object.entries(withPeople.resources).flatMap(([id, { Type, Properties }]) =>
      Type === 'AWS::ApiGatewayV2::Route' && limited.includes(String(Properties.RouteKey)) ? [id] : [],
    )
    assert.equal(routes.length, 14)
    const { DependsOn } = withPeople.at('Api/Stage')
    for (const route of routes) assert.ok(DependsOn?.includes(route), `${route} is not in ${String(DependsOn)}`)
  })

  for (const [what, props] of [
    ['a rate of nothing', { throttle: { rate: 0, burst: 1 } }],
    ['no number for a burst', { throttle: { rate: 1, burst: Number.NaN } }],
    ['fewer than no sandboxes', { metadataConcurrency: -1 }],
    ['half a sandbox', { metadataConcurrency: 1.5 }],
    ['more sandboxes than an account has', { metadataConcurrency: 999_999 }],
  ] as const) {
    test(`${what} is refused`, () => {
      assert.throws(() => synthesise(props), /must be a whole number from [01] to [\d]+, not/)
    })
  }

  test('what is changed is served at once, over IPv4 and IPv6', () => {
    assert.equal(stage.AutoDeploy, true)
    assert.equal(stage.StageName, '$default')
    assert.equal(synthesised.at('Api/Api').Properties.IpAddressType, 'dualstack')
  })

  test('two brokers of an account are told apart in the console', () => {
    const { Name } = synthesise({ stackName: 'broker-two' }).at('Api/Api').Properties
    assert.equal(Name, 'broker-two')
  })

  test('they can be given another limit', () => {
    const { RouteSettings } = synthesise({ throttle: { rate: 50, burst: 20 } }).at('Api/Stage').Properties
    assert.deepEqual(RouteSettings, limitsOf(50, 20))
  })

  test('the access log is JSON, and has no place for a query string, a header or a path that was made up', () => {
    const { DestinationArn, Format } = stage.AccessLogSettings as { DestinationArn: unknown; Format: string }
    assert.deepEqual(DestinationArn, { 'Fn::GetAtt': ['BrokerApiAccessLog8D8B2865', 'Arn'] })
    assert.equal(synthesised.at('Api/AccessLog').Properties.RetentionInDays, 90)
    const variables = Object.values(JSON.parse(Format) as Record<string, string>)
    assert.deepEqual(variables.toSorted(), [
      '$context.httpMethod',
      '$context.identity.sourceIp',
      '$context.integration.status',
      '$context.integrationErrorMessage',
      '$context.integrationLatency',
      '$context.protocol',
      '$context.requestId',
      '$context.requestTimeEpoch',
      '$context.responseLatency',
      '$context.responseLength',
      '$context.routeKey',
      '$context.status',
    ])
  })
})

suite('the table and the keys', () => {
  const synthesised = synthesise()

  test('the table is what docs/storage.md says: on demand, protected, recoverable, streamed', () => {
    const { Properties } = synthesised.at('Receipts/Table')
    assert.deepEqual(Properties, {
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'decision_id', AttributeType: 'S' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'by_id',
          KeySchema: [{ AttributeName: 'decision_id', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      TimeToLiveSpecification: { AttributeName: 'expires_at', Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      DeletionProtectionEnabled: true,
      // By a key that AWS owns.
      SSESpecification: { SSEEnabled: false },
      StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
    })
  })

  for (const [tableKey, arn] of [
    ['create', { 'Fn::GetAtt': ['BrokerReceiptsKey6334AFEE', 'Arn'] }],
    ['arn:aws:kms:eu-west-1:123456789012:key/1b2c', 'arn:aws:kms:eu-west-1:123456789012:key/1b2c'],
  ] as const) {
    test(`its key can be ${tableKey}`, () => {
      const { SSESpecification } = synthesise({ tableKey }).at('Receipts/Table').Properties
      assert.deepEqual(SSESpecification, { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: arn })
    })
  }

  test('a table key that is neither is refused, with what it can be', () => {
    assert.throws(() => synthesise({ tableKey: 'yes' }), /create.*ARN/)
  })

  test('there is a KMS key for each algorithm and generation, which signs and does nothing else', () => {
    const config = brokerYaml(
      `${minimal}signing: { algorithms: [ES256, RS256], keys: { ES256: { active: "2", published: ["1"] } } }\n`,
    )
    const keys = ofType(synthesise({ config }), 'AWS::KMS::Key').map((key) => [
      pathOf(key),
      `${String(key.Properties.KeySpec)} ${String(key.Properties.KeyUsage)}`,
    ])
    assert.deepEqual(Object.fromEntries(keys), {
      '/SigningKeys/ES256-2': 'ECC_NIST_P256 SIGN_VERIFY',
      '/SigningKeys/ES256-1': 'ECC_NIST_P256 SIGN_VERIFY',
      '/SigningKeys/RS256-1': 'RSA_2048 SIGN_VERIFY',
    })
  })

  test('a table key that is made in the same app will do', () => {
    const app = new App()
    const stack = new Stack(app, 'Own')
    const { keyArn } = new Key(stack, 'Key')
    new TokenBroker(stack, 'Broker', { config: brokerYaml(minimal), tableKey: keyArn })
    Template.fromStack(stack).hasResourceProperties('AWS::DynamoDB::Table', {
      SSESpecification: { KMSMasterKeyId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Key'), 'Arn'] } },
    })
  })

  test('keys are named and tagged for the stack, so that two brokers do not share one', () => {
    const other = synthesise({ stackName: 'broker-two', tableKey: 'create' })
    assert.deepEqual(
      ofType(other, 'AWS::KMS::Alias').map(({ Properties }) => Properties.AliasName),
      ['alias/broker-two/ES256/1', 'alias/broker-two/RS256/1'],
    )
    for (const { Properties } of ofType(other, 'AWS::KMS::Key'))
      assert.deepEqual(Properties.Tags, [{ Key: 'token-broker', Value: 'broker-two' }])
  })

  test('a function that cannot answer holds a deployment for minutes, not for an hour', () => {
    assert.equal(synthesised.at('SigningKeys/PublicKeys').Properties.ServiceTimeout, '300')
  })

  // CloudFormation changes the role first: what the function before has as active must still be allowed after.
  test('in a rotation each function can sign, before and after its role has changed', () => {
    const signable = (active: string, published: string) => {
      const signing = `signing: { algorithms: [RS256], keys: { RS256: { active: "${active}", published: ["${published}"] } } }`
      const synthesised = synthesise({ config: brokerYaml(`${minimal}${signing}\n`) })
      return JSON.stringify(synthesised.at('Token/Role/DefaultPolicy').Properties.PolicyDocument)
    }
    const [before, after] = [signable('1', '2'), signable('2', '1')]
    for (const policy of [before, after])
      for (const key of ['RS2561', 'RS2562']) assert.match(policy, new RegExp(`"BrokerSigningKeys${key}`))
  })

  test('the custom resource is asked again when the keys or their states change', () => {
    const keysOf = (text: string) => {
      const { Properties } = synthesise({ config: brokerYaml(text) }).at('SigningKeys/PublicKeys')
      return (Properties.Keys as { alg: string; state: string }[]).map(({ alg, state }) => `${alg} ${state}`)
    }
    const rotating = (active: string, published: string) =>
      `${minimal}signing: { algorithms: [RS256], keys: { RS256: { active: "${active}", published: ["${published}"] } } }\n`
    assert.deepEqual(keysOf(minimal), ['ES256 active', 'RS256 active'])
    assert.deepEqual(keysOf(rotating('1', '2')), ['RS256 active', 'RS256 pending'])
    assert.deepEqual(keysOf(rotating('2', '1')), ['RS256 active', 'RS256 retiring'])
  })
})

suite('our issuer', () => {
  test('auto is the URL of the API, in the environment of both functions, with a warning', () => {
    const synthesised = synthesise({ acknowledge: [] })
    for (const path of ['Token/Function', 'Metadata/Function']) {
      const { Variables } = synthesised.at(path).Properties.Environment as { Variables: Record<string, unknown> }
      assert.deepEqual(Variables.BROKER_ISSUER, apiEndpoint)
    }
    assert.deepEqual(synthesised.outputs.BrokerIssuer?.Value, apiEndpoint)
    assert.equal(synthesised.warnings.length, 1)
    assert.match(synthesised.warnings[0]!, /every verifier .* must then be changed/)
  })

  test('auto with a domain is the domain, and warns of nothing', () => {
    const synthesised = synthesise({ acknowledge: [], domain: { name: 'broker.acme.dev', certificateArn } })
    const { Variables } = synthesised.at('Token/Function').Properties.Environment as { Variables: object }
    assert.equal((Variables as { BROKER_ISSUER: string }).BROKER_ISSUER, 'https://broker.acme.dev')
    assert.deepEqual(synthesised.warnings, [])
  })

  test('an issuer in the file is compiled in, not set from outside', () => {
    const synthesised = synthesise({ config: brokerYaml(acme), domain: { name: 'broker.acme.dev', certificateArn } })
    assert.ok(!JSON.stringify(synthesised.resources).includes('BROKER_ISSUER'))
    assert.equal(synthesised.outputs.BrokerIssuer?.Value, 'https://broker.acme.dev')
  })

  test('people come back from their issuer to it', () => {
    const config = brokerYaml(withLogins().replace('issuer: auto', 'issuer: https://broker.acme.dev'))
    const { outputs } = synthesise({ config, acknowledge: ['issuer-elsewhere'] })
    assert.equal(outputs.BrokerRedirectUri?.Value, 'https://broker.acme.dev/callback/<issuer>')
  })

  test('an issuer in the file without a domain warns that somebody must point that name here', () => {
    const { warnings } = synthesise({ config: brokerYaml(acme), acknowledge: [] })
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]!, /issuer is https:\/\/broker\.acme\.dev, and no domain is given/)
  })

  test('an issuer that is not the domain is refused', () => {
    assert.throws(
      () => synthesise({ config: brokerYaml(acme), domain: { name: 'tokens.acme.dev', certificateArn } }),
      /issuer is https:\/\/broker\.acme\.dev, and the domain is tokens\.acme\.dev/,
    )
  })

  for (const name of [
    'https://broker.acme.dev',
    'Broker.acme.dev',
    'broker.acme.dev/',
    'broker',
    'broker.acme.dev.',
    '*.acme.dev',
    '',
  ]) {
    test(`${JSON.stringify(name)} is refused as a domain`, () => {
      assert.throws(() => synthesise({ domain: { name, certificateArn } }), /must be a host name in lower case/)
    })
  }
})

suite('a domain', () => {
  const domain = { name: 'broker.acme.dev', hostedZone: { id: 'Z123', name: 'acme.dev' } }
  const synthesised = synthesise({ domain })

  test('turns the other name of the API off', () => {
    assert.equal(synthesised.at('Api/Api').Properties.DisableExecuteApiEndpoint, true)
    assert.equal(synthesise().at('Api/Api').Properties.DisableExecuteApiEndpoint, false)
  })

  test('is served with TLS 1.2 or newer, by a certificate that the hosted zone proves', () => {
    const [configuration] = synthesised.at('Api/DomainName').Properties.DomainNameConfigurations as [
      { SecurityPolicy: string; CertificateArn: { Ref: string } },
    ]
    assert.equal(configuration.SecurityPolicy, 'TLS_1_2')
    const certificate = synthesised.resources[configuration.CertificateArn.Ref]!
    assert.equal(certificate.Properties.DomainName, 'broker.acme.dev')
    assert.deepEqual(certificate.Properties.DomainValidationOptions, [
      { DomainName: 'broker.acme.dev', HostedZoneId: 'Z123' },
    ])
    assert.equal(ofType(synthesised, 'AWS::ApiGatewayV2::ApiMapping').length, 1)
  })

  test('has its address records', () => {
    const records = ofType(synthesised, 'AWS::Route53::RecordSet').map(({ Properties }) => [
      Properties.Type,
      Properties.Name,
      Properties.HostedZoneId,
    ])
    assert.deepEqual(records, [
      ['A', 'broker.acme.dev.', 'Z123'],
      ['AAAA', 'broker.acme.dev.', 'Z123'],
    ])
  })

  test('with a certificate of yours makes none, and without a hosted zone says where to point the name', () => {
    const own = synthesise({ domain: { name: 'broker.acme.dev', certificateArn } })
    assert.deepEqual(ofType(own, 'AWS::CertificateManager::Certificate'), [])
    assert.deepEqual(ofType(own, 'AWS::Route53::RecordSet'), [])
    assert.ok(own.outputs.BrokerDomainTarget)
  })

  for (const zone of ['other.example', 'me.dev', 'broker.acme.dev.example', 'a.broker.acme.dev'])
    test(`in the hosted zone ${zone} is refused: its records would stand in the wrong place`, () => {
      const hostedZone = { id: 'Z123', name: zone }
      assert.throws(() => synthesise({ domain: { name: 'broker.acme.dev', hostedZone } }), /does not hold the domain/)
    })

  test('can be its hosted zone', () => {
    synthesise({ domain: { name: 'broker.acme.dev', hostedZone: { id: 'Z123', name: 'broker.acme.dev' } } })
  })

  test('without either is refused', () => {
    assert.throws(() => synthesise({ domain: { name: 'broker.acme.dev' } }), /needs a certificate/)
  })

  test('is what every output names', () => {
    for (const name of ['TokenEndpoint', 'Jwks', 'OpenidConfiguration', 'AuthorizationServerMetadata', 'Healthz'])
      assert.match(String(synthesised.outputs[`Broker${name}`]?.Value), /^https:\/\/broker\.acme\.dev\//)
  })
})

test('every URL is an output', () => {
  const { outputs } = synthesise({ config: brokerYaml(withLogins()) })
  const suffixes = Object.entries(outputs).map(([name, { Value }]) => {
    const [, parts] = (Value as { 'Fn::Join'?: [string, unknown[]] })['Fn::Join'] ?? []
    return [
      name,
      parts?.length === 2 && JSON.stringify(parts[0]) === JSON.stringify(apiEndpoint) ? parts[1] : undefined,
    ]
  })
  assert.deepEqual(Object.fromEntries(suffixes), {
    BrokerIssuer: undefined,
    BrokerTokenEndpoint: '/token',
    BrokerJwks: '/jwks',
    BrokerOpenidConfiguration: '/.well-known/openid-configuration',
    BrokerAuthorizationServerMetadata: '/.well-known/oauth-authorization-server',
    BrokerHealthz: '/healthz',
    BrokerTableName: undefined,
    BrokerTokenRoleArn: undefined,
    BrokerTokenLog: undefined,
    BrokerIntrospectionEndpoint: '/introspect',
    BrokerRevocationEndpoint: '/revoke',
    BrokerAdminLog: undefined,
    BrokerAdminRouteArn: undefined,
    BrokerAdminConsentsRouteArn: undefined,
    BrokerAuthorizationEndpoint: '/authorize',
    BrokerUserinfoEndpoint: '/userinfo',
    // What issuers know us by.
    BrokerRedirectUri: '/callback/<issuer>',
    BrokerLoginLog: undefined,
    BrokerLogoutDeadLetters: undefined,
    BrokerLogoutDeliveryLog: undefined,
    BrokerSigningKeyArns: undefined,
  })
})

suite('what outlives what', () => {
  // docs/deploy.md, "Uninstall", lists the same.
  test('cdk destroy leaves these behind, and no other', () => {
    const everything = synthesise({
      config: brokerYaml(withLogins()),
      tableKey: 'create',
      domain: { name: 'broker.acme.dev', certificateArn },
    })
    assert.deepEqual(
      pathsOf(
        everything,
        ({ DeletionPolicy }) => DeletionPolicy === 'Retain' || DeletionPolicy === 'RetainExceptOnCreate',
      ),
      [
        '/Admin/Log',
        '/Api/AccessLog',
        '/Introspection/Log',
        '/Login/Log',
        '/Logout/Delivery/Log',
        '/Receipts/Key',
        '/Receipts/Table',
        '/SigningKeys/ES256-1',
        '/SigningKeys/RS256-1',
        '/Token/Log',
        '/Token/Role',
      ],
    )
  })

  test('a replacement leaves the same behind', () => {
    for (const { DeletionPolicy, UpdateReplacePolicy, ...resource } of Object.values(synthesise().resources))
      if (DeletionPolicy?.startsWith('Retain')) assert.equal(UpdateReplacePolicy, 'Retain', pathOf(resource))
  })

  test('a first deployment that fails takes all with it but the table, which is protected, and its key', () => {
    assert.deepEqual(
      pathsOf(synthesise({ tableKey: 'create' }), ({ DeletionPolicy }) => DeletionPolicy === 'Retain'),
      ['/Receipts/Key', '/Receipts/Table'],
    )
  })

  test('an ephemeral broker leaves nothing behind, and nothing protects its table', () => {
    const ephemeral = synthesise({ ephemeral: true, tableKey: 'create' })
    assert.deepEqual(
      pathsOf(ephemeral, ({ DeletionPolicy }) => DeletionPolicy?.startsWith('Retain') === true),
      [],
    )
    assert.equal(ephemeral.at('Receipts/Table').Properties.DeletionProtectionEnabled, false)
    for (const { Properties } of ofType(ephemeral, 'AWS::KMS::Key')) assert.equal(Properties.PendingWindowInDays, 7)
    for (const { Properties } of ofType(synthesise(), 'AWS::KMS::Key')) assert.equal(Properties.PendingWindowInDays, 30)
  })

  // Another id is another resource: a table without receipts, keys that nobody has.
  test('the ids of what holds state never change', () => {
    const { resources } = synthesise({ config: brokerYaml(withLogins()), tableKey: 'create' })
    const ids = Object.entries(resources).flatMap(([id, resource]) =>
      resource.DeletionPolicy?.startsWith('Retain') || /Alias$|Api$|Api::Api$/.test(resource.Type)
        ? [[pathOf(resource), id]]
        : [],
    )
    assert.deepEqual(Object.fromEntries(ids), {
      '/Admin/Log': 'BrokerAdminLog3354CA46',
      '/Introspection/Log': 'BrokerIntrospectionLogAB579B0B',
      '/Login/Log': 'BrokerLoginLogF9DD2C6C',
      '/Logout/Delivery/Log': 'BrokerLogoutDeliveryLogA9D0245D',
      '/Api/AccessLog': 'BrokerApiAccessLog8D8B2865',
      '/Api/Api': 'BrokerApi49ACB5C7',
      '/Receipts/Key': 'BrokerReceiptsKey6334AFEE',
      '/Receipts/Table': 'BrokerReceiptsTable542DFDDA',
      '/SigningKeys/ES256-1': 'BrokerSigningKeysES2561239AAA60',
      '/SigningKeys/ES256-1/Alias': 'BrokerSigningKeysES2561Alias545C54F5',
      '/SigningKeys/RS256-1': 'BrokerSigningKeysRS2561A3C630C1',
      '/SigningKeys/RS256-1/Alias': 'BrokerSigningKeysRS2561Alias2ACF7CBB',
      '/Token/Log': 'BrokerTokenLog7D46F9DB',
      '/Token/Role': 'BrokerTokenRoleC3853274',
    })
  })
})

suite('a changed broker.yaml', () => {
  const withTarget = (scope: string) =>
    minimal.replace('targets: {}', `targets: { api: { audience: "https://api.acme.dev", scopes: ["${scope}"] } }`)

  test('that says the same makes the same template', () => {
    const reordered = withTarget('read').replace('issuers: {}\n', '').concat('issuers: {} # moved\n')
    assert.deepEqual(
      synthesise({ config: brokerYaml(withTarget('read')) }).resources,
      synthesise({ config: brokerYaml(reordered) }).resources,
    )
  })

  test('that says something else changes the code of the functions that decide by it, and nothing besides', () => {
    const [before, after] = ['read', 'write'].map(
      (scope) => synthesise({ config: brokerYaml(withTarget(scope)) }).resources,
    )
    assert.deepEqual(changes(before, after), [
      'BrokerTokenFunctionA240698A.Properties.Code.S3Key',
      'BrokerIntrospectionFunctionE9F1A94D.Properties.Code.S3Key',
      'BrokerAdminFunctionDCCA2379.Properties.Code.S3Key',
    ])
  })
})

/** Where two values differ, as dotted paths. */
function changes(before: unknown, after: unknown, path: string[] = []): string[] {
  if (typeof before !== 'object' || typeof after !== 'object' || before === null || after === null)
    return before === after ? [] : [path.join('.')]
  const [one, other] = [before as Record<string, unknown>, after as Record<string, unknown>]
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((key) =>
    changes(one[key], other[key], [...path, key]),
  )
}

test('without staging the code is where the template says that it is', () => {
  const app = new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true, 'aws:cdk:enable-asset-metadata': true } })
  const stack = new Stack(app, 'Unstaged')
  new TokenBroker(stack, 'Broker', { config: brokerYaml(minimal) })
  const functions = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Function')) as Resource[]
  const folders = functions.map(({ Metadata }) => String(Metadata?.['aws:asset:path']))
  try {
    assert.equal(folders.length, 5)
    for (const folder of folders) assert.ok(existsSync(join(folder, 'index.js')), folder)
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }
})

suite('mistakes', () => {
  test('a broker.yaml that does not hold makes no template, and every finding is named with its place', () => {
    const config = brokerYaml(minimal.replace('issuers: {}', 'issuers: { github: { preset: github-actions } }'))
    assert.throws(() => synthesise({ config }), /broker-\d+\.yaml:3:\d+ error \S+ .*repository_owner_id/)
  })

  test('a broker.yaml that is not there is named', () => {
    assert.throws(() => synthesise({ config: 'nowhere/broker.yaml' }), /nowhere\/broker\.yaml/)
  })

  test('warnings of broker.yaml are warnings of the deployment', () => {
    const config = brokerYaml(
      minimal
        .replace('issuers: {}', 'issuers: { ci: { issuer: "https://ci.acme.dev" } }')
        .replace('targets: {}', 'targets: { api: { audience: "https://api.acme.dev", scopes: [read] } }')
        .replace(
          'rules: {}',
          'rules: { old: { issuer: ci, match: { sub: x }, expires: 2020-01-01, grant: [{ target: api, scopes: [read] }] } }',
        ),
    )
    const { warnings } = synthesise({ config })
    assert.equal(warnings.filter((warning) => /rule-expired/.test(warning)).length, 1, warnings.join('\n'))
  })

  test('a second broker in a stack is refused: they would share names', () => {
    const stack = new Stack(new App(), 'Two')
    const config = brokerYaml(minimal)
    new TokenBroker(stack, 'Blue', { config })
    assert.throws(() => new TokenBroker(stack, 'Green', { config }), /a stack of its own/)
  })
})
