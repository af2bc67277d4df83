/**
 * One SQLite connection and the statements prepared on it. Synchronous: it runs in the ledger's threads, or in
 * the caller's own for a ledger in memory.
 */
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import type { PlainStatement, WriteOutcome } from './store.ts'

/** Prepared statements kept per connection; the texts of a house are few, this only bounds generated ones. */
const PREPARED_MAX = 1000

export interface SqliteOptions {
  path: string
  durable: boolean
  readOnly: boolean
}

/** What one write of a batch came to; an error is carried as text because it crosses threads. */
export type BatchEntry = WriteOutcome | { error: { message: string; code: string } }

export class SqliteEngine {
  private readonly database: DatabaseSync
  private readonly prepared = new Map<string, StatementSync>()

  constructor(options: SqliteOptions) {
    this.database = new DatabaseSync(options.path, { readOnly: options.readOnly, timeout: 10_000, enableForeignKeyConstraints: true })
    if (options.readOnly) return
    this.database.exec('PRAGMA journal_mode = WAL')
    this.database.exec(`PRAGMA synchronous = ${options.durable ? 'FULL' : 'OFF'}`)
    // A larger log is written back to the main file less often; it is replayed at open, so it is bounded.
    this.database.exec('PRAGMA wal_autocheckpoint = 4000')
  }

  read(statement: PlainStatement): Record<string, unknown>[] {
    return this.prepare(statement.sql).all(...bindable(statement.parameters))
  }

  /** Runs several writes under one commit. Each stands alone: one that fails is undone and the others stay. */
  writeBatch(writes: PlainStatement[][]): BatchEntry[] {
    this.database.exec('BEGIN IMMEDIATE')
    try {
      const entries = writes.map((statements) => this.writeOne(statements))
      this.database.exec('COMMIT')
      return entries
    } catch (thrown) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK')
      throw thrown
    }
  }

  private writeOne(statements: PlainStatement[]): BatchEntry {
    this.database.exec('SAVEPOINT one')
    try {
      const outcome = this.runAll(statements)
      if ('mismatch' in outcome) this.database.exec('ROLLBACK TO one')
      this.database.exec('RELEASE one')
      return outcome
    } catch (thrown) {
      // SQLite itself ends the whole transaction on a full disk or an I/O error: then no write of the batch stands.
      if (!this.database.isTransaction) throw thrown
      this.database.exec('ROLLBACK TO one')
      this.database.exec('RELEASE one')
      return { error: describe(thrown) }
    }
  }

  private runAll(statements: PlainStatement[]): WriteOutcome {
    const results = []
    for (const [index, { sql, parameters, rows: expected }] of statements.entries()) {
      const statement = this.prepare(sql)
      let rows: Record<string, unknown>[] = []
      let changed: number
      if (statement.columns().length > 0) {
        rows = statement.all(...bindable(parameters))
        changed = rows.length
      } else {
        changed = Number(statement.run(...bindable(parameters)).changes)
      }
      if (expected !== undefined && changed !== expected) return { mismatch: { statement: index, changed } }
      results.push({ rows, changed })
    }
    return { results }
  }

  copyTo(path: string): void {
    this.database.prepare('VACUUM INTO ?').run(path)
  }

  check(): string[] {
    const lines = this.database.prepare('PRAGMA quick_check').all().map((row) => String(Object.values(row)[0]))
    return lines.filter((line) => line !== 'ok')
  }

  close(): void {
    this.database.close()
  }

  private prepare(sql: string): StatementSync {
    let statement = this.prepared.get(sql)
    if (!statement) {
      if (this.prepared.size >= PREPARED_MAX) this.prepared.clear()
      this.prepared.set(sql, (statement = this.database.prepare(sql)))
    }
    return statement
  }
}

type Bindable = null | number | bigint | string | Uint8Array

function bindable(parameters: readonly unknown[]): Bindable[] {
  return parameters.map((value) => {
    if (value === undefined) return null
    if (typeof value === 'boolean') return value ? 1 : 0
    return value as Bindable
  })
}

export function describe(thrown: unknown): { message: string; code: string } {
  const error = thrown as Error & { errcode?: number; code?: string }
  return { message: error.message, code: String(error.errcode ?? error.code ?? '') }
}
