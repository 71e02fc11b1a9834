import assert from 'node:assert/strict'
import { constants, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { subjectTokenAlgorithms, type SubjectTokenAlgorithm } from '../../lib/protocol/algorithms.ts'
import { parseKeySet } from '../../lib/protocol/key-set.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import { fixedKeySets, now, ourIssuer, testIssuer, verifyAt } from './issuer-fixture.ts'

type KeyPair = { privateKey: KeyObject; publicKey: KeyObject }

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const curves = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
}
const edwards = generateKeyPairSync('ed25519')
const farm = await testIssuer()

function keysOf(alg: SubjectTokenAlgorithm): KeyPair {
  if (alg === 'ES256' || alg === 'ES384' || alg === 'ES512') return curves[alg]
  return alg === 'EdDSA' || alg === 'Ed25519' ? edwards : rsa
}

/** RFC 7518 section 3.1, RFC 8037 section 3.1, by another library than the one that verifies. */
function signatureOf(alg: SubjectTokenAlgorithm, input: Buffer): Buffer {
  const hash = `sha${alg.slice(2)}`
  const { privateKey: key } = keysOf(alg)
  if (alg.startsWith('RS')) return sign(hash, input, key)
  if (alg.startsWith('PS')) return pss(hash, input, constants.RSA_PSS_SALTLEN_DIGEST)
  if (alg.startsWith('ES')) return sign(hash, input, { key, dsaEncoding: 'ieee-p1363' })
  return sign(null, input, key)
}

function pss(hash: string, input: Buffer, saltLength: number): Buffer {
  return sign(hash, input, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
}

/** Presents a token to a broker that takes this algorithm and knows the key for it. */
function present(alg: SubjectTokenAlgorithm, signed: (input: Buffer) => Buffer): Promise<unknown> {
  const claims = { iss: 'https://ci.test', sub: 'job-7', aud: ourIssuer, exp: now + 300 }
  const input = [{ alg, kid: 'k1' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const issuer: TrustedIssuer = { ...farm.issuer, algorithms: [alg] }
  const keySets = fixedKeySets(
    parseKeySet({ keys: [{ ...keysOf(alg).publicKey.export({ format: 'jwk' }), kid: 'k1' }] }),
  )
  return verifyAt(farm, `${input}.${signed(Buffer.from(input)).toString('base64url')}`, { issuer, keySets })
}

for (const alg of subjectTokenAlgorithms) {
  test(`a signature by ${alg} is verified, and with one bit changed, a byte more or a byte less it is not`, async () => {
    await present(alg, (input) => signatureOf(alg, input))
    for (const spoil of [
      (signature: Buffer) => Buffer.from(signature.map((byte, i) => (i === 9 ? byte ^ 1 : byte))),
      // RSA's is a number, which zeros in front do not change: replay looks at what is signed, not at the signature.
      (signature: Buffer) => signature.subarray(signature.findIndex((byte) => byte !== 0) + 1),
      (signature: Buffer) => signature.subarray(0, -1),
      (signature: Buffer) => Buffer.concat([Buffer.alloc(1), signature]),
      (signature: Buffer) => Buffer.concat([signature, Buffer.alloc(1)]),
      // CVE-2022-21449
      (signature: Buffer) => Buffer.alloc(signature.length),
    ])
      await assert.rejects(
        present(alg, (input) => spoil(signatureOf(alg, input))),
        { refusal: { reason: 'signature_invalid' } },
      )
  })
}

for (const [title, alg, signed] of [
  ['RS256 over another hash', 'RS256', (input) => signatureOf('RS512', input)],
  ['PS256 over another hash', 'PS256', (input) => signatureOf('PS512', input)],
  [
    'ES256 over another hash',
    'ES256',
    (input) => sign('sha512', input, { key: curves.ES256.privateKey, dsaEncoding: 'ieee-p1363' }),
  ],
  ['PS256 with the padding of RS256', 'PS256', (input) => signatureOf('RS256', input)],
  ['RS256 with the padding of PS256', 'RS256', (input) => signatureOf('PS256', input)],
  // RFC 7518 section 3.5: as long as the hash.
  ['PS256 with a shorter salt', 'PS256', (input) => pss('sha256', input, 20)],
  ['PS256 with no salt', 'PS256', (input) => pss('sha256', input, 0)],
  ['PS256 with a longer salt', 'PS256', (input) => pss('sha256', input, 64)],
  // RFC 7518 section 3.4: r and s, side by side.
  ['ES256 in DER', 'ES256', (input) => sign('sha256', input, curves.ES256.privateKey)],
  ['ES512 in DER', 'ES512', (input) => sign('sha512', input, curves.ES512.privateKey)],
] as const satisfies readonly (readonly [string, SubjectTokenAlgorithm, (input: Buffer) => Buffer])[]) {
  test(`${title} is not verified`, async () => {
    await assert.rejects(present(alg, signed), { refusal: { reason: 'signature_invalid' } })
  })
}
