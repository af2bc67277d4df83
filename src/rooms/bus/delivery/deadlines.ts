/** Until when each message is out or held back, and one timer for the first of them. */
import type { Clock } from '#ground/clock.ts'
import { LEASE_STEP_MS } from '../limits.ts'
import { DueTimes } from './due.ts'
import type { Entry } from './entry.ts'

export interface DeadlineParts {
  clock: Clock
  pending: ReadonlyMap<number, Entry>
  onDue(entry: Entry): void
  /** After all that were due together. */
  onDone(): void
}

/** Stale times kept beside those that count, before they are swept out. */
const STALE_MAX = 1024

export class Deadlines {
  private readonly parts: DeadlineParts
  private readonly due = new DueTimes()
  private cancelTimer: () => void = () => {}
  private timer_ms = Infinity
  private stopped = false

  constructor(parts: DeadlineParts) {
    this.parts = parts
  }

  set(entry: Entry, due_ms: number): void {
    // Where an earlier time is noted, the later one is found when that comes up.
    if (entry.due_ms === 0 || due_ms < entry.due_ms) this.due.add(due_ms, entry.seq)
    entry.due_ms = due_ms
  }

  clear(): void {
    this.due.clear()
  }

  stop(): void {
    this.stopped = true
    this.cancelTimer()
  }

  /** Sets the timer for what is due first. */
  arm(): void {
    const { clock, pending } = this.parts
    if (this.due.size > 2 * pending.size + STALE_MAX) this.sweep()
    const first_ms = this.due.first_ms
    if (first_ms === undefined || this.stopped || first_ms >= this.timer_ms) return
    this.cancelTimer()
    this.timer_ms = first_ms
    this.cancelTimer = clock.after(Math.max(LEASE_STEP_MS, first_ms - clock.now_ms()), () => this.look())
  }

  private look(): void {
    this.timer_ms = Infinity
    const now_ms = this.parts.clock.now_ms()
    for (let seq = this.due.take(now_ms); seq !== undefined; seq = this.due.take(now_ms)) {
      const entry = this.parts.pending.get(seq)
      if (!entry || !counts(entry)) continue
      if (entry.due_ms > now_ms) this.due.add(entry.due_ms, seq)
      else this.parts.onDue(entry)
    }
    this.arm()
    this.parts.onDone()
  }

  private sweep(): void {
    this.due.clear()
    for (const entry of this.parts.pending.values()) if (counts(entry)) this.due.add(entry.due_ms, entry.seq)
  }
}

const counts = ({ state }: Entry): boolean => state === 'leased' || state === 'waiting'
