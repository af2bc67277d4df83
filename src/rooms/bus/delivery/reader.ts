/**
 * Where a subscription reads on in its log: first what an earlier process or a seek left unacknowledged, then everything that
 * was published since. It holds runs, not messages.
 */
import type { LogRecord, SegmentLog } from '#ground/log.ts'
import type { Cursor, Run } from '../types.ts'

export class Reader {
  private readonly log: SegmentLog
  private unread: Run[] = []
  private next = 0

  constructor(log: SegmentLog, cursor: Cursor) {
    this.log = log
    this.goTo(cursor)
  }

  goTo({ next, unacked }: Cursor): void {
    this.next = next
    this.unread = unacked.map((run) => ({ ...run }))
  }

  get atEnd(): boolean {
    return this.unread.length === 0 && this.next >= this.log.end
  }

  /** What has not been read, as a cursor. */
  get rest(): Cursor {
    return { next: this.next, unacked: this.unread }
  }

  /** The next records, as many as lie together. */
  async ahead(): Promise<LogRecord[]> {
    this.passForgotten()
    const run = this.unread[0]
    const from = run?.first ?? this.next
    const records = this.log.readTail(from) ?? (await this.log.read(from))
    return run ? records.slice(0, run.count) : records
  }

  /** Tells whether this is still the record to read next, and how often it was tried before; then goes past it. */
  pass(seq: number): { attempts: number } | undefined {
    const run = this.unread[0]
    if (run) {
      if (run.first !== seq) return undefined
      run.first++
      if (--run.count === 0) this.unread.shift()
      return { attempts: run.attempts }
    }
    if (this.next !== seq) return undefined
    this.next++
    return { attempts: 0 }
  }

  /** Acknowledges something that was not read since the house started; false where it lies ahead. */
  acknowledge(seq: number): boolean {
    const at = this.unread.findIndex(({ first, count }) => seq >= first && seq < first + count)
    if (at < 0) return seq < this.next
    const { first, count, attempts } = this.unread[at]!
    const parts = [{ first, count: seq - first, attempts }, { first: seq + 1, count: first + count - seq - 1, attempts }]
    this.unread.splice(at, 1, ...parts.filter((part) => part.count > 0))
    return true
  }

  /** What the log no longer holds cannot be delivered. */
  private passForgotten(): void {
    const { start } = this.log
    while (this.unread[0] && this.unread[0].first < start) {
      const run = this.unread[0]
      const gone = Math.min(run.count, start - run.first)
      run.first += gone
      run.count -= gone
      if (run.count === 0) this.unread.shift()
    }
    this.next = Math.max(this.next, start)
  }
}
