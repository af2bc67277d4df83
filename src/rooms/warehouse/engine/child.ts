/** The engine's own process: answers the house's calls on DuckDB. It may die of a bad file or a bad query; the house does not. */
import { failpoint } from '#ground/failpoint.ts'
import { serve } from '#ground/child-side.ts'
import { systemClock } from '#ground/clock.ts'
import { Disk } from '#ground/disk.ts'
import { asFault, Fault } from '#ground/fault.ts'
import { faultOfEngine } from '../sql/engine/faults.ts'
import { JavaScriptFunctions } from '../sql/engine/javascript/javascript.ts'
import { appliedEntries, apply } from './apply.ts'
import { readArrow, schemaMessage } from './arrow.ts'
import { Database } from './database.ts'
import { escaped } from './text.ts'
import { InsertIds, insertRows } from './insert-rows.ts'
import type { EngineCalls } from './messages.ts'
import { badFile, mistakeOf } from './mistakes.ts'
import { readPage, readValues } from './rows.ts'
import { sniff } from './sniff.ts'

const [root = '', durable = '1', memory_bytes = '0', threads = '1'] = process.argv.slice(2)
const clock = systemClock()
const disk = new Disk(root, { durable: durable === '1' })
const ids = new InsertIds()
const javascript = new JavaScriptFunctions(clock)
const never = new AbortController().signal
/** After such an error the whole database is closed for good. */
const FATAL = /database has been invalidated|^(?:FATAL|INTERNAL) Error/i
/** Long enough for the answer to leave. */
const ANSWER_MS = 50
let database: Database

await serve<EngineCalls>(
  {
    applied: () => inWords(never, () => database.with(undefined, never, appliedEntries)),
    forget: ({ before_us }) =>
      inWords(never, () =>
        database.with(undefined, never, async (connection) => {
          // The last note of a table stays: the house compares with it at its next start.
          await connection.run(`DELETE FROM applied WHERE at_us < ${Math.trunc(before_us)} AND at_us < (SELECT max(b.at_us) FROM applied b WHERE b.physical = applied.physical)`)
          await ids.prune(connection, clock.now_ms())
        }),
      ),
    query: ({ sql, result, types, names, page, session }, { signal }) =>
      inWords(signal, () =>
        database.with(session, signal, async (connection) => {
          // A transaction writes to one database only: its results wait in a temporary table for its end.
          const relation = session === undefined ? result : database.resultOf(session, result)
          const rows = (await (await connection.run(`CREATE ${session === undefined ? '' : 'TEMP '}TABLE ${relation} AS ${sql}`)).getRows())[0]?.[0]
          const columns = types.map((_, index) => `o${index + 1}`)
          return { rows: Number(rows), page: page && (await readPage(connection, { ...page, relation, columns, types, names, skip: 0 })) }
        }),
      ),
    values: (request, { signal }) => inWords(signal, () => database.with(request.session, signal, (connection) => readValues(connection, request)), readsFiles([{ kind: 'values', sql: request.sql }])),
    page: (request, { signal }) => inWords(signal, () => database.with(undefined, signal, (connection) => readPage(connection, request))),
    count: ({ relation, where }, { signal }) =>
      inWords(signal, () =>
        database.with(undefined, signal, async (connection) => Number((await (await connection.run(`SELECT count(*) FROM ${relation}${where === undefined ? '' : ` WHERE ${where}`}`)).getRows())[0]![0])),
      ),
    apply: (request, { signal }) => inWords(signal, () => apply(database, clock, request, signal), readsFiles(request.steps)),
    insertRows: (request, { signal }) => inWords(signal, () => insertRows(database, ids, clock, request, signal)),
    sniff: (request, { signal }) => inWords(signal, () => database.with(undefined, signal, (connection) => sniff(disk, connection, request)), true),
    export: ({ sql, file, options }, { signal }) =>
      inWords(signal, () =>
        database.with(undefined, signal, async (connection) => {
          const path = disk.path('warehouse', 'staging', file)
          const rows = (await (await connection.run(`COPY (${sql}) TO '${escaped(path)}' (${options})`)).getRows())[0]?.[0]
          return { rows: Number(rows), bytes: (await disk.size('warehouse', 'staging', file)) ?? 0 }
        }),
      ),
    arrowSchema: async ({ fields }) => schemaMessage(fields),
    async *arrow(request, { signal }) {
      // A connection is held while its rows are read, and given back when the reader leaves.
      const { promise, resolve } = Promise.withResolvers<void>()
      const opened = Promise.withResolvers<AsyncGenerator<{ batch: Uint8Array; rows: number }>>()
      const held = database.with(undefined, signal, async (connection) => {
        opened.resolve(readArrow(connection, request))
        await promise
      })
      held.catch(opened.reject)
      try {
        yield* await opened.promise
      } catch (thrown) {
        throw faultOfEngine(thrown)
      } finally {
        resolve()
        await held
      }
    },
    drop: ({ relations }) =>
      inWords(never, async () => {
        await database.with(undefined, never, async (connection) => {
          for (const relation of relations) await connection.run(`DROP TABLE IF EXISTS ${relation}`)
        })
      }),
    tables: () =>
      inWords(never, () =>
        database.with(undefined, never, async (connection) => (await (await connection.run(`SELECT table_name FROM duckdb_tables() WHERE database_name = 'tables'`)).getRows()).map(([name]) => String(name))),
      ),
    begin: () => inWords(never, () => database.begin()),
    end: ({ session, how }) => inWords(never, () => database.end(session, how)),
    functions: ({ functions }) => inWords(never, () => database.with(undefined, never, (connection) => javascript.register(connection, functions))),
    memory: async () => ({ rss_bytes: process.memoryUsage().rss, limit_bytes: Number(memory_bytes) }),
  },
  {
    open: async () => {
      await failpoint('warehouse.engine.open')
      database = await Database.open(disk, clock, Number(memory_bytes), Number(threads))
      await database.with(undefined, never, (connection) => ids.load(connection))
    },
    close: async () => {
      await database.checkpoint()
      database.close()
    },
  },
)

/** DuckDB's errors in BigQuery's words; those about a file as the mistakes of a load. */
async function inWords<T>(signal: AbortSignal, work: () => Promise<T>, aboutFile = false): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (signal.aborted) throw asFault(signal.reason)
    if (thrown instanceof Fault) throw thrown
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    const mistake = aboutFile ? mistakeOf(message) : undefined
    if (mistake) throw badFile([mistake])
    if (FATAL.test(message)) clock.after(ANSWER_MS, () => process.exit(1)) // What is left of this DuckDB answers nothing more; the house starts another.
    const fault = faultOfEngine(thrown)
    if (fault.code === 'INTERNAL' || fault.code === 'UNIMPLEMENTED') console.error(message)
    throw fault
  }
}

const readsFiles = (steps: readonly { kind: string; sql?: string }[]): boolean => steps.some(({ kind, sql }) => kind === 'tolerant' || kind === 'avro' || /\bread_(?:csv|json|parquet|ndjson_objects)\(/.test(sql ?? ''))
