import { BlockList, isIP } from 'node:net'

/** Link-local addresses and metadata services of clouds: never, unless listed (RELIABILITY: SSRF). */
const METADATA_IPV4 = ['169.254.0.0/16', '100.100.100.200/32', '168.63.129.16/32', '192.0.0.192/32']
const METADATA = [
  ...METADATA_IPV4,
  ...METADATA_IPV4.flatMap(insideIpv6),
  'fe80::/10',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
]

/** Everything that is not public unicast (IANA special-purpose registries), IPv4 inside IPv6 included. */
const NOT_PUBLIC = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '100:0:0:1::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fec0::/10',
  'ff00::/8',
]

/**
 * The IPv6 networks that lead to an IPv4 network by translation or tunnel: IPv4-compatible, SIIT (RFC 7915), NAT64 with the
 * well-known prefix (RFC 6052), 6to4 (RFC 3056). IPv4-mapped addresses are compared as IPv4 by BlockList itself.
 */
function insideIpv6(cidr: string): string[] {
  const [address = '', bits = '32'] = cidr.split('/')
  const hex = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
  const low = Number(bits) + 96
  return [
    ...['::', '::ffff:0:', '64:ff9b::'].map((prefix) => `${prefix}${address}/${low}`),
    `2002:${hex[0]}${hex[1]}:${hex[2]}${hex[3]}::/${Number(bits) + 16}`,
  ]
}

/** Adds `ADDRESS/BITS` (or a single address); false where it is none. */
export function addCidr(list: BlockList, cidr: string): boolean {
  const [address = '', bits, ...rest] = cidr.split('/')
  const family = isIP(address)
  const prefix = bits === undefined ? (family === 6 ? 128 : 32) : Number(bits)
  if (family === 0 || address.includes('%') || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits)))
    return false
  if (prefix > (family === 6 ? 128 : 32)) return false
  list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
  return true
}

/** Answers whether an address may be connected to. */
export type AddressPolicy = (address: string) => boolean

/** `publicOnly` for hosts that come from data; an operator's own host may be private or loopback. */
export function addressPolicy(publicOnly: boolean, allowCidrs: readonly string[]): AddressPolicy {
  const refused = listOf(publicOnly ? [...METADATA, ...NOT_PUBLIC] : METADATA)
  const allowed = listOf(allowCidrs)
  return (address) => {
    const bare = address.replace(/%.*$/, '')
    const family = isIP(bare)
    if (family === 0) return false
    // BlockList compares an IPv4-mapped IPv6 address (::ffff:a.b.c.d) as the IPv4 address that it stands for.
    const type = family === 6 ? 'ipv6' : 'ipv4'
    return allowed.check(bare, type) || !refused.check(bare, type)
  }
}

function listOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) addCidr(list, cidr)
  return list
}
