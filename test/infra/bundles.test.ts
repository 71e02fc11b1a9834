import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import type { APIGatewayProxyEventV2, SQSBatchResponse, SQSRecord } from 'aws-lambda'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { bundleFunctions, type BundleReport } from '../../infra/bundle.ts'
import { writeFunctionCode } from '../../infra/function-code.ts'
import { functionNames, type FunctionName } from '../../infra/function-names.ts'
import { compile } from '../../lib/config/compile.ts'
import { JWT_BEARER_ASSERTION, JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../../lib/protocol/urns.ts'
import { startExampleIssuer, type ExampleIssuer } from '../../local/example-issuer.ts'
import { quickstartConfig } from '../../local/quickstart.ts'
import { startWorld, type World } from '../../local/world.ts'
import { openClientApp } from '../local/client-app.ts'
import { startSandbox, type LambdaSandbox } from './lambda-runtime.ts'

const broker = 'http://127.0.0.1:8787'
const directory = mkdtempSync(join(tmpdir(), 'token-broker-test-'))
const bundles = join(directory, 'bundles')
let reports: BundleReport[]
before(async () => {
  reports = await bundleFunctions(bundles)
})
after(() => rmSync(directory, { recursive: true }))

suite('what is in the bundles', () => {
  const packagesOf = (file: string) => {
    const report = reports.find((report) => report.file === file)
    assert.ok(report, file)
    return report.packages.map(({ name }) => name)
  }

  test('there is one for every file in functions/', () => {
    const files = readdirSync(new URL('../../functions/', import.meta.url)).filter((name) => !name.endsWith('.d.ts'))
    assert.deepEqual(functionNames.map((name) => `${name}.ts`).toSorted(), files.toSorted())
  })

  for (const [file, kib] of [
    ['token/index.js', 420],
    ['login/index.js', 480],
    ['introspection/index.js', 420],
    ['metadata/index.js', 40],
    ['logout-delivery/index.js', 290],
    ['registration/index.js', 280],
  ] as const) {
    test(`${file} has at most ${kib} KiB`, () => {
      assert.ok(statSync(join(bundles, file)).size <= kib * 1024)
    })
  }

  test('metadata has no SDK, no jose and no engine in it: it needs no other service', () => {
    const names = packagesOf('metadata/index.js')
    assert.deepEqual(
      names.filter((name) => /^@aws-sdk|^@smithy|^jose$|^@bufbuild/.test(name)),
      [],
    )
  })

  test('no bundle has what only synth and the CLI need', () => {
    for (const { packages } of reports)
      assert.deepEqual(
        packages.filter(({ name }) => ['zod', 'yaml', 'esbuild', 'aws-cdk-lib'].includes(name)),
        [],
      )
  })

  for (const [what, sdk, only] of [
    ['the token function can ask STS', '@aws-sdk/client-sts', 'token/index.js'],
    ['the login function can ask Secrets Manager', '@aws-sdk/client-secrets-manager', 'login/index.js'],
  ] as const)
    test(`only ${what} for anything`, () => {
      const asking = reports.filter(({ packages }) => packages.some(({ name }) => name === sdk))
      assert.deepEqual(
        asking.map(({ file }) => file),
        [only],
      )
    })

  test('of what the SDK could do nothing is in a bundle that no call of ours needs: event streams, a client’s package.json', () => {
    for (const name of functionNames) {
      const code = readFileSync(join(bundles, `${name}/index.js`), 'utf8')
      assert.ok(!/Provided message too short|devDependencies:/.test(code), name)
    }
  })

  for (const name of ['token', 'login', 'introspection'])
    test(`the ${name} function has the CEL engine beside it, not in it`, () => {
      assert.ok(!packagesOf(`${name}/index.js`).some((name) => name.startsWith('@bufbuild')))
      assert.ok(packagesOf(`${name}/cel.js`).includes('@bufbuild/cel'))
    })

  test('credentials come from the environment alone: no other way to find some is in the bundle', () => {
    const names = ['token', 'login', 'introspection', 'admin', 'logout-delivery', 'signing-keys']
    for (const file of names.map((name) => `${name}/index.js`))
      assert.deepEqual(
        packagesOf(file).filter((name) => name.includes('credential-provider')),
        ['@aws-sdk/credential-provider-env'],
      )
  })

  test('the same sources make the same bytes, and none of this machine is in them', async () => {
    await bundleFunctions(join(directory, 'again'))
    for (const { file } of reports) {
      const [one, other] = ['bundles', 'again'].map((folder) => readFileSync(join(directory, folder, file), 'utf8'))
      assert.equal(one, other)
      assert.ok(!one?.includes(process.cwd()))
    }
  })
})

suite('the deployed code in Lambda', () => {
  let world: World
  let issuer: ExampleIssuer
  const sandboxes: LambdaSandbox[] = []
  let withoutCel: string
  let quickstart: string

  before(async () => {
    issuer = await startExampleIssuer()
    quickstart = quickstartConfig(issuer.url).text
    withoutCel = quickstart.replace('    when: claims.environment == "preview"\n', '')
    assert.notEqual(withoutCel, quickstart)
    world = await startWorld(compiled(quickstart))
  })
  after(async () => {
    await Promise.all(sandboxes.map((sandbox) => sandbox.close()))
    await world.close()
    await issuer.close()
  })

  /** The quickstart, whose one expression is now in what a client must prove. */
  function withProof(): string {
    const text = withoutCel.replace(
      '8d1f6b1e-90f4-4a55-b2c6-7f0d2c9e4a10 } }',
      `8d1f6b1e-90f4-4a55-b2c6-7f0d2c9e4a10 }, when: 'claims["kubernetes.io"].namespace == "apps"' }`,
    )
    assert.notEqual(text, withoutCel)
    return text
  }

  function compiled(text: string) {
    return compile(text, 'broker.yaml', { local: true, issuer: broker, now: Math.floor(Date.now() / 1000) })
      .configuration
  }

  function deploy(name: FunctionName, text = quickstart): string {
    const code = mkdtempSync(join(directory, `${name}-`))
    writeFunctionCode(name, compiled(text), code, bundles)
    return code
  }

  /** What Lambda sets, and where the stand-ins are. */
  function environment(...names: string[]): Record<string, string> {
    return Object.fromEntries(names.map((name) => [name, process.env[name] ?? '']))
  }
  const tokenEnvironment = () =>
    environment(
      'BROKER_TABLE',
      'BROKER_SIGNING_KEYS',
      'AWS_REGION',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_ENDPOINT_URL_DYNAMODB',
      'AWS_ENDPOINT_URL_KMS',
    )

  async function start(code: string, variables: Record<string, string>): Promise<LambdaSandbox> {
    const sandbox = await startSandbox(code, variables)
    sandboxes.push(sandbox)
    return sandbox
  }

  interface Answer {
    statusCode: number
    headers: Record<string, string>
    body: string
  }
  async function get(sandbox: LambdaSandbox, rawPath: string): Promise<Answer> {
    return (await sandbox.invoke(event('GET', rawPath))) as Answer
  }
  async function exchange(sandbox: LambdaSandbox, subject_token: string): Promise<Answer> {
    const form = {
      grant_type: TOKEN_EXCHANGE_GRANT,
      subject_token_type: JWT_TYPE,
      subject_token,
      audience: 'deploy-api',
    }
    return (await sandbox.invoke(event('POST', '/token', new URLSearchParams(form).toString()))) as Answer
  }

  test('metadata, cold and warm, with no environment but the signing keys', async () => {
    const code = deploy('metadata')
    assert.deepEqual(readdirSync(code).toSorted(), ['config.json', 'index.js', 'package.json'])
    const sandbox = await start(code, environment('BROKER_SIGNING_KEYS'))
    for (let turn = 0; turn < 2; turn++) {
      const jwks = await get(sandbox, '/jwks')
      assert.equal(jwks.statusCode, 200)
      assert.deepEqual(
        (JSON.parse(jwks.body) as JSONWebKeySet).keys.map(({ alg }) => alg),
        ['ES256', 'RS256'],
      )
      for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
        const { statusCode, body } = await get(sandbox, path)
        assert.equal(statusCode, 200)
        const document = JSON.parse(body) as Record<string, string>
        assert.deepEqual([document.issuer, document.jwks_uri], [broker, `${broker}/jwks`])
      }
      assert.equal((await get(sandbox, '/healthz')).statusCode, 200)
    }
  })

  test('Lambda may read every file, whatever the umask was where it was made', () => {
    const umask = process.umask(0o077)
    try {
      const code = deploy('token')
      for (const file of readdirSync(code)) assert.equal(statSync(join(code, file)).mode & 0o777, 0o644, file)
    } finally {
      process.umask(umask)
    }
  })

  test('metadata knows nothing of issuers, targets, rules and clients', () => {
    const config = JSON.parse(readFileSync(join(deploy('metadata'), 'config.json'), 'utf8')) as object
    assert.deepEqual(Object.keys(config).toSorted(), ['authorization', 'issuer', 'signing'])
    assert.doesNotMatch(JSON.stringify(config), /acme-partner|deploy-api|web-deploys|partner-app/)
  })

  for (const [title, text, files] of [
    ['with CEL in its rules', () => quickstart, ['cel.js', 'config.json', 'index.js', 'package.json']],
    ['without', () => withoutCel, ['config.json', 'index.js', 'package.json']],
  ] as const) {
    test(`an exchange, cold and warm, ${title}: the token verifies, and a replay is refused`, async () => {
      const code = deploy('token', text())
      assert.deepEqual(readdirSync(code).toSorted(), files)
      const token = await start(code, tokenEnvironment())
      const metadata = await start(deploy('metadata'), environment('BROKER_SIGNING_KEYS'))
      const jwks = JSON.parse((await get(metadata, '/jwks')).body) as JSONWebKeySet
      for (let turn = 0; turn < 2; turn++) {
        const subject_token = await issuer.sign({ aud: broker })
        const granted = await exchange(token, subject_token)
        assert.equal(granted.statusCode, 200, granted.body)
        const { access_token } = JSON.parse(granted.body) as { access_token: string }
        const { payload } = await jwtVerify(access_token, createLocalJWKSet(jwks), {
          issuer: broker,
          audience: 'https://deploy.acme.dev',
          typ: 'at+jwt',
        })
        assert.equal(payload.sub, 'github:repo:1234567/987654')
        const replayed = await exchange(token, subject_token)
        assert.equal(replayed.statusCode, 400)
        assert.match(token.log(), /subject_token_replayed/)
      }
    })
  }

  test('CEL in a deployed rule decides', async () => {
    const text = quickstart
      .replace('      event_name: [push, workflow_dispatch]\n', '')
      .replace(
        '    grant:\n      - target: deploy-api\n        scopes: [deploy:write]',
        '    when: claims.run_attempt == "1"\n    grant:\n      - target: deploy-api\n        scopes: [deploy:write]',
      )
    const token = await start(deploy('token', text), tokenEnvironment())
    assert.equal((await exchange(token, await issuer.sign({ aud: broker, run_attempt: '2' }))).statusCode, 400)
    assert.equal((await exchange(token, await issuer.sign({ aud: broker }))).statusCode, 200)
  })

  for (const [title, text, files] of [
    ['with CEL in what its clients must prove', withProof, ['cel.js', 'config.json', 'index.js', 'package.json']],
    ['without', () => withoutCel, ['config.json', 'index.js', 'package.json']],
  ] as const) {
    test(`a token is looked up and given back, cold and warm, ${title}`, async () => {
      const code = deploy('introspection', text())
      assert.deepEqual(readdirSync(code).toSorted(), files)
      const token = await start(deploy('token', text()), tokenEnvironment())
      const introspection = await start(code, tokenEnvironment())
      const ask = async (path: string, form: Record<string, string>): Promise<Answer> =>
        (await introspection.invoke(event('POST', path, new URLSearchParams(form).toString()))) as Answer
      const uid = '8d1f6b1e-90f4-4a55-b2c6-7f0d2c9e4a10'
      const proof = {
        client_id: 'deploy-server',
        client_assertion_type: JWT_BEARER_ASSERTION,
        client_assertion: await issuer.signForPod({
          aud: [broker],
          'kubernetes.io': { namespace: 'apps', serviceaccount: { name: 'deploy-server', uid } },
        }),
      }
      for (let turn = 0; turn < 2; turn++) {
        const granted = await exchange(token, await issuer.sign({ aud: broker }))
        const form = { token: (JSON.parse(granted.body) as { access_token: string }).access_token }
        const before = await ask('/introspect', { ...form, ...proof })
        assert.equal((JSON.parse(before.body) as { active: boolean }).active, true, before.body)
        assert.equal((await ask('/revoke', form)).statusCode, 200)
        assert.equal((await ask('/introspect', { ...form, ...proof })).body, '{"active":false}')
      }
      const refused = await ask('/introspect', { token: 'x', ...proof, client_id: 'deploy-monitor' })
      assert.equal(refused.statusCode, 401)
    })
  }

  test('a client is told of a logout, cold and warm, and one that fails does not repeat the others', async () => {
    const app = await openClientApp()
    try {
      const text = quickstart.replace('http://127.0.0.1:8790/backchannel-logout', `${app.url}/bc`)
      const delivery = await start(deploy('logout-delivery', text), tokenEnvironment())
      for (const turn of ['1', '2']) {
        const ids = ['a', 'b', 'c'].map((name) => (name + turn).padEnd(22, '0')) as [string, string, string]
        app.failsOnce.add(ids[1])
        const Records = [...ids.map((id) => toRecord(id, { schema: 1, id })), toRecord('malformed', { schema: 2 })]
        const { batchItemFailures } = (await delivery.invoke({ Records })) as SQSBatchResponse
        assert.deepEqual(
          batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
          [ids[1], 'malformed'],
          delivery.log(),
        )
        const told = [await app.next(), await app.next(), await app.next()].map(({ jti }) => jti)
        assert.deepEqual(new Set(told), new Set(ids))
      }
      assert.match(delivery.log(), /logout delivered/)
      assert.doesNotMatch(delivery.log(), /eyJ/)
    } finally {
      await app.close()
    }
  })

  test('a client registers itself, where rules have expressions too: it needs no engine', async () => {
    const token = 'b7Qe9Tn2sWv5Rc8Ld6HgPa0oIuYtk4uYm3xJ0Zb1fAA'
    const login = /^ {2}(\S+):\n(?: {4}.*\n)*? {4}login:/m.exec(quickstart)?.[1]
    const text = `${quickstart}
registration:
  initial_access_tokens: { sha256: [${createHash('sha256').update(token).digest('base64url')}] }
  redirect_hosts: [app.example]
  login: [${login}]
`
    const registration = await start(deploy('registration', text), tokenEnvironment())
    const body = JSON.stringify({ redirect_uris: ['https://app.example/cb'], token_endpoint_auth_method: 'none' })
    const asked = event('POST', '/register', body)
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    const made = (await registration.invoke({ ...asked, headers, isBase64Encoded: false, body })) as Answer
    assert.equal(made.statusCode, 201, made.body)
    const answer = JSON.parse(made.body) as { registration_client_uri: string; registration_access_token: string }
    const own = new URL(answer.registration_client_uri).pathname
    const authorization = `Bearer ${answer.registration_access_token}`
    const deleted = (await registration.invoke({ ...event('DELETE', own), headers: { authorization } })) as Answer
    assert.equal(deleted.statusCode, 204)
    // Neither the tokens, nor their hashes.
    for (const secret of [token, answer.registration_access_token]) assert.ok(!registration.log().includes(secret))
  })

  for (const [name, missing] of [
    ['token', 'BROKER_TABLE'],
    ['login', 'BROKER_TABLE'],
    ['login', 'BROKER_SIGNING_KEYS'],
    ['introspection', 'BROKER_TABLE'],
    ['introspection', 'BROKER_SIGNING_KEYS'],
    ['token', 'BROKER_SIGNING_KEYS'],
    ['metadata', 'BROKER_SIGNING_KEYS'],
    ['logout-delivery', 'BROKER_SIGNING_KEYS'],
    ['registration', 'BROKER_TABLE'],
  ] as const) {
    test(`${name} does not start without ${missing}, and says so`, async () => {
      const { [missing]: _, ...rest } = tokenEnvironment()
      const sandbox = await start(deploy(name), rest)
      await assert.rejects(get(sandbox, '/jwks'), new RegExp(`${missing} is not set`))
    })
  }
})

/** Of a message in the queue of logout notices. */
function toRecord(messageId: string, notice: object): Pick<SQSRecord, 'messageId' | 'body'> {
  const about = { client_id: 'partner-app', sub: 'acme-partner:e-1041', sid: 's1', at: 1_795_608_000 }
  return { messageId, body: JSON.stringify({ ...about, ...notice }) }
}

/** A version 2.0 proxy event, as API Gateway sends it (a form comes in base64). */
function event(method: string, rawPath: string, body?: string): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    routeKey: `ANY ${rawPath}`,
    rawPath,
    rawQueryString: '',
    headers: {
      'content-length': String(body?.length ?? 0),
      'content-type': 'application/x-www-form-urlencoded',
      host: 'a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'https',
    },
    requestContext: {
      accountId: '123456789012',
      apiId: 'a1b2c3d4e5',
      domainName: 'a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com',
      domainPrefix: 'a1b2c3d4e5',
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '203.0.113.7', userAgent: 'curl/8' },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: `ANY ${rawPath}`,
      stage: '$default',
      time: '25/Nov/2026:12:00:00 +0000',
      timeEpoch: 1_795_608_000_000,
    },
    ...(body === undefined ? {} : { body: Buffer.from(body).toString('base64') }),
    isBase64Encoded: body !== undefined,
  }
}
