/** Every store that a ledger can stand on, for tests that hold on all of them. */
import { join } from 'node:path'
import { memoryLedger, openPostgresLedger, openSqliteLedger } from '#ground/ledger.ts'
import type { Ledger } from '#ground/ledger.ts'
import { testFolder } from './folder.ts'
import { findPostgres, startPostgres } from './postgres.ts'
import type { Postgres } from './postgres.ts'

export interface LedgerKind {
  name: string
  /** Why it cannot be tested here. */
  missing?: string
  /** An empty ledger; closed by the test. */
  open(): Promise<Ledger>
  stop(): Promise<void>
}

const postgres = findPostgres()
let server: Promise<Postgres> | undefined

export const LEDGER_KINDS: LedgerKind[] = [
  { name: 'SQLite in memory', open: async () => memoryLedger(), stop: async () => {} },
  { name: 'SQLite in a file', open: () => openSqliteLedger(join(testFolder(), 'ledger.sqlite'), { durable: true }), stop: async () => {} },
  {
    name: 'PostgreSQL',
    ...('missing' in postgres && { missing: postgres.missing }),
    async open() {
      if ('missing' in postgres) throw new Error(postgres.missing)
      server ??= startPostgres(postgres.programs)
      return openPostgresLedger(await (await server).database())
    },
    stop: async () => (await server)?.stop(),
  },
]
