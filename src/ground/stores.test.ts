/** One contract for every store that a ledger can stand on: ledger, facts and jobs behave the same on each. */
import { sql } from 'kysely'
import { afterAll, describe, expect, test } from 'vitest'
import { testGround } from '../../tests/support/ground.ts'
import { LEDGER_KINDS } from '../../tests/support/ledgers.ts'
import { systemClock } from './clock.ts'
import { Fault } from './fault.ts'
import type { Ledger, Migration } from './ledger.ts'

interface Tables {
  things: { name: string; count: number; time_ms: number; note: string | null }
}

const things: Migration[] = [
  {
    number: 1,
    name: 'things',
    up: (db) => [
      db.schema
        .createTable('things')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('count', 'integer', (column) => column.notNull())
        .addColumn('time_ms', 'bigint', (column) => column.notNull()),
    ],
  },
  { number: 2, name: 'notes', up: (db) => [db.schema.alterTable('things').addColumn('note', 'text')] },
]

for (const kind of LEDGER_KINDS) {
  if (kind.missing !== undefined) console.warn(`${kind.name} is not tested: ${kind.missing}`)
  describe.skipIf(kind.missing !== undefined)(kind.name, () => {
    afterAll(() => kind.stop())

    async function open<T>(use: (ledger: Ledger) => Promise<T>): Promise<T> {
      const ledger = await kind.open()
      try {
        return await use(ledger)
      } finally {
        await ledger.close()
      }
    }
    const insert = (ledger: Ledger, name: string, count = 0) => ledger.builder<Tables>().insertInto('things').values({ name, count, time_ms: 1_800_000_000_000, note: null })
    const names = async (ledger: Ledger) => (await ledger.read(ledger.builder<Tables>().selectFrom('things').select('name').orderBy('name'))).map(({ name }) => name)

    test('what was written is read back, numbers beyond 32 bits, text of every kind and null included', () =>
      open(async (ledger) => {
        await ledger.migrate('things', things)
        const name = 'käse/\u{1f98e}%\' "; drop table things'
        await ledger.write(insert(ledger, name, 7))
        const row = await ledger.first(ledger.builder<Tables>().selectFrom('things').selectAll().where('name', '=', name))
        expect(row).toEqual({ name, count: 7, time_ms: 1_800_000_000_000, note: null })
      }))

    test('a write is done whole or not at all', () =>
      open(async (ledger) => {
        await ledger.migrate('things', things)
        await ledger.write(insert(ledger, 'a'))
        await expect(ledger.write(insert(ledger, 'b'), insert(ledger, 'a'))).rejects.toThrow()
        expect(await names(ledger)).toEqual(['a'])
      }))

    test('a wrong row count undoes the write and throws the fault that it names, or a conflict', () =>
      open(async (ledger) => {
        await ledger.migrate('things', things)
        const db = ledger.builder<Tables>()
        const fault = new Fault('NOT_FOUND', 'notFound', 'There is no such thing.')
        const touch = db.updateTable('things').set({ count: 1 }).where('name', '=', 'none')
        await expect(ledger.write(insert(ledger, 'a'), { query: touch, rows: 1, otherwise: fault })).rejects.toBe(fault)
        await expect(ledger.write(insert(ledger, 'a'), { query: touch, rows: 1 })).rejects.toMatchObject({ code: 'ABORTED', name: 'WriteConflict' })
        expect(await names(ledger)).toEqual([])
      }))

    test('row counts see what RETURNING gives and what plain statements change', () =>
      open(async (ledger) => {
        await ledger.migrate('things', things)
        const db = ledger.builder<Tables>()
        const [inserted, touched] = await ledger.write(
          { query: insert(ledger, 'a').returning('name'), rows: 1 },
          { query: db.updateTable('things').set((set) => ({ count: set('count', '+', 5) })).returning('count'), rows: 1 },
        )
        expect(inserted?.rows).toEqual([{ name: 'a' }])
        expect(touched?.rows).toEqual([{ count: 5 }])
        expect((await ledger.write(db.deleteFrom('things')))[0]).toMatchObject({ rows: [], changed: 1 })
      }))

    test('writes that arrive together stand alone: one that fails leaves the others', () =>
      open(async (ledger) => {
        await ledger.migrate('things', things)
        const outcomes = await Promise.allSettled(['a', 'b', 'a', 'c'].map((name) => ledger.write(insert(ledger, name))))
        expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
        expect(await names(ledger)).toEqual(['a', 'b', 'c'])
      }))

    test('of many who want the same last one, one gets it', () =>
      open(async (ledger) => {
        await ledger.migrate('things', things)
        await ledger.write(insert(ledger, 'seat', 1))
        const take = { query: ledger.builder<Tables>().updateTable('things').set({ count: 0 }).where('name', '=', 'seat').where('count', '=', 1), rows: 1 }
        const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => ledger.write(take)))
        expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1)
      }))

    test('migrations run once, go on from where they were, and refuse data of a newer house', () =>
      open(async (ledger) => {
        await ledger.migrate('things', things.slice(0, 1))
        await ledger.write(sql`insert into things (name, count, time_ms) values ('old', 1, 1)`.compile(ledger.builder()))
        await ledger.migrate('things', things)
        await ledger.migrate('things', things)
        expect(await ledger.read(ledger.builder<Tables>().selectFrom('things').selectAll())).toEqual([{ name: 'old', count: 1, time_ms: 1, note: null }])
        await expect(ledger.migrate('things', things.slice(0, 1))).rejects.toMatchObject({ reason: 'newerData' })
      }))

    test('a migration that fails leaves the tables as they were', () =>
      open(async (ledger) => {
        const broken: Migration = { number: 2, name: 'broken', up: (db) => [db.schema.alterTable('things').addColumn('note', 'text'), db.schema.alterTable('nowhere').addColumn('x', 'text')] }
        await ledger.migrate('things', things.slice(0, 1))
        await expect(ledger.migrate('things', [things[0]!, broken])).rejects.toThrow()
        await ledger.migrate('things', things)
        await ledger.write(insert(ledger, 'a'))
      }))

    test('listeners hear of a topic after the commit, and of nothing that was undone', () =>
      open(async (ledger) => {
        await ledger.migrate('things', things)
        let heard = 0
        const unlisten = ledger.onWritten('things', () => heard++)
        await ledger.write({ query: insert(ledger, 'a'), topic: 'things' }, { query: insert(ledger, 'b'), topic: 'things' })
        expect(heard).toBe(1)
        await expect(ledger.write({ query: insert(ledger, 'a'), topic: 'things' })).rejects.toThrow()
        unlisten()
        await ledger.write({ query: insert(ledger, 'c'), topic: 'things' })
        expect(heard).toBe(1)
      }))

    test('an integrity check of a sound ledger finds nothing', () => open(async (ledger) => expect(await ledger.check()).toEqual([])))

    test('a fact is there if and only if its change is, and reaches each consumer once in order', () =>
      open(async (ledger) => {
        const { facts } = await testGround(systemClock(), ledger)
        await ledger.migrate('things', things)
        const seen: string[] = []
        const consumer = facts.consume('reader', ['thing.made'], async ({ subject, data }) => void seen.push(`${subject}:${JSON.stringify(data)}`))
        const make = (name: string) => ledger.write(insert(ledger, name), facts.append({ type: 'thing.made', subject: name, data: { size: 1 } }))
        await make('a')
        await expect(make('a')).rejects.toThrow()
        await ledger.write(facts.append({ type: 'thing.lost', subject: 'x', data: null }))
        await make('b')
        await consumer.caughtUp()
        await facts.stop()
        expect(seen).toEqual(['a:{"size":1}', 'b:{"size":1}'])
      }))

    test('each job runs, once where it succeeds, however many are enqueued at once', () =>
      open(async (ledger) => {
        const { jobs } = await testGround(systemClock(), ledger)
        const done: unknown[] = []
        const enqueued = Array.from({ length: 50 }, (_, index) => jobs.enqueue({ queue: 'q', payload: index }))
        const all = new Promise<void>((resolve) =>
          jobs.work('q', { concurrency: 8 }, async ({ payload }) => {
            done.push(payload)
            if (done.length === enqueued.length) resolve()
          }),
        )
        await Promise.all(enqueued.map((job) => ledger.write(job)))
        await all
        await jobs.stop()
        expect(done.toSorted((a, b) => Number(a) - Number(b))).toEqual(enqueued.map((_, index) => index))
        for (const { id } of enqueued) expect((await jobs.get(id))?.state).toBe('done')
      }))

    test('of two unfinished jobs with one key only the first is enqueued; after its end another may be', () =>
      open(async (ledger) => {
        const { jobs } = await testGround(systemClock(), ledger)
        const [first, second] = [jobs.enqueue({ queue: 'q', payload: 1, key: 'k' }), jobs.enqueue({ queue: 'q', payload: 2, key: 'k' })]
        await ledger.write(first)
        await ledger.write(second)
        expect(await jobs.get(second.id)).toBeUndefined()
        expect(await jobs.cancel(first.id)).toBe(true)
        const third = jobs.enqueue({ queue: 'q', payload: 3, key: 'k' })
        await ledger.write(third)
        expect((await jobs.get(third.id))?.state).toBe('waiting')
      }))
  })
}
