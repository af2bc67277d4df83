/** gRPC on the house's port. The library is loaded with the first HTTP/2 connection: a house that nobody calls by gRPC pays nothing. */
import type { Socket } from 'node:net'
import type { Server } from '@grpc/grpc-js'
import type { GrpcDoor } from '#ground/door.ts'
import { GRPC_MESSAGE_BYTES_MAX } from './limits.ts'

export class GrpcFront {
  private readonly doors: GrpcDoor[]
  private opening: Promise<{ server: Server; inject(socket: Socket): void }> | undefined

  constructor(doors: GrpcDoor[]) {
    this.doors = doors
  }

  accept(socket: Socket): void {
    socket.pause()
    this.open().then(
      ({ inject }) => {
        inject(socket)
        socket.resume()
      },
      () => socket.destroy(),
    )
  }

  async stop(): Promise<void> {
    const opened = await this.opening?.catch(() => undefined)
    opened?.server.forceShutdown()
  }

  private open() {
    this.opening ??= this.start()
    return this.opening
  }

  private async start() {
    const grpc = await import('@grpc/grpc-js')
    const server = new grpc.Server({
      'grpc.max_receive_message_length': GRPC_MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': -1,
    })
    for (const door of this.doors) await door.register(server)
    const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure())
    return { server, inject: (socket: Socket) => injector.injectConnection(socket) }
  }
}
