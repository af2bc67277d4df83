/** What goes to a consumer in one piece: ends with the message that reaches a bound. */
import { BATCH_BYTES_MAX, BATCH_MESSAGES_MAX } from '../limits.ts'
import type { Delivered, Room } from './delivered.ts'

export const hasRoom = ({ messages, bytes }: Room): boolean => messages > 0 && bytes > 0

export class Batch {
  readonly delivered: Delivered[] = []
  private readonly messagesMax: number
  private readonly bytesMax: number
  private bytes = 0

  constructor(room: Room) {
    this.messagesMax = hasRoom(room) ? Math.min(room.messages, BATCH_MESSAGES_MAX) : 0
    this.bytesMax = Math.min(room.bytes, BATCH_BYTES_MAX)
  }

  get full(): boolean {
    return this.delivered.length >= this.messagesMax || this.bytes >= this.bytesMax
  }

  add(delivered: Delivered): void {
    this.delivered.push(delivered)
    this.bytes += delivered.record.payload.length
  }
}
