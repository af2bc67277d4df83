/** Whose a connection is that a child of the house was given. */
import type { Socket } from 'node:net'
import type { Caller } from '#ground/door.ts'

export class Lent {
  private readonly callers = new WeakMap<Socket, Caller>()

  to(socket: Socket, caller: Caller): void {
    this.callers.set(socket, caller)
  }

  callerOf(socket: Socket): Caller | undefined {
    return this.callers.get(socket)
  }
}
