import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** RFC 6890 and its registry: what is not the public internet. */
const blockedIPv4 = subnets('ipv4', [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10', // shared by carrier-grade NAT, RFC 6598
  '127.0.0.0/8',
  '169.254.0.0/16', // link-local: instance metadata lives here
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24', // documentation, RFC 5737
  '192.88.99.0/24', // 6to4 relays, RFC 7526
  '192.168.0.0/16',
  '198.18.0.0/15', // benchmarks, RFC 2544
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
])

/**
 * All of IPv6 that is assigned as global unicast (RFC 4291 section 2.4). Whatever lies outside is refused unnamed: loopback,
 * ULA, link-local, multicast, v4-mapped, and NAT64 (64:ff9b::/96 and 64:ff9b:1::/48), behind which an IPv4 address hides.
 */
const globalIPv6 = subnets('ipv6', ['2000::/3'])
const blockedIPv6 = subnets('ipv6', [
  '2001::/23', // Teredo, ORCHID and other protocol assignments, RFC 2928
  '2001:db8::/32', // documentation, RFC 3849
  '2002::/16', // 6to4: an IPv4 address inside
  '3fff::/20', // documentation, RFC 9637
])

const loopback = subnets('ipv4', ['127.0.0.0/8'])

/** True for an address literal that belongs to the public internet; false for everything else, also for what is no address. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !blockedIPv4.check(address, 'ipv4')
  return isIPv6(address) && globalIPv6.check(address, 'ipv6') && !blockedIPv6.check(address, 'ipv6')
}

export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || (isIPv4(address) && loopback.check(address, 'ipv4'))
}

/** A list a family: in one list Node matches every IPv4 address against `::ffff:0:0/96`. */
function subnets(family: 'ipv4' | 'ipv6', ranges: string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [network = '', prefix] = range.split('/')
    list.addSubnet(network, Number(prefix), family)
  }
  return list
}
