/**
 * One port for HTTP/1.1 and gRPC. A connection's first bytes tell which: HTTP/2 with prior knowledge opens with `PRI`.
 * It accepts, hands over, and at the end lets what is in flight finish.
 */
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { createServer as createNetServer } from 'node:net'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import type { Clock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import { HEADER_BYTES_MAX } from './limits.ts'
import type { ConnectionLimits } from './limits.ts'

const HTTP2_PREFACE = 'PRI '
/** How often Node looks for connections whose headers are late, as a share of that time. */
const LOOKS_PER_TIMEOUT = 4

export interface Listening {
  host: string
  port: number
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void

export class Listener {
  private readonly http: HttpServer
  private readonly net: NetServer
  private readonly sockets = new Set<Socket>()
  private readonly http2: (socket: Socket) => void
  private readonly limits: ConnectionLimits
  private readonly clock: Clock
  private inFlight = 0
  private drained: () => void = () => {}

  constructor(handle: Handle, http2: (socket: Socket) => void, options: { limits: ConnectionLimits; clock: Clock }) {
    const { limits } = options
    this.http2 = http2
    this.limits = limits
    this.clock = options.clock
    this.http = createHttpServer(
      {
        headersTimeout: limits.headers_ms,
        requestTimeout: 0, // Uploads may take long; what counts is that bytes keep coming.
        keepAliveTimeout: limits.idle_ms,
        maxHeaderSize: HEADER_BYTES_MAX,
        connectionsCheckingInterval: limits.headers_ms / LOOKS_PER_TIMEOUT,
        noDelay: true,
        highWaterMark: 256 * 1024,
      },
      (request, response) => this.accept(request, response, handle),
    )
    // Not listening itself, the HTTP server watches its header time-outs from this event on.
    this.http.emit('listening')
    this.http.on('checkContinue', (request, response) => {
      response.writeContinue()
      this.accept(request, response, handle)
    })
    this.http.on('clientError', (error: NodeJS.ErrnoException, socket) => answerBroken(error, socket as Socket))
    this.net = createNetServer({ noDelay: true }, (socket) => this.sniff(socket))
    this.net.maxConnections = limits.connections_max
  }

  listen(host: string, port: number): Promise<Listening> {
    return new Promise((resolve, reject) => {
      this.net.once('error', (cause: NodeJS.ErrnoException) => reject(listenFault(cause, host, port)))
      this.net.listen(port, host, () => {
        const address = this.net.address() as AddressInfo
        resolve({ host: address.family === 'IPv6' ? `[${address.address}]` : address.address, port: address.port })
      })
    })
  }

  /** Takes a connection that came another way, such as a TLS one of the rerouting proxy. */
  inject(socket: Socket, protocol: 'http1' | 'http2'): void {
    this.track(socket)
    if (protocol === 'http2') this.http2(socket)
    else this.http.emit('connection', socket)
  }

  /** Stops accepting and lets requests in flight finish within their bound. */
  async drain(): Promise<void> {
    this.net.close()
    this.http.closeIdleConnections()
    if (this.inFlight > 0) {
      let cancel = () => {}
      const bound = new Promise<void>((resolve) => (cancel = this.clock.after(this.limits.drain_ms, resolve)))
      await Promise.race([bound, new Promise<void>((resolve) => (this.drained = resolve))])
      cancel()
    }
  }

  /** Cuts what is left. */
  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.http.close()
  }

  private sniff(socket: Socket): void {
    this.track(socket)
    socket.setTimeout(this.limits.firstBytes_ms, () => socket.destroy())
    socket.once('data', (first: Buffer) => {
      socket.pause()
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      socket.unshift(first)
      // An HTTP/2 session reads from where the socket was paused; resumed before it is there, the socket would lose its first bytes.
      if (first.toString('latin1', 0, HTTP2_PREFACE.length) === HTTP2_PREFACE) return this.http2(socket)
      this.http.emit('connection', socket)
      socket.resume()
    })
  }

  private track(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.sockets.delete(socket))
  }

  private accept(request: IncomingMessage, response: ServerResponse, handle: Handle): void {
    this.inFlight++
    response.once('close', () => {
      if (--this.inFlight === 0) this.drained()
    })
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) watchBody(request, this.limits.bodyIdle_ms)
    handle(request, response)
  }
}

/** Cuts off a client that goes silent in the middle of its body (Node destroys a socket that times out); once the body is whole, the answer may take its time. */
function watchBody(request: IncomingMessage, idle_ms: number): void {
  request.socket.setTimeout(idle_ms)
  request.once('end', () => request.socket.setTimeout(0))
}

function answerBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) return void socket.destroy()
  const [status, words] = error.code === 'HPE_HEADER_OVERFLOW' ? ['431', 'Request Header Fields Too Large'] : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? ['408', 'Request Timeout'] : ['400', 'Bad Request']
  const body = JSON.stringify({ error: { code: Number(status), message: `The request is not valid HTTP: ${error.message}`, status: 'INVALID_ARGUMENT' } })
  socket.end(`HTTP/1.1 ${status} ${words}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

function listenFault(cause: NodeJS.ErrnoException, host: string, port: number): Fault {
  if (cause.code === 'EADDRINUSE') {
    return new Fault('FAILED_PRECONDITION', 'portInUse', `Port ${port} on ${host} is taken.`, {
      hint: `Stop that program, or start the house with --port ${port + 1}.`,
      details: { port },
      cause,
    })
  }
  return new Fault('FAILED_PRECONDITION', 'cannotListen', `The house cannot listen on ${host}:${port}: ${cause.message}.`, { cause })
}
