/**
 * The control store: every row the house must not lose. Queries are built with Kysely, compiled here and run by the
 * store: SQLite in a thread of its own by default, PostgreSQL for many nodes. A write is one list of statements, done
 * whole or not at all; lists that arrive together share one commit, and so one sync. There are no interactive transactions:
 * read, decide, then write with the row counts you expect, and decide again where they no longer hold.
 */
import type { Compilable, CompiledQuery, Kysely } from 'kysely'
import { Fault } from './fault.ts'

export type Dialect = 'sqlite' | 'postgres'

/** A statement of a write. `rows` is how many it must touch; otherwise the whole write is undone and `otherwise` thrown. */
export interface Statement {
  query: Compilable | CompiledQuery
  rows?: number
  otherwise?: Fault | (() => Fault)
  /** Names what was written, for those who wait for such things (facts, jobs). */
  topic?: string
}

export interface StatementResult {
  /** What RETURNING gave. */
  rows: Record<string, unknown>[]
  /** How many rows the statement touched. */
  changed: number
}

export interface Migration {
  number: number
  name: string
  /** Statements that bring the tables from the number before to this one. Never edited once released. */
  up(db: Kysely<any>, dialect: Dialect): (Compilable | CompiledQuery)[]
}

export interface Ledger {
  readonly dialect: Dialect
  /** A builder for a room's tables. It only compiles; `read` and `write` run what it made. */
  builder<Tables>(): Kysely<Tables>
  read<Row>(query: Compilable<Row> | CompiledQuery<Row>): Promise<Row[]>
  /** One row by its key. Answered where it is asked, in microseconds, without a thread's round trip: never for a query that has to search. */
  first<Row>(query: Compilable<Row> | CompiledQuery<Row>): Promise<Row | undefined>
  /** Resolves after the commit and its sync. */
  write(...statements: (Statement | Compilable | CompiledQuery)[]): Promise<StatementResult[]>
  /** Hears, after the commit, which topics a write named. */
  onWritten(topic: string, listener: () => void): () => void
  /** Brings one room's tables up to date. Refuses a ledger that a newer house has written. */
  migrate(room: string, migrations: Migration[]): Promise<void>
  /** A consistent copy as one file, made while the house serves. SQLite only. */
  copyTo(path: string): Promise<void>
  /** An integrity check; the answer is empty when all is well. */
  check(): Promise<string[]>
  /** Set once a commit could not be synced: from then on nothing more is acknowledged, reading goes on. */
  readonly failure: Fault | undefined
  close(): Promise<void>
}

/** Thrown when a statement touched another number of rows than it had to, and named no Fault of its own. */
export class WriteConflict extends Fault {
  constructor(sql: string, expected: number, changed: number) {
    super('ABORTED', 'conflict', `A write expected ${expected} rows and found ${changed}; someone else was faster.`, {
      hint: 'Send the request again.',
      details: { sql },
    })
    this.name = 'WriteConflict'
  }
}

export { openSqliteLedger, readSqliteLedger, memoryLedger } from './ledger/sqlite.ts'
export { openPostgresLedger } from './ledger/postgres.ts'
