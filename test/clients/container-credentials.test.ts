import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { close, listen } from '../../local/loopback.ts'
import { testCertificate } from '../http/test-certificate.ts'
import { containerCredentialsContract } from './container-credentials.ts'
import { startWorkload, type RunningWorkload } from './running-workload.ts'

const fileOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const program = fileOf('workload.ts')
const workload = (how: string) => ({ command: [process.execPath, program, how] }) as const

const { box, sts, podToken } = containerCredentialsContract({
  name: 'the SDK for JavaScript',
  workload: workload('by itself'),
  failing: workload('by fromHttp, without retries'),
  shows: {
    refusal: (code, phrase) => new RegExp(`Code: '${code}',\\s+Message: '${phrase} \\(decision [\\w-]{22}\\)'`),
    outage: /CredentialsProviderError: Server responded with status: 503/,
  },
})

/** A deployed broker's address: https, and a name that is not this machine's. */
const name = 'broker.acme.test'
const directory = mkdtempSync(join(tmpdir(), 'token-broker-https-'))
const certificate = testCertificate(name)
const server = createServer(certificate, (incoming, outgoing) => {
  const { method, headers, url = '/' } = incoming
  const forwarded = request(new URL(url, box.broker.url), { method, headers }, (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers)
    response.pipe(outgoing)
  })
  incoming.pipe(forwarded)
})
let port: string

before(async () => {
  port = new URL(await listen(server, 0)).port
  writeFileSync(join(directory, 'ca.pem'), certificate.cert)
})
after(async () => {
  rmSync(directory, { recursive: true })
  await close(server)
})

function atName(how: string, target: string, token: string): RunningWorkload {
  return startWorkload(
    { command: [process.execPath, '--import', fileOf('loopback-names.ts'), program, how] },
    {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `https://${name}:${port}/credentials/${target}`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
      NODE_EXTRA_CA_CERTS: join(directory, 'ca.pem'),
    },
  )
}

test('the SDK for JavaScript takes credentials from any name, by https', async () => {
  const program = atName('by itself', 'report-reader', await podToken())
  assert.equal(await program.call(), '')
  assert.equal(sts.issued.length, 1)
  assert.deepEqual(sts.signers, sts.issued)
})

// Of the SDK's, not ours: docs/aws-credentials.md quotes it, and says how to see the reason.
test('the SDK for JavaScript, finding its credentials by itself, hides a refusal behind the name', async () => {
  const program = atName('by the chain, without retries', 'web-deployer', await podToken())
  const seen = await program.call()
  assert.match(
    seen,
    /^CredentialsProviderError: broker\.acme\.test is not a valid container metadata service hostname\n/,
  )
  assert.doesNotMatch(seen, /decision/)
  const why = await atName('by fromHttp, without retries', 'web-deployer', await podToken()).call()
  assert.match(why, /Message: 'no token can be issued for this target \(decision [\w-]{22}\)'/)
})
