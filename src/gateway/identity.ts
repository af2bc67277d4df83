/** What the gateway needs to know about callers; the identity room answers it. */
import type { IncomingMessage } from 'node:http'
import type { Caller, Resource } from '#ground/door.ts'
import type { PeerUser } from './peer.ts'

export interface Credentials {
  /** From `Authorization: Bearer …`, if any. */
  bearer: string | undefined
  peer(): Promise<PeerUser>
  request: IncomingMessage
}

export interface Identity {
  /** Who is calling. A token that is broken, expired or not for this house is a Fault. */
  identify(credentials: Credentials): Promise<Caller>
  may(caller: Caller, permission: string, resource: Resource | undefined): Promise<boolean>
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
