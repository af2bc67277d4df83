/** gRPC on the house's port. The library is loaded with the first HTTP/2 connection: a house that nobody calls by gRPC pays nothing. */
import type { Socket } from 'node:net'
import type { Server } from '@grpc/grpc-js'
import type { Clock } from '#ground/clock.ts'
import type { Caller, GrpcDoor, GrpcGate } from '#ground/door.ts'
import { boundDeadlines } from './grpc-deadlines.ts'
import { grpcGuard } from './grpc-guard.ts'
import type { Ends } from './grpc-guard.ts'
import type { Identity } from './identity.ts'
import { GRPC_MESSAGE_BYTES_MAX } from './limits.ts'

const NOBODY: Caller = { principal: 'allUsers', kind: 'anonymous' }

export class GrpcFront {
  private readonly doors: GrpcDoor[]
  private readonly drain_ms: number
  private readonly clock: Clock
  private readonly identity: Identity
  /** By their two ends, which is all that gRPC tells of a call's connection. */
  private readonly sockets = new Map<string, Socket>()
  private opening: Promise<{ server: Server; inject(socket: Socket): void; drain(): void }> | undefined

  constructor(doors: GrpcDoor[], options: { drain_ms: number; clock: Clock; identity: Identity }) {
    this.doors = doors
    this.drain_ms = options.drain_ms
    this.clock = options.clock
    this.identity = options.identity
  }

  accept(socket: Socket): void {
    socket.pause()
    const ends = endsOf(socket)
    this.sockets.set(ends, socket)
    socket.once('close', () => {
      if (this.sockets.get(ends) === socket) this.sockets.delete(ends)
    })
    this.open().then(
      ({ inject }) => inject(socket),
      () => socket.destroy(),
    )
  }

  /** Calls in flight may finish within their bound; then what is left is cut. */
  async stop(): Promise<void> {
    const opened = await this.opening?.catch(() => undefined)
    if (!opened) return
    opened.drain()
    await this.emptied()
    opened.server.forceShutdown()
  }

  /** A session that has been told to close ends its connection with its last call. */
  private emptied(): Promise<void> {
    if (this.sockets.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.clock.after(this.drain_ms, resolve)
      for (const socket of this.sockets.values()) {
        socket.once('close', () => {
          if (this.sockets.size > 0) return
          cancel()
          resolve()
        })
      }
    })
  }

  private open() {
    this.opening ??= this.start()
    return this.opening
  }

  private async start() {
    const grpc = await import('@grpc/grpc-js')
    const access = new Map(this.doors.flatMap((door) => Object.entries(door.access ?? {})))
    const callers = new WeakMap<object, Caller>()
    const callerOf = (metadata: object) => callers.get(metadata) ?? NOBODY
    const gate: GrpcGate = { callerOf, may: (metadata, permission, resource) => this.identity.may(callerOf(metadata), permission, resource) }
    const guard = grpcGuard({
      identity: this.identity,
      access,
      admitted: (metadata, caller) => callers.set(metadata, caller),
      socketOf: (connection) => this.sockets.get(endsOf(connection)),
      grpc,
    })
    const server = new grpc.Server({
      interceptors: [guard],
      'grpc.max_receive_message_length': GRPC_MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': -1,
    })
    boundDeadlines(server)
    for (const door of this.doors) await door.register(server, gate)
    const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure())
    return { server, inject: (socket: Socket) => injector.injectConnection(socket), drain: () => injector.drain(this.drain_ms) }
  }
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Ends): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
