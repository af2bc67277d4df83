/** The ledger on SQLite in a file: kills, failing disks, copies while it is written. What holds on every store is in stores.test.ts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { testFolder } from '../../tests/support/folder.ts'
import { Fault } from './fault.ts'
import { memoryLedger, openSqliteLedger, readSqliteLedger } from './ledger.ts'
import type { Ledger, Migration } from './ledger.ts'
import { StoredLedger } from './ledger/store.ts'

const ROUNDS = Number(process.env['FAULT_ROUNDS'] ?? 3)

/** Two tables that every write touches together: seen apart, a write was halved. */
const pairs: Migration[] = [
  { number: 1, name: 'pairs', up: (db) => ['lefts', 'rights'].map((table) => db.schema.createTable(table).addColumn('n', 'integer', (column) => column.primaryKey())) },
]
const count = async (ledger: Ledger, table: 'lefts' | 'rights') => (await ledger.read(sql<{ n: number }>`select n from ${sql.table(table)} order by n`.compile(ledger.builder()))).map(({ n }) => n)
const writePair = (ledger: Ledger, n: number) =>
  ledger.write(sql`insert into lefts values (${n})`.compile(ledger.builder()), sql`insert into rights values (${n})`.compile(ledger.builder()))

const WRITER = join(import.meta.dirname, 'ledger.fixture.ts')

test('every acknowledged write is there after kill -9, whole, and the ledger is sound', async () => {
  const path = join(testFolder(), 'ledger.sqlite')
  const first = await openSqliteLedger(path, { durable: true })
  await first.migrate('pairs', pairs)
  await first.close()
  const acknowledged: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const child = spawn(process.execPath, [WRITER, path, String(round * 1_000_000)], { stdio: ['ignore', 'pipe', 'inherit'] })
    let told = ''
    child.stdout.on('data', (chunk) => (told += chunk))
    await once(child.stdout, 'data')
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 120))
    child.kill('SIGKILL')
    await once(child, 'close')
    const complete = told.slice(0, told.lastIndexOf('\n') + 1)
    acknowledged.push(...complete.split('\n').filter(Boolean).map(Number))

    const ledger = await openSqliteLedger(path, { durable: true })
    const [lefts, rights] = [await count(ledger, 'lefts'), await count(ledger, 'rights')]
    const present = new Set(lefts)
    expect(lefts).toEqual(rights)
    expect(acknowledged.filter((n) => !present.has(n))).toEqual([])
    expect(await ledger.check()).toEqual([])
    await ledger.close()
  }
  expect(acknowledged.length).toBeGreaterThan(0)
}, 20_000 + ROUNDS * 5000)

test('a copy made while others write is sound and holds every write whole', async () => {
  const folder = testFolder()
  const ledger = await openSqliteLedger(join(folder, 'ledger.sqlite'), { durable: false })
  await ledger.migrate('pairs', pairs)
  let writing = true
  let written = 0
  const writer = (async () => {
    while (writing) await writePair(ledger, written++)
  })()
  for (let copy = 0; copy < 5; copy++) {
    const before = written
    const path = join(folder, `copy${copy}`)
    await ledger.copyTo(path)
    const copied = readSqliteLedger(path)
    const lefts = await count(copied, 'lefts')
    expect(lefts).toEqual(await count(copied, 'rights'))
    expect(lefts.length).toBeGreaterThanOrEqual(before - 1)
    expect(await copied.check()).toEqual([])
    await copied.close()
  }
  writing = false
  await writer
  await ledger.close()
})

test('who only looks reads while another process writes, and cannot write', async () => {
  const path = join(testFolder(), 'ledger.sqlite')
  const ledger = await openSqliteLedger(path, { durable: true })
  await ledger.migrate('pairs', pairs)
  await writePair(ledger, 1)
  const looker = readSqliteLedger(path)
  expect(await count(looker, 'lefts')).toEqual([1])
  await writePair(ledger, 2)
  expect(await count(looker, 'lefts')).toEqual([1, 2])
  await expect(writePair(looker, 3)).rejects.toMatchObject({ reason: 'readOnly' })
  await looker.close()
  await ledger.close()
})

test('after a failed write to disk nothing more is acknowledged, and reading goes on', async () => {
  const memory = memoryLedger()
  await memory.migrate('pairs', pairs)
  await writePair(memory, 1)
  const failure = new Fault('UNAVAILABLE', 'ledgerSync', 'The disk refused.')
  let writes = 0
  const read = async ({ sql: text }: { sql: string }): Promise<Record<string, unknown>[]> => memory.read({ sql: text, parameters: [] } as never)
  const ledger = new StoredLedger('sqlite', {
    read,
    point: read,
    write: () => (writes++, Promise.reject(failure)),
    copyTo: memory.copyTo,
    check: memory.check,
    close: memory.close,
  })
  await expect(writePair(ledger, 2)).rejects.toBe(failure)
  await expect(writePair(ledger, 3)).rejects.toBe(failure)
  expect(writes).toBe(1)
  expect(ledger.failure).toBe(failure)
  expect(await count(ledger, 'lefts')).toEqual([1])
})

test('an ordinary refusal of one statement is no failure of the ledger', async () => {
  const ledger = memoryLedger()
  await ledger.migrate('pairs', pairs)
  await writePair(ledger, 1)
  await expect(writePair(ledger, 1)).rejects.toThrow('the ledger refused a statement')
  expect(ledger.failure).toBeUndefined()
  await writePair(ledger, 2)
})
