import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { verifyEntryTests } from './verify-entry.ts'

// The sequence of README.md "Deploy it", without a registry and where aws-cdk-lib is installed already: no source file of
// ours, and no dependency but those that package.json names.
const root = fileURLToPath(new URL('../..', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'token-broker-test-'))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const tarball = `token-broker-${version}.tgz`
const npmWrote = { 'aws-cdk-lib': '^2.276.0', constructs: '^10.8.1', 'token-broker': `file:../${tarball}` }
const project = join(directory, 'project')
const modules = join(project, 'node_modules')
const installed = join(modules, 'token-broker')
after(() => rmSync(directory, { recursive: true }))

before(() => {
  // Builds first, as it does when it is published.
  execFileSync('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: root })
  assert.ok(readdirSync(directory).includes(tarball))
  mkdirSync(installed, { recursive: true })
  // What npm writes at `npm install ../token-broker-….tgz aws-cdk-lib constructs`.
  writeFileSync(join(project, 'package.json'), `${JSON.stringify({ dependencies: npmWrote }, null, 2)}\n`)
  writeFileSync(join(project, 'package-lock.json'), '{}')
  execFileSync('tar', ['-xzf', join(directory, tarball), '-C', installed, '--strip-components=1'])
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    dependencies: object
    peerDependencies: object
  }
  for (const name of [...Object.keys(dependencies), ...Object.keys(peerDependencies), 'aws-cdk']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
})

function run(file: string, args: string[]): { status: number | null; output: string } {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, CI: 'true', AWS_EC2_METADATA_DISABLED: 'true' }
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
    cwd: project,
    env,
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr }
}
const tokenBroker = (args: string[]) => run(join(installed, 'dist/cli.js'), args)

test('it holds what is published, and nothing that is ours alone', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' })
  for (const wanted of [
    'dist/cli.js',
    'dist/aws.js',
    'dist/cdk.js',
    'dist/verify.js',
    'dist/functions/token/index.js',
    'broker.schema.json',
    'README.md',
    'LICENSE',
  ])
    assert.ok(files.includes(wanted), wanted)
  const strays = files.filter(
    (file) =>
      (file.endsWith('.ts') && !file.endsWith('.d.ts')) ||
      /^(?:test|local|tools|infra|lib|functions|client|verify|action)\b|\.test\./.test(file),
  )
  assert.deepEqual(strays, [])
  for (const file of files.filter((name) => /\.(?:js|d\.ts|json|md)$/.test(name)))
    assert.ok(!readFileSync(join(installed, file), 'utf8').includes(root), `${file} names this machine`)
})

test('install, init, check, synth: a broker of an empty folder', () => {
  const ids = ['--repo', 'acme/web', '--owner-id', '1234567', '--repo-id', '987654']
  const init = tokenBroker(['init', ...ids])
  assert.equal(init.status, 0, init.output)
  assert.match(init.output, /^Written to \.: broker\.yaml, app\.mjs, .*\nExtended: package\.json\n\n/)
  assert.match(init.output, /\ntoken-broker is on no registry yet: /)
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
    dependencies: object
    devDependencies: object
  }
  assert.deepEqual([dependencies, Object.keys(devDependencies)], [npmWrote, ['aws-cdk']])
  assert.deepEqual(tokenBroker(['check', 'broker.yaml']), {
    status: 0,
    output: 'broker.yaml: ok, 1 issuer, 1 target, 1 rule\n',
  })
  const synth = run(join(modules, 'aws-cdk/bin/cdk'), ['synth', '--quiet'])
  assert.equal(synth.status, 0, synth.output)
  const template = readFileSync(join(project, 'cdk.out/TokenBroker.template.json'), 'utf8')
  const { Resources } = JSON.parse(template) as { Resources: Record<string, { Type: string }> }
  assert.equal(Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function').length, 5)
  // The very stack and ids of this repository's own app: who moves from one to the other updates what is there.
  assert.ok('BrokerReceiptsTable542DFDDA' in Resources)
  const manifest = readFileSync(join(project, 'cdk.out/manifest.json'), 'utf8')
  const { artifacts } = JSON.parse(manifest) as { artifacts: { TokenBroker: { properties: { stackName: string } } } }
  assert.equal(artifacts.TokenBroker.properties.stackName, 'token-broker')
})

test('init refuses to write over what is there', () => {
  const { status, output } = tokenBroker(['init'])
  assert.equal(status, 1)
  assert.match(output, /nothing was written/)
})

test('init of a folder that does not name the package names it by where it is, not by a version', () => {
  const { status, output } = tokenBroker(['init', '../other'])
  assert.equal(status, 0, output)
  const { dependencies } = JSON.parse(readFileSync(join(directory, 'other/package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  assert.equal(dependencies['token-broker'], 'file:../project/node_modules/token-broker')
  assert.match(output, /\ntoken-broker is on no registry yet: /)
})

test('a broker.yaml that does not hold fails check and synth alike', () => {
  const file = join(project, 'broker.yaml')
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace('repository_owner_id: "1234567"', 'repository_owner_id: 1234567'))
  try {
    assert.match(tokenBroker(['check', 'broker.yaml']).output, /broker\.yaml:\d+:\d+ error unquoted-value/)
    const synth = run(join(project, 'app.mjs'), [])
    assert.notEqual(synth.status, 0)
    assert.match(synth.output, /broker\.yaml:\d+:\d+ error unquoted-value/)
  } finally {
    writeFileSync(file, text)
  }
})

/** Runs TypeScript's compiler on `app.mts` with this text. */
function compile(text: string): { status: number | null; output: string } {
  const options = {
    module: 'nodenext',
    strict: true,
    noEmit: true,
    target: 'es2022',
    types: [],
    skipLibCheck: true,
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['app.mts'] }))
  writeFileSync(join(project, 'app.mts'), text)
  return run(join(root, 'node_modules/typescript/bin/tsc'), ['--project', 'tsconfig.json'])
}

test('what is exported has types, which refuse what it does not take', () => {
  const app = (props: string) => `
import { App, Stack } from 'aws-cdk-lib'
import { fromTokenBroker, type AwsCredentials } from 'token-broker/aws'
import { BrokeredRole, TokenBroker, type TokenBrokerProps } from 'token-broker/cdk'
const props: TokenBrokerProps = ${props}
export const issuer: string = new TokenBroker(new Stack(new App(), 'S'), 'B', props).issuer
export const role: BrokeredRole = new BrokeredRole(new Stack(new App(), 'R'), 'Role', {
  brokerRoleArn: 'arn:aws:iam::999900001111:role/token-broker-token-eu-west-1',
  externalId: 'broker-acme',
  issuerNames: ['github'],
})
export const credentials: Promise<AwsCredentials> = fromTokenBroker({ broker: issuer, target: 'web-deployer' })()
`
  const good = compile(
    app(`{ config: 'broker.yaml', domain: { name: 'broker.acme.dev', hostedZone: { id: 'Z', name: 'acme.dev' } } }`),
  )
  assert.deepEqual(good, { status: 0, output: '' })
  for (const props of [
    '{}',
    `{ config: 1 }`,
    `{ config: 'broker.yaml', domian: {} }`,
    `{ config: 'broker.yaml', domain: 'broker.acme.dev' }`,
  ])
    assert.notEqual(compile(app(props)).status, 0, props)
})

test('what is exported can be imported', () => {
  writeFileSync(
    join(project, 'import.mjs'),
    `import { fromTokenBroker } from 'token-broker/aws'
import { BrokeredRole, TokenBroker } from 'token-broker/cdk'
import { verifyAccessToken } from 'token-broker/verify'
const all = [fromTokenBroker, BrokeredRole, TokenBroker, verifyAccessToken]
process.stdout.write(all.map((exported) => typeof exported).join(' '))`,
  )
  assert.deepEqual(run(join(project, 'import.mjs'), []), {
    status: 0,
    output: 'function function function function',
  })
})

test('it can be imported by nothing but its names', () => {
  for (const name of ['token-broker', 'token-broker/dist/cdk.js', 'token-broker/lib/trust/decide.ts']) {
    writeFileSync(join(project, 'import.mjs'), `await import(${JSON.stringify(name)})`)
    assert.match(run(join(project, 'import.mjs'), []).output, /ERR_PACKAGE_PATH_NOT_EXPORTED/)
  }
})

verifyEntryTests({ folder: project, compile })
