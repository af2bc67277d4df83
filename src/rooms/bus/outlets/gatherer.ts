/** What a table and a bucket have in common: messages are gathered for a while, written in one piece, and acknowledged when that is done. */
import type { Clock } from '#ground/clock.ts'
import type { Log } from '#ground/telemetry.ts'
import type { Consumer, Delivered, Room } from '../delivery/delivered.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { PUSH_BACKOFF_MS_MAX, PUSH_BACKOFF_MS_MIN } from '../limits.ts'

export interface GatherBounds {
  messages: number
  bytes: number
  gather_ms: number
}

export interface GathererParts {
  name: string
  bounds: GatherBounds
  clock: Clock
  log: Log
  /** Writes them; gives the ack ids of those that cannot be written however often they are tried. */
  write(batch: Delivered[]): Promise<{ refused: Set<string> }>
}

export class Gatherer implements Consumer {
  readonly lease_ms: number
  private readonly delivery: Delivery
  private readonly parts: GathererParts
  private batch: Delivered[] = []
  private bytes = 0
  private writing = false
  private cancelTimer: (() => void) | undefined
  private failures = 0
  private stopped = false

  constructor(delivery: Delivery, parts: GathererParts) {
    this.delivery = delivery
    this.parts = parts
    this.lease_ms = parts.bounds.gather_ms + WRITE_MS_MAX
  }

  start(): void {
    this.delivery.attach(this)
  }

  stop(): void {
    this.stopped = true
    this.cancelTimer?.()
    this.delivery.detach(this)
  }

  room(): Room {
    if (this.writing || this.stopped) return { messages: 0, bytes: 0 }
    return { messages: this.parts.bounds.messages - this.batch.length, bytes: this.parts.bounds.bytes - this.bytes }
  }

  deliver(batch: Delivered[]): void {
    if (this.batch.length === 0) this.cancelTimer = this.parts.clock.after(this.parts.bounds.gather_ms, () => void this.flush())
    this.batch.push(...batch)
    for (const { record } of batch) this.bytes += record.payload.length
    const { messages, bytes } = this.room()
    if (messages <= 0 || bytes <= 0) void this.flush()
  }

  released(): void {}

  private async flush(): Promise<void> {
    this.cancelTimer?.()
    if (this.writing || this.batch.length === 0 || this.stopped) return
    this.writing = true
    const batch = this.batch
    this.batch = []
    this.bytes = 0
    try {
      const { refused } = await this.parts.write(batch)
      this.failures = 0
      for (const { ackId } of batch) if (refused.has(ackId)) this.delivery.refuse(ackId, PUSH_BACKOFF_MS_MAX)
      await this.delivery.acknowledge(batch.map(({ ackId }) => ackId).filter((ackId) => !refused.has(ackId)))
    } catch (thrown) {
      this.parts.log.warn({ subscription: this.parts.name, err: thrown }, 'messages could not be written; they are tried again')
      const pause_ms = Math.min(PUSH_BACKOFF_MS_MAX, PUSH_BACKOFF_MS_MIN * 2 ** Math.min(this.failures++, 30))
      for (const { ackId } of batch) this.delivery.refuse(ackId, pause_ms)
    } finally {
      this.writing = false
      this.delivery.wake()
    }
  }
}

const WRITE_MS_MAX = 120_000
