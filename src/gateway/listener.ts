/**
 * One port for HTTP/1.1 and gRPC. A connection's first bytes tell which: HTTP/2 with prior knowledge opens with `PRI`.
 * It accepts, hands over, and at the end lets what is in flight finish.
 */
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { createServer as createNetServer } from 'node:net'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import { Fault } from '#ground/fault.ts'
import { BODY_IDLE_MS_MAX, CONNECTIONS_MAX, DRAIN_MS_MAX, FIRST_BYTES_MS_MAX, HEADERS_MS_MAX, HEADER_BYTES_MAX, IDLE_MS_MAX } from './limits.ts'

const HTTP2_PREFACE = 'PRI '

export interface Listening {
  host: string
  port: number
}

export class Listener {
  private readonly http: HttpServer
  private readonly net: NetServer
  private readonly sockets = new Set<Socket>()
  private readonly http2: (socket: Socket) => void
  private inFlight = 0
  private drained: () => void = () => {}

  constructor(handle: (request: IncomingMessage, response: ServerResponse) => void, http2: (socket: Socket) => void) {
    this.http2 = http2
    this.http = createHttpServer(
      {
        headersTimeout: HEADERS_MS_MAX,
        requestTimeout: 0, // Uploads may take long; what counts is that bytes keep coming.
        keepAliveTimeout: IDLE_MS_MAX,
        maxHeaderSize: HEADER_BYTES_MAX,
        connectionsCheckingInterval: 5000,
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
    this.net.maxConnections = CONNECTIONS_MAX
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

  /** Stops accepting, lets requests in flight finish within their bound, then cuts what is left. */
  async stop(): Promise<void> {
    this.net.close()
    this.http.closeIdleConnections()
    if (this.inFlight > 0) {
      const bound = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS_MAX).unref())
      await Promise.race([bound, new Promise<void>((resolve) => (this.drained = resolve))])
    }
    for (const socket of this.sockets) socket.destroy()
    this.http.close()
  }

  private sniff(socket: Socket): void {
    this.track(socket)
    socket.setTimeout(FIRST_BYTES_MS_MAX, () => socket.destroy())
    socket.once('data', (first: Buffer) => {
      socket.pause()
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      socket.unshift(first)
      if (first.toString('latin1', 0, HTTP2_PREFACE.length) === HTTP2_PREFACE) this.http2(socket)
      else this.http.emit('connection', socket)
      socket.resume()
    })
  }

  private track(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.sockets.delete(socket))
  }

  private accept(request: IncomingMessage, response: ServerResponse, handle: (request: IncomingMessage, response: ServerResponse) => void): void {
    this.inFlight++
    response.once('close', () => {
      if (--this.inFlight === 0) this.drained()
    })
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) watchBody(request)
    handle(request, response)
  }
}

/** Cuts off a client that goes silent in the middle of its body; once the body is whole, the answer may take its time. */
function watchBody(request: IncomingMessage): void {
  const { socket } = request
  const cut = () => socket.destroy()
  socket.setTimeout(BODY_IDLE_MS_MAX, cut)
  request.once('close', () => {
    socket.setTimeout(0)
    socket.removeListener('timeout', cut)
  })
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
