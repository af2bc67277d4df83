/** What a client that is no HTTP library can send: bytes as they are, and what comes back until the other side closes. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface Conversation {
  socket: Socket
  /** Everything that has come back so far. */
  heard(): string
  /** Resolves with everything once the other side has closed. */
  closed: Promise<string>
}

export function converse(port: number, opening: string | Uint8Array): Conversation {
  const socket = connect(port, '127.0.0.1')
  let heard = ''
  socket.on('data', (chunk) => (heard += chunk.toString('latin1')))
  socket.on('error', () => {}) // A reset is an end like any other here.
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(heard)))
  socket.write(opening)
  return { socket, heard: () => heard, closed }
}

/** The status of the first answer. */
export function statusOf(answer: string): number | undefined {
  const found = /^HTTP\/1\.1 (\d{3}) /.exec(answer)
  return found ? Number(found[1]) : undefined
}
