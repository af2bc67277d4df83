/**
 * A raw connection outward, for the proxy that programs of the house go through: resolved once, checked, and then connected to
 * exactly that. Or the same by way of a proxy that was there before ours. What is said over it is nobody's business here.
 */
import { lookup } from 'node:dns/promises'
import { connect, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { forbiddenAddress } from './addresses.ts'
import type { Clock } from './clock.ts'
import { Fault } from './fault.ts'

export interface TunnelWish {
  host: string
  port: number
  /** Whether loopback, private and other inward addresses are refused. */
  outwardOnly: boolean
  /** A proxy to go through, such as `http://proxy.example:3128`. It resolves names itself. */
  upstream?: URL | undefined
}

const CONNECT_MS = 10_000
const ANSWER_BYTES_MAX = 16 * 1024

export async function openTunnel({ host, port, outwardOnly, upstream }: TunnelWish, clock: Clock): Promise<Socket> {
  if (upstream) return throughProxy(host, port, upstream, clock)
  return connected(await addressOf(host, outwardOnly), port, clock)
}

async function addressOf(host: string, outwardOnly: boolean): Promise<string> {
  const plain = host.replace(/^\[|\]$/g, '')
  const found = isIP(plain) ? [plain] : (await lookup(plain, { all: true }).catch((cause: unknown) => { throw unreachable(host, cause) })).map(({ address }) => address)
  const forbidden = outwardOnly ? found.map((address) => ({ address, what: forbiddenAddress(address) })).find(({ what }) => what !== undefined) : undefined
  if (forbidden) throw new Fault('PERMISSION_DENIED', 'egressForbidden', `${host} leads to ${forbidden.address} (${forbidden.what}), where programs of the house may not go.`)
  if (found[0] === undefined) throw unreachable(host, undefined)
  return found[0]
}

function connected(address: string, port: number, clock: Clock): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, noDelay: true })
    const cancel = clock.after(CONNECT_MS, () => socket.destroy(new Error(`no connection within ${CONNECT_MS} ms`)))
    socket.once('error', (cause) => reject(unreachable(`${address}:${port}`, cause)))
    socket.once('close', cancel)
    socket.once('connect', () => {
      cancel()
      resolve(socket)
    })
  })
}

async function throughProxy(host: string, port: number, upstream: URL, clock: Clock): Promise<Socket> {
  const socket = await connected(await addressOf(upstream.hostname, false), Number(upstream.port || 80), clock)
  const authority = `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
  const login = upstream.username === '' ? '' : `Proxy-Authorization: Basic ${Buffer.from([upstream.username, upstream.password].map(decodeURIComponent).join(':')).toString('base64')}\r\n`
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${login}\r\n`)
  const status = await answerOf(socket, clock)
  if (status === 200) return socket
  socket.destroy()
  throw unreachable(host, new Error(`the proxy ${upstream.host} answered ${status}`))
}

/** Reads the proxy's answer; what follows it belongs to the tunnel and is put back. */
function answerOf(socket: Socket, clock: Clock): Promise<number> {
  return new Promise((resolve, reject) => {
    let read = Buffer.alloc(0)
    const cancel = clock.after(CONNECT_MS, () => socket.destroy(new Error('the proxy did not answer')))
    const end = (cause?: Error) => {
      cancel()
      socket.off('data', hear)
      socket.off('close', closed)
      if (cause) reject(unreachable('the proxy', cause))
    }
    const closed = () => end(new Error('the proxy closed the connection'))
    const hear = (chunk: Buffer) => {
      read = Buffer.concat([read, chunk])
      const at = read.indexOf('\r\n\r\n')
      if (at < 0 && read.length > ANSWER_BYTES_MAX) return end(new Error('the proxy answered too much'))
      if (at < 0) return
      socket.pause()
      end()
      if (read.length > at + 4) socket.unshift(read.subarray(at + 4))
      resolve(Number(/^HTTP\/1\.[01] (\d{3})/.exec(read.toString('latin1', 0, 12))?.[1] ?? 0))
    }
    socket.on('data', hear)
    socket.once('close', closed)
  })
}

function unreachable(where: string, cause: unknown): Fault {
  return new Fault('UNAVAILABLE', 'connectionFailed', `${where} cannot be reached${cause instanceof Error ? `: ${cause.message}` : ''}.`, { cause })
}
