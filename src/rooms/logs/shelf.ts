/** Persistence of log entries. They are written in batches: a log line is no promise, and never makes its writer wait. */
import type { Ledger, Migration } from '#ground/ledger.ts'
import type { LogEntry, StoredEntry } from './types.ts'

interface EntryRow {
  seq: number
  project: string
  log: string
  time_ms: number
  entry: string
}

export const logMigrations: Migration[] = [
  {
    number: 1,
    name: 'log entries',
    up: (db, dialect) => [
      db.schema
        .createTable('log_entries')
        .addColumn('seq', dialect === 'postgres' ? 'bigserial' : 'integer', (column) => (dialect === 'postgres' ? column.primaryKey() : column.primaryKey().autoIncrement()))
        .addColumn('project', 'text', (column) => column.notNull())
        .addColumn('log', 'text', (column) => column.notNull())
        .addColumn('time_ms', 'bigint', (column) => column.notNull())
        .addColumn('entry', 'text', (column) => column.notNull()),
      db.schema.createIndex('log_entries_at').on('log_entries').columns(['project', 'time_ms', 'seq']),
    ],
  },
]

export interface Scan {
  projects: string[]
  order: 'asc' | 'desc'
  from_ms?: number
  to_ms?: number
  /** Goes on behind this entry. */
  after?: { time_ms: number; seq: number }
  limit: number
}

export class LogShelf {
  private readonly ledger: Ledger
  private readonly db

  constructor(ledger: Ledger) {
    this.ledger = ledger
    this.db = ledger.builder<{ log_entries: EntryRow }>()
  }

  async add(entries: LogEntry[]): Promise<void> {
    const rows = entries.map((entry) => ({ project: projectOf(entry.logName), log: entry.logName, time_ms: Date.parse(entry.timestamp), entry: JSON.stringify(entry) }))
    await this.ledger.write(this.db.insertInto('log_entries').values(rows as never))
  }

  async scan({ projects, order, from_ms, to_ms, after, limit }: Scan): Promise<(StoredEntry & { time_ms: number })[]> {
    let query = this.db.selectFrom('log_entries').selectAll().where('project', 'in', projects).orderBy('time_ms', order).orderBy('seq', order).limit(limit)
    if (from_ms !== undefined) query = query.where('time_ms', '>=', from_ms)
    if (to_ms !== undefined) query = query.where('time_ms', '<=', to_ms)
    if (after) {
      const beyond = order === 'asc' ? '>' : '<'
      query = query.where((where) => where.or([where('time_ms', beyond, after.time_ms), where.and([where('time_ms', '=', after.time_ms), where('seq', beyond, after.seq)])]))
    }
    return (await this.ledger.read(query)).map(({ seq, time_ms, entry }) => ({ seq, time_ms, entry: JSON.parse(entry) as LogEntry }))
  }

  /** In the order of their writing, for those who follow. */
  async since(seq: number, projects: string[], limit: number): Promise<StoredEntry[]> {
    const query = this.db.selectFrom('log_entries').selectAll().where('seq', '>', seq).where('project', 'in', projects).orderBy('seq').limit(limit)
    return (await this.ledger.read(query)).map((row) => ({ seq: row.seq, entry: JSON.parse(row.entry) as LogEntry }))
  }

  async newest(): Promise<number> {
    const [row] = await this.ledger.read(this.db.selectFrom('log_entries').select(({ fn }) => fn.max('seq').as('seq')))
    return Number(row?.seq ?? 0)
  }

  async names(project: string, limit: number): Promise<string[]> {
    return (await this.ledger.read(this.db.selectFrom('log_entries').select('log').distinct().where('project', '=', project).orderBy('log').limit(limit))).map(({ log }) => log)
  }

  async removeLog(name: string): Promise<number> {
    const [result] = await this.ledger.write(this.db.deleteFrom('log_entries').where('log', '=', name))
    return result?.changed ?? 0
  }

  async prune(before_ms: number, kept_max: number): Promise<void> {
    const newest = await this.newest()
    await this.ledger.write(this.db.deleteFrom('log_entries').where('time_ms', '<', before_ms), this.db.deleteFrom('log_entries').where('seq', '<=', newest - kept_max))
  }
}

export const projectOf = (logName: string): string => logName.split('/')[1] ?? ''
