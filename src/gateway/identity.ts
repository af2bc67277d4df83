/** What the gateway needs to know about callers; the identity room answers it. */
import type { Socket } from 'node:net'
import type { Caller, Resource } from '#ground/door.ts'
import type { PeerUser } from './peer.ts'

export interface Credentials {
  /** From `Authorization: Bearer …`, if any. */
  bearer: string | undefined
  peer(): Promise<PeerUser>
  socket: Socket
  /** As the client asked for it, without the port. */
  host: string
}

export interface Identity {
  /** Who is calling. A token that is broken, expired or not for this house is a Fault. */
  identify(credentials: Credentials): Promise<Caller>
  may(caller: Caller, permission: string, resource: Resource | undefined): Promise<boolean>
  /** Told of every call that was refused for want of a permission. */
  denied?(caller: Caller, permission: string, resource: Resource | undefined): void
}

/** What the identity room offers for this. */
export interface GatePort {
  identify(knock: { bearer: string | undefined; peer(): Promise<PeerUser>; host: string }): Promise<Caller>
  may(caller: Caller, permission: string, resource: Resource | undefined): Promise<boolean>
  denied(caller: Caller, permission: string, resource: Resource | undefined): void
}

/** `lent` names who stands behind a connection that a child of the house was given: without a token it acts as that one. */
export function gateIdentity(gate: GatePort, lent: (socket: Socket) => Caller | undefined): Identity {
  return {
    async identify({ bearer, peer, socket, host }) {
      const child = lent(socket)
      if (child && bearer === undefined) return child
      // A child runs as a user of its own, and is ours all the same.
      return gate.identify({ bearer, peer: child ? async () => 'same' : peer, host })
    },
    may: (caller, permission, resource) => gate.may(caller, permission, resource),
    denied: (caller, permission, resource) => gate.denied(caller, permission, resource),
  }
}

/** Open mode before there are accounts: who shares the machine's user is the owner, nobody else may do anything. */
export const openIdentity: Identity = {
  async identify({ bearer, peer }) {
    if (bearer !== undefined) return { principal: 'unverified', kind: 'unverified' }
    return (await peer()) === 'other' ? { principal: 'allUsers', kind: 'anonymous' } : { principal: 'owner', kind: 'owner' }
  },
  async may(caller) {
    return caller.kind !== 'anonymous'
  },
}
