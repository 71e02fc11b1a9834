import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  brokerYaml,
  minimal,
  pathOf,
  rolesInAccounts,
  synthesise,
  withLogins,
  withRegistration,
  withRoles,
  type Synthesised,
} from './synth.ts'

interface Statement {
  Effect: string
  Action: string | string[]
  Resource: unknown
  Condition?: Record<string, Record<string, unknown>>
}

/** Every right of a role, a line each: what, on what, and only when. */
function rightsOf(synthesised: Synthesised, rolePath: string): string[] {
  const { resources } = synthesised
  const [id, role] = Object.entries(resources).find(
    ([, resource]) => resource.Type === 'AWS::IAM::Role' && pathOf(resource) === rolePath,
  )!
  // Rights could also come this way; there are none.
  assert.deepEqual(
    Object.keys(role.Properties)
      .filter((name) => /Polic/.test(name))
      .toSorted(),
    ['AssumeRolePolicyDocument'],
  )
  const policies = Object.values(resources).filter(
    ({ Type, Properties }) =>
      /^AWS::IAM::(?:Managed)?Policy$/.test(Type) && JSON.stringify(Properties.Roles).includes(`"${id}"`),
  )
  return policies
    .flatMap(({ Properties }) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement)
    .flatMap(({ Effect, Action, Resource, Condition }) =>
      [Action].flat().flatMap((action) =>
        [Resource].flat().map((resource) => {
          const when = Condition === undefined ? '' : ` when ${conditionOf(Condition)}`
          return `${Effect === 'Allow' ? '' : `${Effect} `}${action} on ${nameOf(resource, resources)}${when}`
        }),
      ),
    )
    .toSorted()
}

function nameOf(resource: unknown, resources: Synthesised['resources']): string {
  const target = (resource as { 'Fn::GetAtt'?: [string, string] })['Fn::GetAtt']
  if (target?.[1] === 'Arn') return pathOf(resources[target[0]]!)
  return typeof resource === 'string' ? resource : JSON.stringify(resource)
}

function conditionOf(condition: NonNullable<Statement['Condition']>): string {
  return Object.entries(condition)
    .flatMap(([operator, keys]) =>
      Object.entries(keys).map(
        ([key, value]) => `${key} ${operator} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
      ),
    )
    .join(' and ')
}

const logAndTrace = (path: string) => [
  `logs:CreateLogStream on /${path}/Log`,
  `logs:PutLogEvents on /${path}/Log`,
  'xray:PutTelemetryRecords on *',
  'xray:PutTraceSegments on *',
]
const exchange = [
  'dynamodb:BatchGetItem on /Receipts/Table',
  'dynamodb:GetItem on /Receipts/Table',
  'dynamodb:PutItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["receipt#*"] and dynamodb:LeadingKeys Null false',
  'dynamodb:UpdateItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["receipt#*","keyset#*"] and dynamodb:LeadingKeys Null false',
]
const signEs256 = (generation: string) =>
  `kms:Sign on /SigningKeys/ES256-${generation} when kms:MessageType StringEquals DIGEST and kms:SigningAlgorithm StringEquals ECDSA_SHA_256`
const signRs256 = (generation: string) =>
  `kms:Sign on /SigningKeys/RS256-${generation} when kms:MessageType StringEquals DIGEST and kms:SigningAlgorithm StringEquals RSASSA_PKCS1_V1_5_SHA_256`

const lookup = [
  'dynamodb:BatchGetItem on /Receipts/Table',
  'dynamodb:GetItem on /Receipts/Table',
  'dynamodb:PutItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["receipt#*","revocation#jti#*"] and dynamodb:LeadingKeys Null false',
  'dynamodb:UpdateItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["receipt#*","keyset#*"] and dynamodb:LeadingKeys Null false',
]
const admin = [
  'dynamodb:DeleteItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["consent#*"] and dynamodb:LeadingKeys Null false',
  'dynamodb:GetItem on /Receipts/Table',
  'dynamodb:PutItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["revocation#*"] and dynamodb:LeadingKeys Null false',
  'dynamodb:Query on {"Fn::Join":["",[{"Fn::GetAtt":["BrokerReceiptsTable542DFDDA","Arn"]},"/index/by_id"]]}',
  'dynamodb:Scan on /Receipts/Table',
]

// The reviewed list. A right more or a right less fails; change it only with a reason.
test('every role has these rights, and no other', () => {
  const synthesised = synthesise()
  const roles = Object.values(synthesised.resources)
    .filter(({ Type }) => Type === 'AWS::IAM::Role')
    .map(pathOf)
  assert.deepEqual(Object.fromEntries(roles.map((path) => [path, rightsOf(synthesised, path)])), {
    '/Token/Role': [...exchange, signEs256('1'), signRs256('1'), ...logAndTrace('Token')].toSorted(),
    '/Introspection/Role': [...lookup, signRs256('1'), ...logAndTrace('Introspection')].toSorted(),
    '/Admin/Role': [...admin, ...logAndTrace('Admin')].toSorted(),
    '/Metadata/Role': logAndTrace('Metadata'),
    '/SigningKeys/Reader/Role': [
      'kms:GetPublicKey on /SigningKeys/ES256-1',
      'kms:GetPublicKey on /SigningKeys/RS256-1',
      ...logAndTrace('SigningKeys/Reader'),
    ],
  })
})

/** Where people log in: what else the token function may do, and what the login function may. */
const exchangeOfLogins = exchange.map((right) =>
  right
    .replace('["receipt#*"]', '["receipt#*","revocation#jti#*","family#*"]')
    .replace('["receipt#*","keyset#*"]', '["receipt#*","keyset#*","family#*"]'),
)
const lookupOfLogins = lookup.map((right) =>
  right.replace('["receipt#*","keyset#*"]', '["receipt#*","keyset#*","family#*"]'),
)
const login = [
  'dynamodb:BatchGetItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["revocation#*"] and dynamodb:LeadingKeys Null false',
  'dynamodb:DeleteItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["login#*","session#*"] and dynamodb:LeadingKeys Null false',
  'dynamodb:GetItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["login#*","session#*","consent#*","keyset#*","upstream#*"] and dynamodb:LeadingKeys Null false',
  'dynamodb:PutItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["login#*","session#*","code#*","consent#*","account#*","upstream#*"] and dynamodb:LeadingKeys Null false',
  'dynamodb:Query on {"Fn::Join":["",[{"Fn::GetAtt":["BrokerReceiptsTable542DFDDA","Arn"]},"/index/by_id"]]} when dynamodb:LeadingKeys ForAllValues:StringLike ["sessions#*"] and dynamodb:LeadingKeys Null false',
  'dynamodb:UpdateItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["session#*","keyset#*"] and dynamodb:LeadingKeys Null false',
]
const adminOfLogins = [
  ...admin.map((right) => right.replace('["consent#*"]', '["consent#*","session#*"]')),
  'dynamodb:UpdateItem on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ["family#*","session#*"] and dynamodb:LeadingKeys Null false',
]
const sendNotices = 'sqs:SendMessage on /Logout/Queue'
const secretOf = (name: string) => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-AbCdEf`

test('where people log in, the login function has these rights, and no other function more but for what a code buys: refresh tokens, and to revoke all of it', () => {
  const synthesised = synthesise({ config: brokerYaml(withLogins()) })
  assert.deepEqual(
    rightsOf(synthesised, '/Login/Role'),
    [...login, sendNotices, signEs256('1'), signRs256('1'), ...logAndTrace('Login')].toSorted(),
  )
  assert.deepEqual(
    rightsOf(synthesised, '/Token/Role'),
    [...exchangeOfLogins, signEs256('1'), signRs256('1'), ...logAndTrace('Token')].toSorted(),
  )
  assert.deepEqual(
    rightsOf(synthesised, '/Introspection/Role'),
    [...lookupOfLogins, signRs256('1'), ...logAndTrace('Introspection')].toSorted(),
  )
  const without = synthesise()
  for (const path of ['/Metadata/Role', '/SigningKeys/Reader/Role'])
    assert.deepEqual(rightsOf(synthesised, path), rightsOf(without, path))
  // It ends people's sessions, of which their clients are told.
  assert.deepEqual(
    rightsOf(synthesised, '/Admin/Role'),
    [...adminOfLogins, sendNotices, ...logAndTrace('Admin')].toSorted(),
  )
})

const readNotices = ['DeleteMessage', 'GetQueueAttributes', 'ReceiveMessage'].map(
  (action) => `sqs:${action} on /Logout/Queue`,
)
for (const [what, client, signing] of [
  ['signs nothing, while no client is told of logouts', '', []],
  ['signs as its clients that are told want it', withBackChannel(), [signRs256('1')]],
  ['or by ES256', withBackChannel('ES256'), [signEs256('1')]],
] as const)
  test(`what tells clients of logouts reads its queue, and sees no row; it ${what}`, () => {
    const synthesised = synthesise({ config: brokerYaml(withLogins({}, client)) })
    assert.deepEqual(
      rightsOf(synthesised, '/Logout/Delivery/Role'),
      [...readNotices, ...signing, ...logAndTrace('Logout/Delivery')].toSorted(),
    )
  })

function withBackChannel(alg?: string): string {
  return `    backchannel_logout_uri: https://app.acme.dev/bc\n${alg === undefined ? '' : `    id_token_signed_response_alg: ${alg}\n`}`
}

test('where clients register themselves, one function writes them alone, and three more may read them', () => {
  const [without, synthesised] = [withLogins(), withRegistration()].map((text) =>
    synthesise({ config: brokerYaml(text) }),
  )
  const rows = (action: string, ...keys: string[]) =>
    `dynamodb:${action} on /Receipts/Table when dynamodb:LeadingKeys ForAllValues:StringLike ${JSON.stringify(keys)} and dynamodb:LeadingKeys Null false`
  assert.deepEqual(
    rightsOf(synthesised!, '/Registration/Role'),
    [
      rows('DeleteItem', 'client#*'),
      rows('GetItem', 'client#*', 'registration#*'),
      rows('PutItem', 'client#*', 'registration#*'),
      ...logAndTrace('Registration'),
    ].toSorted(),
  )
  const more = (path: string) => {
    const before = rightsOf(without!, path)
    return rightsOf(synthesised!, path).filter((right) => !before.includes(right))
  }
  assert.deepEqual(more('/Login/Role'), [
    rows('GetItem', 'login#*', 'session#*', 'consent#*', 'keyset#*', 'upstream#*', 'client#*'),
  ])
  assert.deepEqual(more('/Logout/Delivery/Role'), [rows('GetItem', 'client#*'), signEs256('1'), signRs256('1')])
  // What they sign for such a client is for it to say.
  assert.deepEqual(more('/Introspection/Role'), [signEs256('1')])
  for (const path of ['/Token/Role', '/Admin/Role', '/Metadata/Role', '/SigningKeys/Reader/Role'])
    assert.deepEqual(more(path), [])
})

test('it may read exactly the secrets by which issuers of its clients know us, and no other function any', () => {
  const synthesised = synthesise({
    config: brokerYaml(
      withLogins({ acme: secretOf('acme'), same: secretOf('acme'), other: secretOf('other') }).replace(
        'issuers:\n',
        `issuers:\n  unused: { issuer: "https://unused.example", login: { client_id: broker, auth: { client_secret: "${secretOf('unused')}" } } }\n`,
      ),
    ),
  })
  const readable = (path: string) => rightsOf(synthesised, path).filter((right) => right.startsWith('secretsmanager:'))
  assert.deepEqual(readable('/Login/Role'), [
    `secretsmanager:GetSecretValue on ${secretOf('acme')}`,
    `secretsmanager:GetSecretValue on ${secretOf('other')}`,
  ])
  for (const path of ['/Token/Role', '/Introspection/Role', '/Admin/Role', '/Metadata/Role'])
    assert.deepEqual(readable(path), [])
})

test('where every issuer knows us by a secret, the login function signs nothing', () => {
  const config = brokerYaml(
    withLogins({ acme: secretOf('acme') })
      .replace(/ {2}partner: .*\n/, '')
      .replace('[partner, acme]', '[acme]'),
  )
  const rights = rightsOf(synthesise({ config }), '/Login/Role')
  assert.deepEqual(
    rights.filter((right) => right.startsWith('kms:')),
    [],
  )
})

test('what /userinfo signs by ES256, because a client wants it, the introspection function may sign so', () => {
  const config = brokerYaml(withLogins({}, '    userinfo_signed_response_alg: ES256\n'))
  const rights = rightsOf(synthesise({ config }), '/Introspection/Role')
  assert.deepEqual(
    rights.filter((right) => right.startsWith('kms:')),
    [signEs256('1'), signRs256('1')],
  )
})

test('only Lambda may take these roles', () => {
  for (const { Type, Properties } of Object.values(synthesise({ config: brokerYaml(withLogins()) }).resources))
    if (Type === 'AWS::IAM::Role')
      assert.deepEqual((Properties.AssumeRolePolicyDocument as { Statement: unknown }).Statement, [
        { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } },
      ])
})

// The signer uses active keys alone (test/aws/signer.test.ts). The right is wider, so that neither the function before a
// rotation nor the one after it is ever without its key.
test('every generation that is published can be read, and may sign while a deployment makes another active', () => {
  const config = brokerYaml(
    `${minimal}signing: { algorithms: [RS256, ES256], keys: { ES256: { active: "2", published: ["1", "3"] } } }\n`,
  )
  const synthesised = synthesise({ config })
  const rights = (role: string) => rightsOf(synthesised, role).filter((right) => right.startsWith('kms:'))
  assert.deepEqual(rights('/Token/Role'), [signEs256('1'), signEs256('2'), signEs256('3'), signRs256('1')])
  assert.deepEqual(rights('/SigningKeys/Reader/Role'), [
    'kms:GetPublicKey on /SigningKeys/ES256-1',
    'kms:GetPublicKey on /SigningKeys/ES256-2',
    'kms:GetPublicKey on /SigningKeys/ES256-3',
    'kms:GetPublicKey on /SigningKeys/RS256-1',
  ])
})

test('a key is ruled by its account alone, and the table by no policy of its own', () => {
  const { resources } = synthesise({ tableKey: 'create' })
  const keys = Object.values(resources).filter(({ Type }) => Type === 'AWS::KMS::Key')
  assert.equal(keys.length, 3)
  for (const { Properties } of keys)
    assert.deepEqual(Properties.KeyPolicy, {
      Statement: [
        {
          Action: 'kms:*',
          Effect: 'Allow',
          Principal: {
            AWS: {
              'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::', { Ref: 'AWS::AccountId' }, ':root']],
            },
          },
          Resource: '*',
        },
      ],
      Version: '2012-10-17',
    })
  const table = Object.values(resources).find(({ Type }) => Type === 'AWS::DynamoDB::Table')
  assert.equal(table?.Properties.ResourcePolicy, undefined)
})

const throughDynamodb = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
]

for (const [title, tableKey, name] of [
  ['a key of the stack', 'create', '/Receipts/Key'],
  ['a key of yours', 'arn:aws:kms:eu-west-1:123456789012:key/1b2c', 'arn:aws:kms:eu-west-1:123456789012:key/1b2c'],
] as const) {
  test(`with the table under ${title}, the functions that use the table may use it through DynamoDB, and only so`, () => {
    const synthesised = synthesise({ config: brokerYaml(withLogins()), tableKey })
    const via = 'kms:ViaService StringEquals {"Fn::Join":["",["dynamodb.",{"Ref":"AWS::Region"},".amazonaws.com"]]}'
    assert.deepEqual(
      rightsOf(synthesised, '/Token/Role'),
      [
        ...exchangeOfLogins,
        signEs256('1'),
        signRs256('1'),
        ...logAndTrace('Token'),
        ...throughDynamodb.map((action) => `${action} on ${name} when ${via}`),
      ].toSorted(),
    )
    for (const role of ['/Introspection/Role', '/Admin/Role', '/Login/Role'])
      assert.deepEqual(
        rightsOf(synthesised, role).filter((right) => right.endsWith(via)),
        throughDynamodb.map((action) => `${action} on ${name} when ${via}`),
      )
    assert.deepEqual(rightsOf(synthesised, '/Metadata/Role'), logAndTrace('Metadata'))
  })
}

const assume = (role: string) =>
  ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession'].map((action) => `${action} on ${role}`)
const ofSts = (rights: string[]) => rights.filter((right) => right.startsWith('sts:'))

test('the token function may assume exactly the roles that broker.yaml names, wherever they are, and no other function any', () => {
  const roles = [
    'arn:aws:iam::123456789012:role/web-deployer',
    'arn:aws:iam::444455556666:role/web-deployer',
    'arn:aws:iam::444455556666:role/teams/web/deployer',
    'arn:aws-cn:iam::123456789012:role/web-deployer',
    'arn:aws-us-gov:iam::123456789012:role/web-deployer',
  ]
  const synthesised = synthesise({ config: brokerYaml(withRoles(roles)) })
  const expected = [...exchange, signEs256('1'), signRs256('1'), ...logAndTrace('Token'), ...roles.flatMap(assume)]
  assert.deepEqual(rightsOf(synthesised, '/Token/Role'), expected.toSorted())
  for (const path of ['/Introspection/Role', '/Admin/Role', '/Metadata/Role', '/SigningKeys/Reader/Role'])
    assert.deepEqual(ofSts(rightsOf(synthesised, path)), [])
})

for (const role of [
  'arn:aws:iam::123456789012:role/*',
  'arn:aws:iam::123456789012:role/*/deployer',
  'arn:aws:iam::123456789012:role/team?/deployer',
  'arn:aws:iam::123456789012:role/${aws:PrincipalTag/team}/deployer',
]) {
  test(`${role}, which IAM would read as more than one role, is refused`, () => {
    assert.throws(() => synthesise({ config: brokerYaml(withRoles([role])) }), /a role is an ARN such as/)
  })
}

// IAM: 10,240 characters for all inline policies of a role, 6,144 for a managed policy, 10 managed policies a role.
for (const [count, managed] of [
  [1, 0],
  [200, 1],
  [1_000, 7],
] as const) {
  test(`${count} roles fit into what IAM takes, with ${managed} managed policies`, () => {
    const roles = rolesInAccounts(count)
    const synthesised = synthesise({ config: brokerYaml(withRoles(roles)) })
    assert.deepEqual(ofSts(rightsOf(synthesised, '/Token/Role')), roles.flatMap(assume).toSorted())
    const sizes = (type: string) =>
      Object.values(synthesised.resources)
        .filter((resource) => resource.Type === type && pathOf(resource).startsWith('/Token/Role/'))
        .map(({ Properties }) => sizeOf(Properties.PolicyDocument))
    const [inline, ...others] = sizes('AWS::IAM::Policy')
    assert.deepEqual(others, [])
    assert.ok(inline! <= 10_240, `${inline}`)
    const overflow = sizes('AWS::IAM::ManagedPolicy')
    assert.equal(overflow.length, managed)
    for (const size of overflow) assert.ok(size <= 6_144, `${size}`)
    // What every exchange needs stays where it is.
    const { PolicyDocument } = synthesised.at('Token/Role/DefaultPolicy').Properties
    for (const action of ['dynamodb:PutItem', 'kms:Sign', 'logs:PutLogEvents'])
      assert.match(JSON.stringify(PolicyDocument), new RegExp(`"${action}"`))
  })
}

/** With ARNs that are known only to the deployment as long as they can be. */
function sizeOf(document: unknown): number {
  const { length } = JSON.stringify(document, (_, value: unknown) =>
    typeof value === 'object' && value !== null && 'Fn::GetAtt' in value ? 'x'.repeat(150) : value,
  )
  return length
}
