import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { blackBox } from '../conformance/broker-fixture.ts'

const read = (name: string) => readFileSync(new URL(`../../examples/kubernetes/${name}`, import.meta.url), 'utf8')

interface BrokerFile {
  issuer: string
  issuers: { cluster: { issuer: string } }
}

interface Pod {
  kind: string
  metadata: { namespace: string }
  spec: {
    serviceAccountName: string
    containers: [{ env: { name: string; value: string }[]; volumeMounts: { name: string; mountPath: string }[] }]
    volumes: {
      name: string
      projected: {
        sources: [{ serviceAccountToken: { path: string; audience: string; expirationSeconds: number } }]
      }
    }[]
  }
}

const brokerFile = parse(read('broker.yaml')) as BrokerFile
const { kind, metadata, spec } = parse(read('pod.yaml')) as Pod
const [container] = spec.containers
const variables = Object.fromEntries(container.env.map(({ name, value }) => [name, value]))
const uri = new URL(variables.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? '')
const [volume] = spec.volumes
const token = volume?.projected.sources[0].serviceAccountToken

const box = blackBox(() =>
  read('broker.yaml').replaceAll(brokerFile.issuers.cluster.issuer, `${box.issuer.url}/cluster`),
)

test('the pod’s token is for the broker, and lies where SDKs look', () => {
  assert.equal(kind, 'Pod')
  assert.deepEqual([uri.origin, token?.audience], [brokerFile.issuer, brokerFile.issuer])
  const mount = container.volumeMounts.find(({ name }) => name === volume?.name)
  assert.equal(variables.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, `${mount?.mountPath}/${token?.path}`)
})

test('with such a token its URI answers AWS credentials', async () => {
  const now = Math.floor(Date.now() / 1000)
  const { namespace } = metadata
  const subject_token = await box.issuer.signForPod({
    aud: [box.broker.url],
    iat: now,
    exp: now + (token?.expirationSeconds ?? 0),
    sub: `system:serviceaccount:${namespace}:${spec.serviceAccountName}`,
    'kubernetes.io': {
      namespace,
      pod: { name: 'nightly', uid: 'b8d1e0a4-2c5f-4b7e-8a1d-6f3e9c0b7d52' },
      serviceaccount: { name: spec.serviceAccountName, uid: '3f0c8a52-6f0c-4c5b-9b1e-2d7f3c1a9e55' },
    },
  })
  const response = await fetch(box.broker.url + uri.pathname, { headers: { authorization: subject_token } })
  const answer = (await response.json()) as Record<string, string>
  assert.equal(response.status, 200, JSON.stringify(answer))
  assert.deepEqual(Object.keys(answer), ['AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration'])
  const minutes = (Date.parse(answer.Expiration ?? '') / 1000 - now) / 60
  assert.ok(minutes > 55 && minutes < 65, `they last ${minutes} minutes`)
})
