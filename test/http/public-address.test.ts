import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopbackAddress, isPublicAddress } from '../../lib/http/public-address.ts'

const refused = {
  loopback: ['127.0.0.1', '127.255.255.254', '::1'],
  'this network': ['0.0.0.0', '0.1.2.3', '::'],
  private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  'link-local, with instance metadata': ['169.254.169.254', '169.254.170.2', 'fe80::1', 'fd00:ec2::254'],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.255'],
  ULA: ['fc00::1', 'fdff::1'],
  'site-local': ['fec0::1'],
  'v4-mapped': ['::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '::ffff:0:8.8.8.8'],
  'v4-compatible': ['::127.0.0.1', '::8.8.8.8'],
  NAT64: ['64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::a00:1'],
  '6to4 and Teredo': ['2002:7f00:1::', '2001::1', '2001:0:4136:e378::1', '192.88.99.1'],
  'protocol assignments': ['192.0.0.8', '2001:20::1'],
  benchmarks: ['198.18.0.1', '198.19.255.255', '2001:2::1'],
  documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
  'reserved and broadcast': ['240.0.0.1', '255.255.255.255', '4000::1', '100::1'],
  'no address': ['', 'localhost', '127.1', '0x7f000001', 'issuer.example', '1.2.3.4.5', '8.8.8.8%eth0'],
}
for (const [what, addresses] of Object.entries(refused)) {
  test(`${what} is not public`, () => {
    for (const address of addresses) assert.equal(isPublicAddress(address), false, address)
  })
}

test('what borders on those ranges is public', () => {
  const addresses = [
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.0.0.1',
    '128.0.0.1',
    '169.253.0.1',
    '172.15.0.1',
  ]
  const more = [
    '172.32.0.1',
    '192.167.0.1',
    '192.169.0.1',
    '198.17.0.1',
    '198.20.0.1',
    '223.255.255.255',
    '2001:200::1',
    '2606:4700::1111',
    '2003::1',
  ]
  for (const address of [...addresses, ...more]) assert.equal(isPublicAddress(address), true, address)
})

test('loopback is told from the rest', () => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1']) assert.equal(isLoopbackAddress(address), true, address)
  for (const address of ['10.0.0.1', '::ffff:127.0.0.1', '::2', 'localhost', ''])
    assert.equal(isLoopbackAddress(address), false, address)
})
