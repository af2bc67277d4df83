/** A streaming pull as a consumer: as much out as its client allows, nothing more while the line to it is full. */
import { STREAM_BYTES_MAX, STREAM_MESSAGES_MAX } from '../limits.ts'
import type { Consumer, Delivered, Room } from './delivered.ts'
import type { Delivery } from './delivery.ts'

export interface StreamLimits {
  /** 0 stands for the house's own bound. */
  messages: number
  bytes: number
  lease_ms: number | undefined
}

export class Stream implements Consumer {
  lease_ms: number | undefined
  private readonly delivery: Delivery
  private readonly messagesMax: number
  private readonly bytesMax: number
  /** False where the line is full until `drained`. */
  private readonly write: (batch: Delivered[]) => boolean
  private messages = 0
  private bytes = 0
  private full = false

  constructor(delivery: Delivery, limits: StreamLimits, write: (batch: Delivered[]) => boolean) {
    this.delivery = delivery
    this.lease_ms = limits.lease_ms
    this.messagesMax = limits.messages > 0 ? Math.min(limits.messages, STREAM_MESSAGES_MAX) : STREAM_MESSAGES_MAX
    this.bytesMax = limits.bytes > 0 ? Math.min(limits.bytes, STREAM_BYTES_MAX) : STREAM_BYTES_MAX
    this.write = write
  }

  room(): Room {
    if (this.full) return { messages: 0, bytes: 0 }
    return { messages: this.messagesMax - this.messages, bytes: this.bytesMax - this.bytes }
  }

  deliver(batch: Delivered[]): void {
    this.messages += batch.length
    for (const { record } of batch) this.bytes += record.payload.length
    this.full = !this.write(batch)
  }

  drained(): void {
    this.full = false
    this.delivery.wake()
  }

  released(bytes: number): void {
    const wasFull = this.messages >= this.messagesMax || this.bytes >= this.bytesMax
    this.messages--
    this.bytes -= bytes
    if (wasFull) this.delivery.wake()
  }
}
