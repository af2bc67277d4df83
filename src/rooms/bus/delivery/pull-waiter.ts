/** A pull as a consumer: takes one helping, or leaves with nothing after a while. */
import type { Clock } from '#ground/clock.ts'
import { BATCH_BYTES_MAX, LEASE_STEP_MS } from '../limits.ts'
import type { Consumer, Delivered, Room } from './delivered.ts'
import type { Delivery } from './delivery.ts'

export interface PullOptions {
  messages_max: number
  /** How long it waits for a first message. */
  wait_ms: number
  /** Leaves once everything that waits has been looked through. */
  immediately: boolean
  signal?: AbortSignal | undefined
}

export function pull(delivery: Delivery, clock: Clock, options: PullOptions): Promise<Delivered[]> {
  return new Promise((resolve) => {
    const waiter = new PullWaiter(options, (batch) => {
      delivery.detach(waiter)
      cancelWait()
      cancelLinger()
      options.signal?.removeEventListener('abort', leave)
      resolve(batch)
    })
    const leave = () => waiter.finish()
    const cancelWait = clock.after(options.wait_ms, leave)
    let cancelLinger = () => {}
    // A delivery that never rests, since others keep it busy, does not hold back what this one has.
    waiter.onFirst = () => (cancelLinger = clock.after(LEASE_STEP_MS, leave))
    options.signal?.addEventListener('abort', leave, { once: true })
    delivery.attach(waiter)
  })
}

class PullWaiter implements Consumer {
  readonly lease_ms = undefined
  onFirst: () => void = () => {}
  private readonly options: PullOptions
  private readonly done: (batch: Delivered[]) => void
  private readonly batch: Delivered[] = []
  private bytes = 0
  private finished = false

  constructor(options: PullOptions, done: (batch: Delivered[]) => void) {
    this.options = options
    this.done = done
  }

  room(): Room {
    if (this.finished || this.bytes >= BATCH_BYTES_MAX) return { messages: 0, bytes: 0 }
    return { messages: this.options.messages_max - this.batch.length, bytes: BATCH_BYTES_MAX - this.bytes }
  }

  deliver(batch: Delivered[]): void {
    if (this.batch.length === 0) this.onFirst()
    this.batch.push(...batch)
    for (const { record } of batch) this.bytes += record.payload.length
    if (this.room().messages <= 0) this.finish()
  }

  released(): void {}

  idle(): void {
    if (this.batch.length > 0 || this.options.immediately) this.finish()
  }

  finish(): void {
    if (this.finished) return
    this.finished = true
    this.done(this.batch)
  }
}
