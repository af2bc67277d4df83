/** Which IP addresses the courier may never connect to, whatever name led there. Names are not judged here. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

const FORBIDDEN_V4: readonly (readonly [network: string, prefix: number, what: string])[] = [
  ['0.0.0.0', 8, 'this host'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'carrier-grade NAT'],
  ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'link-local, where clouds keep their metadata'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'reserved'],
  ['192.0.2.0', 24, 'documentation'],
  ['192.88.99.0', 24, 'a 6to4 relay'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'benchmarking'],
  ['198.51.100.0', 24, 'documentation'],
  ['203.0.113.0', 24, 'documentation'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved'],
  // A public number that is the host's own service in every Azure machine.
  ['168.63.129.16', 32, 'a metadata service'],
]

/** Only global unicast is allowed at all, and of it not these. */
const FORBIDDEN_V6: readonly (readonly [network: string, prefix: number, what: string])[] = [
  ['2001::', 23, 'reserved (Teredo and others)'],
  ['2001:db8::', 32, 'documentation'],
  ['2002::', 16, '6to4'],
  ['3fff::', 20, 'documentation'],
]

const lists = {
  ipv4: FORBIDDEN_V4.map(([network, prefix, what]) => ({ what, list: listOf(network, prefix, 'ipv4') })),
  ipv6: FORBIDDEN_V6.map(([network, prefix, what]) => ({ what, list: listOf(network, prefix, 'ipv6') })),
}
const globalUnicast = listOf('2000::', 3, 'ipv6')

/** Why this address is forbidden, or undefined when it may be connected to. What is no address is forbidden too. */
export function forbiddenAddress(address: string): string | undefined {
  if (isIPv4(address)) return lists.ipv4.find(({ list }) => list.check(address, 'ipv4'))?.what
  if (!isIPv6(address) || address.includes('%')) return 'not a plain address'
  const groups = groupsOf(address)
  if (carriesV4(groups)) return forbiddenAddress(lastAsV4(groups))
  if (!globalUnicast.check(address, 'ipv6')) return 'not a public address'
  return lists.ipv6.find(({ list }) => list.check(address, 'ipv6'))?.what
}

/** This machine itself, in either family. */
export function isLoopback(address: string): boolean {
  return isIPv4(address) ? address.startsWith('127.') : address === '::1'
}

/** Mapped (::ffff:0:0/96) and NAT64 (64:ff9b::/96): the last 32 bits are an IPv4 address that is connected to in the end. */
function carriesV4(groups: readonly number[]): boolean {
  // `BlockList` turns a mapped address into its IPv4 form before it looks, so it cannot answer this one.
  const high = groups.slice(0, 6).join()
  return high === '0,0,0,0,0,65535' || high === `${0x64},${0xff9b},0,0,0,0`
}

function listOf(network: string, prefix: number, family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  list.addSubnet(network, prefix, family)
  return list
}

/** The eight 16-bit groups of a valid IPv6 address in any of its spellings. */
function groupsOf(address: string): number[] {
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = plain.split('::')
  const parse = (part: string | undefined) => (part ? part.split(':').map((group) => Number.parseInt(group, 16)) : [])
  const before = parse(head)
  const after = parse(tail)
  return tail === undefined ? before : [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
}

function lastAsV4(groups: readonly number[]): string {
  const [high = 0, low = 0] = groups.slice(6)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
