import { generateKeyPairSync, sign } from 'node:crypto'

/**
 * A fresh self-signed certificate for one host name (RFC 5280 section 4.1), so that no private key lies in the repository.
 * `until` as `YYYYMMDD`.
 */
export function testCertificate(hostname: string, until = '20991231'): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ecdsaWithSha256 = der(0x30, der(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
  const commonName = der(0x06, Buffer.from('550403', 'hex'))
  const subjectAltName = der(0x06, Buffer.from('551d11', 'hex'))
  const name = der(0x30, der(0x31, der(0x30, commonName, der(0x0c, Buffer.from(hostname)))))
  const times = ['20200101000000Z', `${until}235959Z`].map((time) => der(0x18, Buffer.from(time)))
  const validity = der(0x30, ...times)
  const names = der(0x30, der(0x82, Buffer.from(hostname)))
  const extensions = der(0xa3, der(0x30, der(0x30, subjectAltName, der(0x04, names))))
  const version = der(0xa0, der(0x02, Buffer.of(2)))
  const serial = der(0x02, Buffer.of(1))
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const certificate = der(0x30, version, serial, ecdsaWithSha256, name, validity, name, spki, extensions)
  const signature = der(0x03, Buffer.of(0), sign('sha256', certificate, privateKey))
  const body = der(0x30, certificate, ecdsaWithSha256, signature).toString('base64').replace(/.{64}/g, '$&\n')
  return {
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
  }
}

function der(tag: number, ...content: Buffer[]): Buffer {
  const bytes = Buffer.concat(content)
  const { length } = bytes
  const prefix = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...prefix), bytes])
}
