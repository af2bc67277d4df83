/** The logs room's meaning: entries come in from rooms and clients, are kept for a while, and are found again. */
import type { Clock } from '#ground/clock.ts'
import type { Ids } from '#ground/ids.ts'
import type { Log } from '#ground/telemetry.ts'
import { invalid } from './faults.ts'
import { accepts, parseFilter, timeBounds } from './filter.ts'
import { ENTRIES_KEPT_MAX, ENTRIES_WRITTEN_MAX, ENTRY_BYTES_MAX, FLUSH_BATCH, FLUSH_MS, HELD_MAX, KEPT_MS, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, SCAN_BATCH, SCAN_MAX } from './limits.ts'
import type { LogShelf } from './shelf.ts'
import { SEVERITIES } from './types.ts'
import type { LogEntry, Severity } from './types.ts'

export interface LogParts {
  shelf: LogShelf
  clock: Clock
  ids: Ids
  log: Log
}

export type NewEntry = Pick<LogEntry, 'logName' | 'resource'> & Partial<LogEntry>

export interface ListOrder {
  resourceNames: string[]
  filter: string
  orderBy: string
  pageSize: number
  pageToken: string
}

export class LogsService {
  readonly shelf: LogShelf
  private readonly parts: LogParts
  private held: LogEntry[] = []
  private dropped = 0
  private cancelFlush: (() => void) | undefined
  private flushing: Promise<void> = Promise.resolve()
  private readonly followers = new Set<(entry: LogEntry) => void>()

  constructor(parts: LogParts) {
    this.parts = parts
    this.shelf = parts.shelf
  }

  /** Never makes the writer wait: entries are kept in memory for a moment and written together. */
  write(given: NewEntry): void {
    const entry = this.complete(given)
    for (const follow of this.followers) follow(entry)
    if (this.held.length >= HELD_MAX) return void this.dropped++
    this.held.push(entry)
    this.cancelFlush ??= this.parts.clock.after(FLUSH_MS, () => void this.flush())
  }

  /** What a client writes is on the disk when it is told so. */
  async writeAll(given: NewEntry[]): Promise<void> {
    if (given.length > ENTRIES_WRITTEN_MAX) throw invalid(`At most ${ENTRIES_WRITTEN_MAX} entries are written at a time.`)
    for (const entry of given) {
      if (Buffer.byteLength(JSON.stringify(entry)) > ENTRY_BYTES_MAX) throw invalid(`A log entry is larger than ${ENTRY_BYTES_MAX} bytes.`)
      this.write(entry)
    }
    await this.flush()
  }

  async list({ resourceNames, filter, orderBy, pageSize, pageToken }: ListOrder): Promise<{ entries: LogEntry[]; nextPageToken?: string }> {
    await this.flush()
    const projects = [...new Set(resourceNames.map((name) => /^projects\/([^/]+)/.exec(name)?.[1]).filter((name) => name !== undefined))]
    if (projects.length === 0) throw invalid('resourceNames names no project.', 'For example projects/my-project.')
    const wanted = parseFilter(filter)
    const order = /^timestamp\s+desc$/i.test(orderBy.trim()) ? 'desc' : 'asc'
    const size = Math.min(pageSize || PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
    const entries: LogEntry[] = []
    let after = tokenIn(pageToken)
    for (let looked = 0; looked < SCAN_MAX; ) {
      const batch = await this.shelf.scan({ projects, order, ...timeBounds(wanted), ...(after && { after }), limit: SCAN_BATCH })
      for (const { seq, time_ms, entry } of batch) {
        after = { time_ms, seq }
        if (!accepts(wanted, entry)) continue
        entries.push(entry)
        if (entries.length === size) return { entries, nextPageToken: tokenOf(after) }
      }
      if (batch.length < SCAN_BATCH) return { entries }
      looked += batch.length
    }
    return { entries, ...(after && { nextPageToken: tokenOf(after) }) }
  }

  /** Calls `follow` for each new entry that the filter accepts, until the signal is raised. */
  follow(resourceNames: string[], filter: string, follow: (entry: LogEntry) => void, signal: AbortSignal): void {
    const wanted = parseFilter(filter)
    const prefixes = resourceNames.map((name) => `${name.split('/').slice(0, 2).join('/')}/`)
    const hear = (entry: LogEntry) => {
      if (prefixes.some((prefix) => entry.logName.startsWith(prefix)) && accepts(wanted, entry)) follow(entry)
    }
    this.followers.add(hear)
    signal.addEventListener('abort', () => this.followers.delete(hear), { once: true })
  }

  async flush(): Promise<void> {
    this.cancelFlush?.()
    this.cancelFlush = undefined
    const entries = this.held
    this.held = []
    const { shelf, log } = this.parts
    if (this.dropped > 0) {
      log.warn({ entries: this.dropped }, 'log entries were dropped: they came faster than they can be written')
      this.dropped = 0
    }
    this.flushing = this.flushing.then(async () => {
      for (let at = 0; at < entries.length; at += FLUSH_BATCH) await shelf.add(entries.slice(at, at + FLUSH_BATCH))
    }).catch((thrown) => log.error({ err: thrown, entries: entries.length }, 'log entries could not be written'))
    await this.flushing
  }

  prune(): Promise<void> {
    return this.shelf.prune(this.parts.clock.now_ms() - KEPT_MS, ENTRIES_KEPT_MAX)
  }

  private complete(given: NewEntry): LogEntry {
    const { clock, ids } = this.parts
    const now = new Date(clock.now_ms()).toISOString()
    const { timestamp, severity, insertId, logName, resource, ...rest } = given
    const at = timestamp !== undefined && !Number.isNaN(Date.parse(timestamp)) ? timestamp : now
    const known = SEVERITIES.includes(severity as Severity) ? severity! : 'DEFAULT'
    return { ...rest, logName, resource, timestamp: at, receiveTimestamp: now, severity: known, insertId: insertId ?? ids.next() }
  }
}

const tokenOf = ({ time_ms, seq }: { time_ms: number; seq: number }): string => Buffer.from(`${time_ms}.${seq}`).toString('base64url')

function tokenIn(token: string): { time_ms: number; seq: number } | undefined {
  if (token === '') return undefined
  const [time_ms = NaN, seq = NaN] = Buffer.from(token, 'base64url').toString().split('.').map(Number)
  if (Number.isNaN(time_ms) || Number.isNaN(seq)) throw invalid('This pageToken is not one of ours.')
  return { time_ms, seq }
}
