/** What both stores share: compiling, checking row counts, telling listeners, migrating. */
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { Compilable, CompiledQuery, Dialect as KyselyDialect } from 'kysely'
import { Fault } from '../fault.ts'
import { WriteConflict } from '../ledger.ts'
import type { Dialect, Ledger, Migration, Statement, StatementResult } from '../ledger.ts'

/** A compiled statement as it travels to the store. */
export interface PlainStatement {
  sql: string
  parameters: readonly unknown[]
  rows?: number | undefined
}

/** What a store answers when a statement touched the wrong number of rows. */
export interface CountMismatch {
  statement: number
  changed: number
}

export type WriteOutcome = { results: StatementResult[] } | { mismatch: CountMismatch }

/** The little a store has to be able to do. */
export interface Store {
  read(statement: PlainStatement): Promise<Record<string, unknown>[]>
  /** The same for a row by its key, by the shortest way there is. */
  point(statement: PlainStatement): Promise<Record<string, unknown>[]>
  write(statements: PlainStatement[]): Promise<WriteOutcome>
  copyTo(path: string): Promise<void>
  check(): Promise<string[]>
  close(): Promise<void>
}

export class StoredLedger implements Ledger {
  readonly dialect: Dialect
  failure: Fault | undefined
  private readonly store: Store
  private readonly kysely: Kysely<any>
  private readonly listeners = new Map<string, Set<() => void>>()

  constructor(dialect: Dialect, store: Store) {
    this.dialect = dialect
    this.store = store
    this.kysely = new Kysely({ dialect: COMPILE_ONLY[dialect] })
  }

  builder<Tables>(): Kysely<Tables> {
    return this.kysely
  }

  async read<Row>(query: Compilable<Row> | CompiledQuery<Row>): Promise<Row[]> {
    return (await this.store.read(plain(query))) as Row[]
  }

  async first<Row>(query: Compilable<Row> | CompiledQuery<Row>): Promise<Row | undefined> {
    return (await this.store.point(plain(query)))[0] as Row | undefined
  }

  async write(...given: (Statement | Compilable | CompiledQuery)[]): Promise<StatementResult[]> {
    if (this.failure) throw this.failure
    const statements = given.map((entry): Statement => ('query' in entry && !('sql' in entry) ? (entry as Statement) : { query: entry as Compilable }))
    const outcome = await this.attempt(statements.map((statement) => ({ ...plain(statement.query), rows: statement.rows })))
    if ('mismatch' in outcome) {
      const failed = statements[outcome.mismatch.statement]
      const otherwise = failed?.otherwise
      throw (typeof otherwise === 'function' ? otherwise() : otherwise) ?? new WriteConflict(plain(failed!.query).sql, failed?.rows ?? 0, outcome.mismatch.changed)
    }
    for (const topic of new Set(statements.map((statement) => statement.topic))) {
      if (topic !== undefined) this.listeners.get(topic)?.forEach((listener) => listener())
    }
    return outcome.results
  }

  private async attempt(statements: PlainStatement[]): Promise<WriteOutcome> {
    try {
      return await this.store.write(statements)
    } catch (thrown) {
      // A failed sync leaves it unknown what the disk holds: asking again could be answered with a lie. A writer that is gone stays gone.
      if (thrown instanceof Fault && (thrown.reason === 'ledgerSync' || thrown.reason === 'ledgerGone')) this.failure = thrown
      throw thrown
    }
  }

  onWritten(topic: string, listener: () => void): () => void {
    let set = this.listeners.get(topic)
    if (!set) this.listeners.set(topic, (set = new Set()))
    set.add(listener)
    return () => void set.delete(listener)
  }

  async migrate(room: string, migrations: Migration[]): Promise<void> {
    const db = this.builder<MigrationTables>()
    await this.write(
      db.schema
        .createTable('ledger_migrations')
        .ifNotExists()
        .addColumn('room', 'text', (column) => column.notNull())
        .addColumn('number', 'integer', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('ledger_migrations_key', ['room', 'number']),
    )
    const done = await this.read(db.selectFrom('ledger_migrations').select('number').where('room', '=', room).orderBy('number'))
    const latest = done.at(-1)?.number ?? 0
    if (latest > migrations.length) {
      throw new Fault('FAILED_PRECONDITION', 'newerData', `This data folder was written by a newer Potoroo (${room} is at step ${latest}, this one knows ${migrations.length}).`, {
        hint: 'Start the newer version, or load a snapshot made by this one.',
      })
    }
    for (const migration of migrations.slice(latest)) {
      await this.write(
        ...migration.up(this.kysely, this.dialect),
        db.insertInto('ledger_migrations').values({ room, number: migration.number, name: migration.name }),
      )
    }
  }

  copyTo(path: string): Promise<void> {
    return this.store.copyTo(path)
  }

  check(): Promise<string[]> {
    return this.store.check()
  }

  close(): Promise<void> {
    return this.store.close()
  }
}

interface MigrationTables {
  ledger_migrations: { room: string; number: number; name: string }
}

function plain(query: Compilable | CompiledQuery): PlainStatement {
  const { sql, parameters } = 'compile' in query ? query.compile() : query
  return { sql, parameters }
}

const COMPILE_ONLY: Record<Dialect, KyselyDialect> = {
  sqlite: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
  postgres: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
}
