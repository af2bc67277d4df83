/** Who calls a gRPC method, and may they: the same questions as over HTTP, asked before the door's own handler sees the first message. */
import type { Socket } from 'node:net'
import type { Metadata, ServerInterceptor, ServerListener, StatusObject } from '@grpc/grpc-js'
import type { Caller, GrpcAccess, Resource } from '#ground/door.ts'
import { asFault, Fault, GRPC_STATUS } from '#ground/fault.ts'
import { denied } from './call.ts'
import type { Identity } from './identity.ts'
import { peerUser } from './peer.ts'

export type Ends = Partial<Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>>

export interface GuardParts {
  identity: Identity
  access: ReadonlyMap<string, GrpcAccess>
  /** Told who calls, by the metadata that the handler will see. */
  admitted(metadata: Metadata, caller: Caller): void
  /** gRPC hides its sockets; a connection is known again by its two ends. */
  socketOf(connection: Ends): Socket | undefined
  grpc: typeof import('@grpc/grpc-js')
}

/** Methods that no door describes: an owner of the house may call them, nobody else. */
const UNDESCRIBED: GrpcAccess = { permission: 'potoroo.house.own' }

export function grpcGuard({ identity, access, admitted: tell, socketOf, grpc }: GuardParts): ServerInterceptor {
  return (method, call) => {
    const { permission, resource } = access.get(method.path) ?? UNDESCRIBED
    let caller: Caller | undefined
    let admitted = permission === null
    const refuse = (thrown: unknown) => {
      const fault = asFault(thrown)
      call.sendStatus({ code: GRPC_STATUS[fault.code], details: fault.hint === undefined ? fault.message : `${fault.message} ${fault.hint}`, metadata: new grpc.Metadata() } satisfies StatusObject)
    }
    const listener: ServerListener = {
      onReceiveMetadata(metadata, next) {
        const socket = socketOf(call.getConnectionInfo())
        identify(identity, metadata, socket, call.getHost()).then((found) => {
          caller = found
          tell(metadata, found)
          next(metadata)
        }, refuse)
      },
      onReceiveMessage(message, next) {
        if (admitted) return next(message)
        let place: Resource | undefined
        try {
          place = resource?.(message as Record<string, unknown>)
        } catch (thrown) {
          return refuse(thrown)
        }
        identity.may(caller!, permission!, place).then((may) => {
          if (may) {
            admitted = true
            return next(message)
          }
          identity.denied?.(caller!, permission!, place)
          refuse(denied(caller!, permission!, place))
        }, refuse)
      },
    }
    return new grpc.ServerInterceptingCall(call, { start: (next) => next(listener) })
  }
}

async function identify(identity: Identity, metadata: Metadata, socket: Socket | undefined, host: string): Promise<Caller> {
  if (!socket) throw new Fault('UNAVAILABLE', 'backendError', 'The connection is gone.')
  const header = metadata.get('authorization')[0]?.toString() ?? ''
  return identity.identify({ bearer: /^bearer (.+)$/i.exec(header)?.[1], peer: () => peerUser(socket), socket, host: host.replace(/:\d+$/, '').toLowerCase() })
}
