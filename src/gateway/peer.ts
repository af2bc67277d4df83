/**
 * Whose socket it is. On Linux the kernel says which user owns the other end of a loopback connection, so that in open mode
 * another local user is not taken for the house's owner. Elsewhere nobody can say, and `status` tells so.
 */
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'

export type PeerUser = 'same' | 'other' | 'unknown'

export const canTellPeers = process.platform === 'linux'

const known = new WeakMap<Socket, Promise<PeerUser>>()

/** Looked up once per connection. */
export function peerUser(socket: Socket): Promise<PeerUser> {
  let answer = known.get(socket)
  if (!answer) known.set(socket, (answer = lookUp(socket)))
  return answer
}

async function lookUp(socket: Socket): Promise<PeerUser> {
  const { remoteAddress, remotePort, localPort } = socket
  if (!canTellPeers || remoteAddress === undefined || remotePort === undefined || localPort === undefined) return 'unknown'
  let uid: number | undefined
  // A client with a dual-stack socket stands in the table of the newer family, whatever address we see.
  for (const path of ['/proc/net/tcp', '/proc/net/tcp6']) {
    uid ??= ownerOf(await readFile(path, 'latin1').catch(() => ''), remotePort, localPort)
  }
  if (uid === undefined) return 'unknown'
  return uid === process.getuid?.() ? 'same' : 'other'
}

/** The uid of the socket that connects `fromPort` to `toPort`, out of the kernel's table. */
export function ownerOf(table: string, fromPort: number, toPort: number): number | undefined {
  const from = `:${fromPort.toString(16).toUpperCase().padStart(4, '0')}`
  const to = `:${toPort.toString(16).toUpperCase().padStart(4, '0')}`
  for (const line of table.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/)
    if (fields[1]?.endsWith(from) && fields[2]?.endsWith(to)) return Number(fields[7])
  }
  return undefined
}
