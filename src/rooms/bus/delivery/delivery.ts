/**
 * One subscription at work: reads its log ahead as far as someone takes messages, remembers what is out with whom and until when,
 * gives back what was refused or is late, and keeps its place on disk. It knows nothing of protocols.
 */
import type { Clock } from '#ground/clock.ts'
import type { LogRecord, SegmentLog } from '#ground/log.ts'
import { badAckId } from '../faults.ts'
import { BATCH_MESSAGES_MAX, DELIVERY_RETRY_MS, PENDING_MANY, PENDING_MAX } from '../limits.ts'
import type { Cursor, Run } from '../types.ts'
import { decodeMessage } from '../wire/message.ts'
import { ackIdOf, parseAckId } from './ack-ids.ts'
import type { AckId } from './ack-ids.ts'
import { Batch, hasRoom } from './batch.ts'
import type { Consumer, Delivered } from './delivered.ts'
import { Deadlines } from './deadlines.ts'
import type { Entry } from './entry.ts'
import { Keeper } from './keeper.ts'
import { Lines } from './lines.ts'
import { Reader } from './reader.ts'
import type { DeliverySettings } from './settings.ts'

export interface DeliveryParts {
  log: SegmentLog
  clock: Clock
  name: string
  serial: number
  /** Names this process in ack ids. */
  session: string
  messageId(seq: number): string
  /** Writes the place; resolves once it is on disk. */
  save(cursor: Cursor): Promise<void>
  /** Hands a message that was tried too often to the dead-letter topic; resolves once it is durable there. */
  forward(record: LogRecord, attempts: number): Promise<void>
  warn(thrown: unknown, text: string): void
}

export type AckOutcome = 'done' | 'invalid'

export class Delivery {
  readonly log: SegmentLog
  settings: DeliverySettings
  private readonly parts: DeliveryParts
  private readonly reader: Reader
  private readonly pending = new Map<number, Entry>()
  private readonly lines = new Lines()
  private readonly deadlines: Deadlines
  private readonly consumers = new Set<Consumer>()
  private ready: Entry[] = []
  private epoch = 0
  private pumping = false
  private again = false
  private stopped = false
  private readonly keeper: Keeper

  constructor(parts: DeliveryParts, settings: DeliverySettings, cursor: Cursor) {
    this.parts = parts
    this.log = parts.log
    this.settings = settings
    this.reader = new Reader(parts.log, cursor)
    this.deadlines = new Deadlines({
      clock: parts.clock,
      pending: this.pending,
      onDue: (entry) => (entry.state === 'leased' ? this.giveBack(entry) : this.comeBack(entry)),
      onDone: () => this.wake(),
    })
    this.keeper = new Keeper({ clock: parts.clock, save: () => parts.save(this.cursor()), isLarge: () => this.pending.size > PENDING_MANY })
  }

  /** How many messages are with subscribers or come again. */
  get pendingCount(): number {
    return this.pending.size
  }

  get busy(): boolean {
    return this.consumers.size > 0 || this.pending.size > 0
  }

  attach(consumer: Consumer): void {
    this.consumers.add(consumer)
    this.wake()
  }

  /** What it has keeps its deadline: it may still be acknowledged another way. */
  detach(consumer: Consumer): void {
    this.consumers.delete(consumer)
  }

  /** Something was published, or someone takes more. */
  wake(): void {
    void this.pump()
  }

  /** Resolves once the acknowledgements are on disk. */
  async acknowledge(ackIds: string[]): Promise<AckOutcome[]> {
    const outcomes = ackIds.map((text) => this.acknowledgeOne(this.parse(text)))
    if (outcomes.includes('done')) await this.keeper.kept()
    this.wake()
    return outcomes
  }

  /** 0 gives a message back at once. */
  modify(ackIds: string[], deadline_s: number): AckOutcome[] {
    const now_ms = this.parts.clock.now_ms()
    const outcomes = ackIds.map((text): AckOutcome => {
      const ackId = this.parse(text)
      const entry = this.pending.get(ackId.seq)
      if (entry?.state !== 'leased' || entry.lease !== ackId.lease || ackId.session !== this.parts.session) return 'invalid'
      if (deadline_s === 0) this.giveBack(entry)
      else this.deadlines.set(entry, now_ms + deadline_s * 1000)
      return 'done'
    })
    this.deadlines.arm()
    this.wake()
    return outcomes
  }

  /** Gives a message back that a consumer inside the house could not deliver, no sooner than after `delay_ms`. */
  refuse(ackId: string, delay_ms: number): void {
    const entry = this.pending.get(this.parse(ackId).seq)
    if (entry?.state === 'leased') this.giveBack(entry, delay_ms)
    this.deadlines.arm()
    this.wake()
  }

  cursor(): Cursor {
    const { next, unacked } = this.reader.rest
    return { next, unacked: [...this.pendingRuns(), ...unacked] }
  }

  /** Goes to another place: what is out is forgotten, and its ack ids no longer count. */
  async moveTo(cursor: Cursor): Promise<void> {
    this.epoch++
    for (const entry of this.pending.values()) if (entry.state === 'leased') this.release(entry)
    this.pending.clear()
    this.lines.clear()
    this.deadlines.clear()
    this.ready = []
    this.reader.goTo(cursor)
    await this.keeper.kept()
    this.wake()
  }

  /** New settings; leases that run keep their deadline. */
  configure(settings: DeliverySettings): void {
    this.settings = settings
    this.wake()
  }

  /** Writes the place if it has changed since. */
  tidy(): Promise<void> {
    return this.keeper.tidy()
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.deadlines.stop()
    this.consumers.clear()
    await this.keeper.stop()
  }

  /** The first messages that wait, without taking them. */
  async peek(limit: number): Promise<LogRecord[]> {
    const { next, unacked } = this.cursor()
    const found: LogRecord[] = []
    for (const run of [...unacked, { first: next, count: Infinity }]) {
      const end = Math.min(run.first + run.count, this.log.end)
      for (let seq = Math.max(run.first, this.log.start); seq < end && found.length < limit; ) {
        const records = await this.log.read(seq)
        if (records.length === 0) break
        for (const record of records) if (record.seq < end && found.length < limit && this.wants(record)) found.push(record)
        seq = records.at(-1)!.seq + 1
      }
    }
    return found
  }

  private parse(text: string): AckId {
    const ackId = parseAckId(text, this.parts.serial)
    if (!ackId) throw badAckId(text, this.parts.name)
    return ackId
  }

  private acknowledgeOne({ seq, lease, session }: AckId): AckOutcome {
    const entry = this.pending.get(seq)
    if (this.settings.exactlyOnce) {
      if (entry?.state !== 'leased' || entry.lease !== lease || session !== this.parts.session) return 'invalid'
    }
    if (entry) {
      // On its way to the dead-letter topic it is too late.
      if (entry.state === 'leaving') return 'invalid'
      this.remove(entry)
      return 'done'
    }
    if (!this.reader.acknowledge(seq)) return 'invalid'
    this.keeper.note()
    return 'done'
  }

  private async pump(): Promise<void> {
    this.again = true
    if (this.pumping) return
    this.pumping = true
    try {
      while (this.again && !this.stopped) {
        this.again = false
        while (!this.stopped && this.hasWork() && (await this.round()));
      }
    } catch (thrown) {
      this.parts.warn(thrown, 'messages could not be read; delivery tries again')
      this.parts.clock.after(DELIVERY_RETRY_MS, () => this.wake())
    } finally {
      this.pumping = false
    }
    for (const consumer of [...this.consumers]) consumer.idle?.()
  }

  private hasWork(): boolean {
    return this.consumers.size > 0 && (this.ready.length > 0 || this.lines.size > 0 || (this.pending.size < PENDING_MAX && !this.reader.atEnd))
  }

  /** Offers each consumer in turn; who was served goes to the end. */
  private async round(): Promise<boolean> {
    for (const consumer of [...this.consumers]) {
      if (!hasRoom(consumer.room())) continue
      if (!(await this.serve(consumer))) continue
      if (this.consumers.delete(consumer)) this.consumers.add(consumer)
      return true
    }
    return false
  }

  /** True where something was delivered or passed over, so that there may be more. */
  private async serve(consumer: Consumer): Promise<boolean> {
    const waiting = this.comingAgain(consumer)
    if (waiting.length > 0) return this.serveAgain(consumer, waiting)
    if (this.pending.size >= PENDING_MAX || this.reader.atEnd) return false
    const epoch = this.epoch
    const records = await this.reader.ahead()
    if (epoch !== this.epoch || !this.consumers.has(consumer)) return true
    return this.serveAhead(consumer, records)
  }

  private comingAgain(consumer: Consumer): Entry[] {
    const limit = Math.min(consumer.room().messages, BATCH_MESSAGES_MAX)
    while (this.ready[0] && (this.ready[0].state !== 'ready' || this.pending.get(this.ready[0].seq) !== this.ready[0])) this.ready.shift()
    return this.ready.length > 0 ? this.ready.slice(0, limit) : this.lines.next(consumer, limit)
  }

  private async serveAgain(consumer: Consumer, entries: Entry[]): Promise<boolean> {
    const epoch = this.epoch
    const records = await this.recordsOf(entries.map(({ seq }) => seq))
    if (epoch !== this.epoch || !this.consumers.has(consumer)) return true
    const batch = new Batch(consumer.room())
    let passed = 0
    const taken = new Set<Entry>()
    for (const entry of entries) {
      if (batch.full) break
      const deliverable = this.pending.get(entry.seq) === entry && (entry.line ? this.lines.mayGo(entry, consumer) : entry.state === 'ready')
      if (!deliverable) continue
      taken.add(entry)
      const record = records.get(entry.seq)
      if (record && this.isKept(record)) batch.add(this.lease(entry, record, consumer))
      else {
        this.remove(entry)
        passed++
      }
    }
    if (taken.size > 0) this.ready = this.ready.filter((entry) => !taken.has(entry))
    return this.handOver(consumer, batch) || passed > 0
  }

  private serveAhead(consumer: Consumer, records: LogRecord[]): boolean {
    const batch = new Batch(consumer.room())
    let passed = 0
    for (const record of records) {
      if (batch.full || this.pending.size >= PENDING_MAX) break
      const before = this.reader.pass(record.seq)
      if (!before) break
      passed++
      this.keeper.note()
      if (!this.isKept(record) || !this.wants(record)) continue
      const entry = this.enter(record, before.attempts)
      if (entry.line ? this.lines.mayGo(entry, consumer) : true) batch.add(this.lease(entry, record, consumer))
    }
    return this.handOver(consumer, batch) || passed > 0
  }

  private handOver(consumer: Consumer, { delivered }: Batch): boolean {
    if (delivered.length === 0) return false
    this.deadlines.arm()
    consumer.deliver(delivered)
    return true
  }

  private enter(record: LogRecord, attempts: number): Entry {
    const key = this.settings.ordered ? decodeMessage(record.payload).orderingKey : ''
    const line = key === '' ? undefined : this.lines.lineOf(key)
    const entry: Entry = { seq: record.seq, bytes: record.payload.length, state: 'held', due_ms: 0, lease: 0, attempts, consumer: undefined, line }
    this.pending.set(record.seq, entry)
    if (line) this.lines.join(entry)
    return entry
  }

  private lease(entry: Entry, record: LogRecord, consumer: Consumer): Delivered {
    const { serial, session, messageId, clock } = this.parts
    if (entry.line) this.lines.wentOut(entry, consumer)
    entry.state = 'leased'
    entry.lease++
    entry.attempts++
    entry.consumer = consumer
    this.deadlines.set(entry, clock.now_ms() + (consumer.lease_ms ?? this.settings.lease_ms))
    return {
      record,
      ackId: ackIdOf(serial, { seq: entry.seq, lease: entry.lease, session }),
      messageId: messageId(entry.seq),
      attempt: this.settings.deadLetterAttempts === undefined ? 0 : entry.attempts,
    }
  }

  /** Refused or late: it comes again, or has been tried often enough. */
  private giveBack(entry: Entry, delay_ms = this.backoff_ms(entry.attempts)): void {
    this.release(entry)
    const { deadLetterAttempts } = this.settings
    if (deadLetterAttempts !== undefined && entry.attempts >= deadLetterAttempts) return this.sendAway(entry)
    const { line } = entry
    entry.state = delay_ms > 0 ? 'waiting' : line ? 'held' : 'ready'
    if (delay_ms > 0) this.deadlines.set(entry, this.parts.clock.now_ms() + delay_ms)
    else if (!line) this.ready.push(entry)
    if (line) this.lines.cameBack(entry, (behind) => this.recall(behind))
  }

  private recall(entry: Entry): void {
    if (entry.state !== 'leased') return
    this.release(entry)
    entry.state = 'held'
  }

  private sendAway(entry: Entry): void {
    entry.state = 'leaving'
    if (entry.line) this.lines.cameBack(entry, (behind) => this.recall(behind))
    const epoch = this.epoch
    const sent = async () => {
      const record = (await this.recordsOf([entry.seq])).get(entry.seq)
      if (record) await this.parts.forward(record, entry.attempts)
      if (epoch !== this.epoch) return
      this.remove(entry)
      await this.keeper.kept()
    }
    sent().catch((thrown) => {
      this.parts.warn(thrown, 'a message could not be moved to its dead-letter topic; it is tried again')
      if (epoch !== this.epoch || this.pending.get(entry.seq) !== entry) return
      entry.state = 'waiting'
      this.deadlines.set(entry, this.parts.clock.now_ms() + DELIVERY_RETRY_MS)
      this.deadlines.arm()
    }).finally(() => this.wake())
  }

  private backoff_ms(attempts: number): number {
    const { backoff } = this.settings
    return backoff ? Math.min(backoff.max_ms, backoff.min_ms * 2 ** Math.min(attempts - 1, 30)) : 0
  }

  private remove(entry: Entry): void {
    if (entry.state === 'leased') this.release(entry)
    this.pending.delete(entry.seq)
    if (entry.line) this.lines.leave(entry)
    this.keeper.note()
  }

  private release(entry: Entry): void {
    entry.consumer?.released(entry.bytes)
    entry.consumer = undefined
    entry.due_ms = 0
  }

  private wants(record: LogRecord): boolean {
    const { filter } = this.settings
    return !filter || filter(decodeMessage(record.payload).attributes)
  }

  private isKept({ time_us }: LogRecord): boolean {
    return time_us > this.parts.clock.now_ms() * 1000 - this.settings.retention_us
  }

  private async recordsOf(seqs: number[]): Promise<Map<number, LogRecord>> {
    const found = new Map<number, LogRecord>()
    for (const seq of seqs) {
      if (found.has(seq)) continue
      for (const record of await this.log.read(seq)) {
        // Neighbours are likely to be asked for too; further ones are not.
        if (record.seq > seq + BATCH_MESSAGES_MAX) break
        found.set(record.seq, record)
      }
    }
    return found
  }

  /** Its back-off is over. */
  private comeBack(entry: Entry): void {
    const { deadLetterAttempts } = this.settings
    if (deadLetterAttempts !== undefined && entry.attempts >= deadLetterAttempts) return this.sendAway(entry)
    entry.state = entry.line ? 'held' : 'ready'
    if (entry.line) this.lines.note(entry.line)
    else this.ready.push(entry)
  }

  private *pendingRuns(): Generator<Run> {
    const counted = this.settings.deadLetterAttempts !== undefined
    let run: Run | undefined
    for (const { seq, attempts: tries } of this.pending.values()) {
      const attempts = counted ? tries : 0
      if (run && run.first + run.count === seq && run.attempts === attempts) run.count++
      else {
        if (run) yield run
        run = { first: seq, count: 1, attempts }
      }
    }
    if (run) yield run
  }
}
