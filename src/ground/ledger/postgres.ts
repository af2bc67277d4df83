/**
 * The ledger on PostgreSQL, for houses of several nodes. Writes go through one connection in batches like SQLite's, so
 * that facts are numbered in the order in which they were committed.
 */
import type { Client as PgClient } from 'pg'
import { Fault } from '../fault.ts'
import type { Ledger, StatementResult } from '../ledger.ts'
import { StoredLedger } from './store.ts'
import type { PlainStatement, Store, WriteOutcome } from './store.ts'

const READERS_MAX = 4

export async function openPostgresLedger(url: string): Promise<Ledger> {
  // Loaded on demand: a house on SQLite pays nothing for it.
  const { default: pg } = await import('pg')
  const INT8 = 20
  const NUMERIC = 1700
  pg.types.setTypeParser(INT8, Number)
  pg.types.setTypeParser(NUMERIC, Number)
  const readers = new pg.Pool({ connectionString: url, max: READERS_MAX })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const writer = new BatchWriter(client)
  const read = async ({ sql, parameters }: PlainStatement) => (await readers.query(sql, [...parameters])).rows
  const store: Store = {
    read,
    point: read,
    write: (statements) => writer.write(statements),
    copyTo() {
      throw new Fault('UNIMPLEMENTED', 'notImplemented', 'A ledger on PostgreSQL is copied with pg_dump, not by the house.')
    },
    check: async () => [],
    async close() {
      await readers.end()
      await client.end()
    },
  }
  return new StoredLedger('postgres', store)
}

interface Waiting {
  statements: PlainStatement[]
  resolve(outcome: WriteOutcome): void
  reject(error: unknown): void
}

class BatchWriter {
  private readonly client: PgClient
  private waiting: Waiting[] = []
  private busy = false

  constructor(client: PgClient) {
    this.client = client
  }

  write(statements: PlainStatement[]): Promise<WriteOutcome> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ statements, resolve, reject })
      if (!this.busy) void this.drain()
    })
  }

  private async drain(): Promise<void> {
    this.busy = true
    while (this.waiting.length > 0) {
      const batch = this.waiting
      this.waiting = []
      const settle: (() => void)[] = []
      try {
        await this.client.query('BEGIN')
        for (const entry of batch) settle.push(await this.one(entry))
        await this.client.query('COMMIT')
        settle.forEach((tell) => tell())
      } catch (thrown) {
        await this.client.query('ROLLBACK').catch(() => undefined)
        batch.forEach(({ reject }) => reject(thrown))
      }
    }
    this.busy = false
  }

  private async one({ statements, resolve, reject }: Waiting): Promise<() => void> {
    await this.client.query('SAVEPOINT one')
    try {
      const results: StatementResult[] = []
      for (const [index, { sql, parameters, rows: expected }] of statements.entries()) {
        const { rows, rowCount } = await this.client.query(sql, [...parameters])
        const changed = rowCount ?? 0
        if (expected !== undefined && changed !== expected) {
          await this.client.query('ROLLBACK TO one')
          return () => resolve({ mismatch: { statement: index, changed } })
        }
        results.push({ rows, changed })
      }
      await this.client.query('RELEASE one')
      return () => resolve({ results })
    } catch (thrown) {
      await this.client.query('ROLLBACK TO one')
      return () => reject(thrown)
    }
  }
}
