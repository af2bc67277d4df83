/**
 * The one door that a child of the house sees, on loopback: whatever it sends there comes to the gateway with the child's own identity,
 * plain or as TLS for a host that the house stands in for. Other hosts are passed through untouched, where that is allowed.
 */
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, Server as HttpServer } from 'node:http'
import { createServer as createNetServer } from 'node:net'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Server as TlsServer, TLSSocket } from 'node:tls'
import type { Authority } from '#ground/authority.ts'
import type { Clock } from '#ground/clock.ts'
import type { Caller } from '#ground/door.ts'
import { asFault, Fault } from '#ground/fault.ts'
import { openTunnel } from '#ground/tunnel.ts'
import { CONNECTION_LIMITS } from '../limits.ts'
import type { Reroutes } from './hosts.ts'
import type { Lent } from './lent.ts'

const HTTP2_PREFACE = 'PRI '
const TLS_HANDSHAKE = 0x16
const CONNECTIONS_MAX = 1000

export interface FrontParts {
  /** As whom requests without a token act. */
  caller: Caller
  lent: Lent
  reroutes: Reroutes
  authority: Authority
  /** `anywhere` is for a person's own shell; `outward` refuses loopback and private addresses; `nowhere` everything but the house. */
  reach: 'anywhere' | 'outward' | 'nowhere'
  upstream?: URL | undefined
  /** The house's own addresses, as `host:port`. */
  own: readonly string[]
  inject(socket: Socket, protocol: 'http1' | 'http2'): void
  clock: Clock
}

export class WorldFront {
  private readonly parts: FrontParts
  private readonly net: NetServer
  private readonly connects: HttpServer
  private readonly tls: TlsServer
  private readonly sockets = new Set<Socket>()

  constructor(parts: FrontParts) {
    this.parts = parts
    this.net = createNetServer({ noDelay: true }, (socket) => this.sniff(socket))
    this.net.maxConnections = CONNECTIONS_MAX
    // Sees CONNECT only: everything else goes to the gateway.
    this.connects = createHttpServer((_request, response) => void response.writeHead(400).end())
    this.connects.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => void this.connect(request, socket, head))
    this.tls = createTlsServer(
      {
        SNICallback: (host, done) => {
          const context = parts.authority.contextFor(host.toLowerCase())
          if (context) done(null, context)
          else done(new Error(`the house does not stand in for ${host}`))
        },
        // Clients that offer both mean REST (curl); gRPC offers h2 alone.
        ALPNCallback: ({ protocols }) => (protocols.includes('http/1.1') ? 'http/1.1' : protocols.includes('h2') ? 'h2' : undefined),
        handshakeTimeout: CONNECTION_LIMITS.firstBytes_ms,
      },
      (socket: TLSSocket) => {
        this.lend(socket)
        parts.inject(socket, socket.alpnProtocol === 'h2' ? 'http2' : 'http1')
      },
    )
    this.tls.on('tlsClientError', (_error, socket) => socket.destroy())
  }

  /** The port on loopback. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.net.once('error', reject)
      this.net.listen(0, '127.0.0.1', () => resolve((this.net.address() as AddressInfo).port))
    })
  }

  close(): void {
    this.net.close()
    for (const socket of this.sockets) socket.destroy()
  }

  private sniff(socket: Socket): void {
    this.track(socket)
    socket.setTimeout(CONNECTION_LIMITS.firstBytes_ms, () => socket.destroy())
    socket.once('data', (first: Buffer) => {
      socket.pause()
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      socket.unshift(first)
      const opening = first.toString('latin1', 0, 8)
      if (opening.startsWith('CONNECT ')) {
        this.connects.emit('connection', socket)
        socket.resume()
      } else this.handOver(socket, opening.startsWith(HTTP2_PREFACE))
    })
  }

  private async connect(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    try {
      const { host, port } = parseAuthority(request.url ?? '')
      if (this.parts.reroutes.endsHere(host) || this.parts.own.includes(`${host}:${port}`)) return this.endHere(socket, head)
      if (this.parts.reach === 'nowhere') throw new Fault('PERMISSION_DENIED', 'offline', `${host} is not one of this house's hosts, and the house is offline.`)
      const outward = await openTunnel({ host, port, outwardOnly: this.parts.reach === 'outward', upstream: this.parts.upstream }, this.parts.clock)
      this.track(outward)
      socket.write(ESTABLISHED)
      if (head.length > 0) outward.write(head)
      outward.pipe(socket).pipe(outward)
      socket.once('close', () => outward.destroy())
      outward.once('close', () => socket.destroy())
    } catch (thrown) {
      refuse(socket, asFault(thrown))
    }
  }

  /** The client says by its first byte whether it speaks TLS inside the tunnel. */
  private endHere(socket: Socket, head: Buffer): void {
    socket.write(ESTABLISHED)
    if (head.length > 0) socket.unshift(head)
    socket.setTimeout(CONNECTION_LIMITS.firstBytes_ms, () => socket.destroy())
    socket.once('data', (first: Buffer) => {
      socket.pause()
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      socket.unshift(first)
      // TLS reads below the socket, and takes over what stands in its buffer: resumed, the socket would read it away.
      if (first[0] === TLS_HANDSHAKE) return void this.tls.emit('connection', socket)
      this.handOver(socket, first.toString('latin1', 0, 4) === HTTP2_PREFACE)
    })
  }

  /** An HTTP/2 session reads on by itself; resumed before it is there, the socket would lose its first bytes. */
  private handOver(socket: Socket, http2: boolean): void {
    this.lend(socket)
    this.parts.inject(socket, http2 ? 'http2' : 'http1')
    if (!http2) socket.resume()
  }

  private lend(socket: Socket): void {
    this.parts.lent.to(socket, this.parts.caller)
  }

  private track(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.sockets.delete(socket))
  }
}

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

function parseAuthority(text: string): { host: string; port: number } {
  const found = /^(\[[0-9a-fA-F:.]+\]|[^:/@\s]+):(\d{1,5})$/.exec(text)
  const port = Number(found?.[2])
  if (!found || port < 1 || port > 65_535) throw new Fault('INVALID_ARGUMENT', 'badRequest', 'CONNECT wants host:port.')
  return { host: found[1]!.toLowerCase().replace(/\.$/, ''), port }
}

function refuse(socket: Socket, { httpStatus, message }: Fault): void {
  if (!socket.writable) return void socket.destroy()
  // In the status line too: most clients show nothing else of a proxy's refusal.
  const words = message.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
  const body = `${message}\n`
  socket.end(`HTTP/1.1 ${httpStatus} ${words}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`)
}
