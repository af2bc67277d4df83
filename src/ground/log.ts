/**
 * An append-only log of records in segment files. Records are numbered without gaps; an append resolves once its records are on
 * disk, and whoever comes while a sync runs shares the next one. Memory holds a mark per block of records, never a thing per record.
 * It knows nothing of readers: they keep their own place, and say what may be forgotten.
 */
import { open, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { diskFault } from './disk.ts'
import type { Disk } from './disk.ts'
import { failpoint } from './failpoint.ts'
import { Fault } from './fault.ts'
import type { Clock } from './clock.ts'
import { HEADER_BYTES, frame, parseFrames, readSegment } from './log/frames.ts'
import type { LogRecord } from './log/frames.ts'
import type { BlockCache } from './log/block-cache.ts'

export { BlockCache } from './log/block-cache.ts'
export type { LogRecord } from './log/frames.ts'

export interface LogOptions {
  clock: Clock
  cache: BlockCache
  segmentBytes?: number
  blockBytes?: number
}

/** A full segment is closed and a new one begun: the unit in which room is freed. */
const SEGMENT_BYTES = 32 * 1024 * 1024
/** Records are found and read in pieces of about this size. */
const BLOCK_BYTES = 128 * 1024
/** One sync takes at most this much, so that the first of a flood does not wait for all of it. */
const GROUP_BYTES_MAX = 8 * 1024 * 1024
/** Beyond this, appends are refused until the disk has caught up. */
const WAITING_BYTES_MAX = 128 * 1024 * 1024
/** A current segment that nobody needs is only worth replacing once it holds this much. */
const FREE_BYTES_MIN = 1024 * 1024
const NAME = /^(\d{16})\.log$/

interface Mark {
  seq: number
  offset: number
  time_us: number
}

interface Segment {
  first: number
  bytes: number
  firstTime_us: number
  /** Where blocks begin; unknown for a segment of an earlier process until someone reads it. */
  marks: Mark[] | undefined
}

interface Append {
  payloads: Uint8Array[]
  bytes: number
  resolve(placed: Placed): void
  reject(thrown: unknown): void
}

export interface Placed {
  first: number
  time_us: number
}

export class SegmentLog {
  readonly id: string
  /** Set once a sync has failed, or the log was closed: from then on nothing more is acknowledged, reading goes on. */
  failure: Fault | undefined
  private readonly disk: Disk
  private readonly place: string[]
  private readonly options: Required<LogOptions>
  private readonly segments: Segment[] = []
  private handle: FileHandle | undefined
  private tail: { first: number; records: LogRecord[]; bytes: number } = { first: 0, records: [], bytes: 0 }
  private waiting: Append[] = []
  private waitingBytes = 0
  private work: Promise<unknown> = Promise.resolve()
  private flushing = false
  private lastTime_us = 0
  private next = 0

  private constructor(disk: Disk, place: string[], options: LogOptions) {
    this.disk = disk
    this.place = place
    this.id = place.at(-1)!
    this.options = { segmentBytes: SEGMENT_BYTES, blockBytes: BLOCK_BYTES, ...options }
  }

  /** Opens or begins the log in this folder; what a crash left half-written at its end was acknowledged to nobody and is cut off. */
  static async open(disk: Disk, place: string[], options: LogOptions): Promise<SegmentLog> {
    const log = new SegmentLog(disk, place, options)
    await log.recover()
    return log
  }

  /** The first record that is still held. */
  get start(): number {
    return this.segments[0]!.first
  }

  /** One after the last durable record. */
  get end(): number {
    return this.next
  }

  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  get endTime_us(): number {
    return this.lastTime_us
  }

  append(payloads: Uint8Array[]): Promise<Placed> {
    if (this.failure) return Promise.reject(this.failure)
    const bytes = payloads.reduce((sum, payload) => sum + payload.length + HEADER_BYTES, 0)
    if (this.waitingBytes + bytes > WAITING_BYTES_MAX && this.waiting.length > 0) {
      return Promise.reject(new Fault('RESOURCE_EXHAUSTED', 'tooFast', 'More is being written than the disk takes.', { hint: 'Send it again in a moment.' }))
    }
    this.waitingBytes += bytes
    const done = new Promise<Placed>((resolve, reject) => this.waiting.push({ payloads, bytes, resolve, reject }))
    if (!this.flushing) {
      this.flushing = true
      void this.exclusively(() => this.flush())
    }
    return done
  }

  /** Records from `from` on, as many as lie together; none where it is at the end, or where they were forgotten meanwhile. */
  async read(from: number): Promise<LogRecord[]> {
    if (from >= this.next || from < this.start) return []
    return this.readTail(from) ?? (await this.readBlock(from))
  }

  /** The same without waiting, where memory still has them. */
  readTail(from: number): LogRecord[] | undefined {
    return from >= this.tail.first ? this.tail.records.slice(from - this.tail.first) : undefined
  }

  /** The first record that is not older than this; the end where all are. */
  async seqAt(time_us: number): Promise<number> {
    if (time_us > this.lastTime_us) return this.next
    const segment = this.segments.findLast(({ firstTime_us, bytes }) => bytes > 0 && firstTime_us < time_us)
    if (!segment) return this.start
    const mark = (await this.marksOf(segment)).findLast((candidate) => candidate.time_us < time_us)
    for (let seq = mark?.seq ?? segment.first; seq < this.next; ) {
      const records = await this.read(seq)
      if (records.length === 0) break
      const found = records.find((record) => record.time_us >= time_us)
      if (found) return found.seq
      seq = records.at(-1)!.seq + 1
    }
    return this.next
  }

  /** Frees what lies before `seq`, as far as whole segments go. */
  async forgetBefore(seq: number): Promise<void> {
    const current = this.segments.at(-1)!
    if (seq >= this.next && current.bytes >= FREE_BYTES_MIN) await this.exclusively(() => this.roll())
    while (this.segments.length > 1 && this.segments[1]!.first <= seq) {
      const [gone] = this.segments.splice(0, 1)
      await unlink(this.path(gone!))
    }
  }

  async close(): Promise<void> {
    await this.work
    await this.handle?.close()
    this.handle = undefined
    this.failure ??= new Fault('UNAVAILABLE', 'closed', 'The log is closed.')
  }

  /** Closes it and removes its files. */
  async remove(): Promise<void> {
    await this.close()
    await this.disk.remove(...this.place)
  }

  private async recover(): Promise<void> {
    await this.disk.folder(...this.place)
    const firsts = (await this.disk.list(...this.place)).flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number).sort((a, b) => a - b)
    for (const first of firsts) {
      const segment: Segment = { first, bytes: 0, firstTime_us: 0, marks: undefined }
      const head = Buffer.alloc(HEADER_BYTES)
      const handle = await open(this.path(segment), 'r')
      try {
        segment.bytes = (await handle.stat()).size
        if ((await handle.read(head, 0, HEADER_BYTES, 0)).bytesRead === HEADER_BYTES) segment.firstTime_us = head.readDoubleBE(8)
      } finally {
        await handle.close()
      }
      this.segments.push(segment)
    }
    const last = this.segments.at(-1)
    if (!last) return this.begin(0)
    this.handle = await open(this.path(last), 'r+')
    const whole = await this.scan(last, this.handle)
    if (whole.bytes < last.bytes) {
      await this.handle.truncate(whole.bytes)
      if (this.disk.durable) await this.handle.datasync()
    }
    last.bytes = whole.bytes
    this.next = whole.end
    this.lastTime_us = whole.time_us
    this.tail = { first: this.next, records: [], bytes: 0 }
    last.marks!.push({ seq: this.next, offset: last.bytes, time_us: this.lastTime_us })
  }

  private async flush(): Promise<void> {
    while (this.waiting.length > 0) {
      let bytes = 0
      let count = 0
      while (count < this.waiting.length && (count === 0 || bytes + this.waiting[count]!.bytes <= GROUP_BYTES_MAX)) bytes += this.waiting[count++]!.bytes
      const group = this.waiting.splice(0, count)
      this.waitingBytes -= bytes
      try {
        await this.write(group, bytes)
      } catch (thrown) {
        const reason = diskFault(thrown) ?? thrown
        for (const { reject } of group) reject(reason)
      }
    }
    this.flushing = false
  }

  private async write(group: Append[], bytes: number): Promise<void> {
    if (this.failure) throw this.failure
    if (this.segments.at(-1)!.bytes >= this.options.segmentBytes) await this.roll()
    const segment = this.segments.at(-1)!
    const time_us = (this.lastTime_us = Math.max(this.lastTime_us, this.options.clock.now_ms() * 1000))
    const { buffer, records } = frame(group.flatMap(({ payloads }) => payloads), bytes, this.next, time_us)
    await this.placeBytes(segment, buffer)
    if (segment.bytes === 0) segment.firstTime_us = time_us
    this.remember(segment, records)
    segment.bytes += bytes
    this.next += records.length
    let first = records[0]?.seq ?? this.next
    for (const { payloads, resolve } of group) {
      resolve({ first, time_us })
      first += payloads.length
    }
  }

  /** Bytes that could not be written whole are taken back; once a sync has failed, nobody knows what the disk holds, and the log takes nothing more. */
  private async placeBytes(segment: Segment, buffer: Buffer): Promise<void> {
    const handle = this.handle!
    try {
      await failpoint('log.write')
      for (let done = 0; done < buffer.length; ) done += (await handle.write(buffer, done, buffer.length - done, segment.bytes + done)).bytesWritten
    } catch (thrown) {
      await handle.truncate(segment.bytes)
      throw thrown
    }
    try {
      if ((await failpoint('log.sync')) || !this.disk.durable) return
      await handle.datasync()
    } catch (cause) {
      throw (this.failure = new Fault('UNAVAILABLE', 'logSync', 'A log could not be synced to disk; nothing more is acknowledged on it.', {
        hint: 'Look at the disk, then restart the house: it recovers from what is on the disk.', cause,
      }))
    }
  }

  /** Notes where blocks begin; the newest block stays in memory, since it is what most readers ask for. */
  private remember(segment: Segment, records: LogRecord[]): void {
    let offset = segment.bytes
    for (const record of records) {
      if (this.tail.bytes >= this.options.blockBytes) {
        this.options.cache.put(this.key(segment, this.tail.first), this.tail.records, this.tail.bytes)
        segment.marks!.push({ seq: record.seq, offset, time_us: record.time_us })
        this.tail = { first: record.seq, records: [], bytes: 0 }
      }
      const size = HEADER_BYTES + record.payload.length
      this.tail.records.push(record)
      this.tail.bytes += size
      offset += size
    }
  }

  private async roll(): Promise<void> {
    const before = this.segments.at(-1)!
    const old = this.handle
    if (this.tail.records.length > 0) this.options.cache.put(this.key(before, this.tail.first), this.tail.records, this.tail.bytes)
    await this.begin(this.next)
    await old?.close()
  }

  private async begin(first: number): Promise<void> {
    const segment: Segment = { first, bytes: 0, firstTime_us: 0, marks: [{ seq: first, offset: 0, time_us: 0 }] }
    const handle = await open(this.path(segment), 'w', 0o600)
    await this.disk.syncPlace(...this.place)
    this.handle = handle
    this.segments.push(segment)
    this.next = first
    this.tail = { first, records: [], bytes: 0 }
  }

  private async readBlock(from: number): Promise<LogRecord[]> {
    const segment = this.segments.findLast(({ first }) => first <= from)
    if (!segment) return []
    const marks = await this.marksOf(segment)
    const index = lastNotAfter(marks, from)
    const mark = marks[index]!
    const end = marks[index + 1]?.offset ?? segment.bytes
    const records = await this.options.cache.get(this.key(segment, mark.seq), end - mark.offset, () => this.load(segment, mark, end))
    return records.slice(from - mark.seq)
  }

  private async load(segment: Segment, mark: Mark, end: number): Promise<LogRecord[]> {
    const handle = await open(this.path(segment), 'r').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT' && !this.segments.includes(segment)) return undefined
      throw cause
    })
    if (!handle) return []
    try {
      const buffer = Buffer.allocUnsafeSlow(end - mark.offset)
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, mark.offset)
      const { records, bytes } = parseFrames(buffer.subarray(0, bytesRead), mark.seq)
      if (bytes === buffer.length) return records
      throw new Fault('DATA_LOSS', 'backendError', `The log segment ${segment.first} of ${this.id} is damaged at byte ${mark.offset + bytes}.`, {
        hint: 'Run `potoroo doctor`; restore the file from a snapshot.',
      })
    } finally {
      await handle.close()
    }
  }

  private async marksOf(segment: Segment): Promise<Mark[]> {
    if (segment.marks) return segment.marks
    const handle = await open(this.path(segment), 'r')
    try {
      await this.scan(segment, handle)
    } finally {
      await handle.close()
    }
    return segment.marks!
  }

  /** Reads a segment from its start, noting its blocks, up to the first frame that is not whole. */
  private async scan(segment: Segment, handle: FileHandle): Promise<{ end: number; bytes: number; time_us: number }> {
    const marks: Mark[] = []
    let last = { end: segment.first, bytes: 0, time_us: segment.firstTime_us }
    for await (const { record, offset, size } of readSegment(handle, segment.first)) {
      if (marks.length === 0 || offset - marks.at(-1)!.offset >= this.options.blockBytes) marks.push({ seq: record.seq, offset, time_us: record.time_us })
      last = { end: record.seq + 1, bytes: offset + size, time_us: record.time_us }
    }
    if (marks.length === 0) marks.push({ seq: segment.first, offset: 0, time_us: segment.firstTime_us })
    segment.marks = marks
    return last
  }

  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.work.then(work)
    this.work = mine.catch(() => {})
    return mine
  }

  private path(segment: Segment): string {
    return this.disk.path(...this.place, `${String(segment.first).padStart(16, '0')}.log`)
  }

  private key(segment: Segment, seq: number): string {
    return `${this.id}/${segment.first}/${seq}`
  }
}

function lastNotAfter(marks: Mark[], seq: number): number {
  let low = 0
  let high = marks.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (marks[middle]!.seq <= seq) low = middle
    else high = middle - 1
  }
  return low
}
