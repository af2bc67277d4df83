/**
 * The start: what the engine has done and what the ledger knows are brought together. The engine ahead: the ledger rolls forward to
 * what the engine noted. The ledger ahead: rows that were acknowledged are gone; said loudly, never passed over.
 */
import type { Log } from '#ground/telemetry.ts'
import type { Statement } from '#ground/ledger.ts'
import type { Engine } from './engine/engine.ts'
import type { AppliedEntry } from './engine/messages.ts'
import { interrupted, tableName } from './faults.ts'
import { columnDefinitions } from './schema.ts'
import type { JobShelf } from './shelf.jobs.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { Job, Table } from './types.ts'
import { changedFact, ingestionColumn, type Detail, type Writer } from './writer.ts'

export interface Recovered {
  rolledForward: string[]
  damaged: string[]
  dropped: number
  interrupted: number
}

export async function recover(parts: { engine: Engine; shelf: WarehouseShelf; jobShelf: JobShelf; writer: Writer; log: Log; now_ms: number }): Promise<Recovered> {
  const { engine, shelf, jobShelf, writer, log, now_ms } = parts
  const entries = await engine.call('applied', null)
  const last = new Map(entries.map((entry) => [entry.physical, entry]))
  const recovered: Recovered = { rolledForward: [], damaged: [], dropped: 0, interrupted: 0 }

  const tables = await shelf.everyTable()
  const byPhysical = new Map(tables.flatMap((table) => (table.physical === null ? [] : [[table.physical, table] as const])))
  const byName = new Map(tables.map((table) => [tableName(table), table]))
  const kept = await shelf.keptPhysicals()

  for (const entry of last.values()) {
    if (!entry.present || entry.physical === '') continue
    const detail = JSON.parse(entry.detail) as Detail
    const known = byPhysical.get(entry.physical)
    if (known && entry.generation <= known.generation) continue
    if (!known && (kept.has(entry.physical) || !sameState(byName.get(tableName(detail.table)), detail.previous))) continue
    if (!known && !(await shelf.dataset(detail.table))) continue
    const before = known ?? byName.get(tableName(detail.table))
    const after: Table = { ...detail.table, rows: entry.rows, bytes: entry.bytes, generation: entry.generation, version: (before?.version ?? 0) + 1 }
    const changed = { before, after, answer: { changed: 0, tables: [], mistakes: [] }, operation: detail.operation, job: entry.job }
    await shelf.write(writer.statements(changed), [changedFact(changed)])
    byPhysical.set(entry.physical, after)
    byName.set(tableName(after), after)
    recovered.rolledForward.push(tableName(after))
  }

  for (const table of byPhysical.values()) {
    const entry = last.get(table.physical!)
    if (entry?.present && entry.generation >= table.generation) continue
    const why = await repaired(engine, table)
    if (why === undefined) continue
    recovered.damaged.push(tableName(table))
    log.error({ table: tableName(table), rows: table.rows }, `the engine has lost what the ledger knows of this table: ${why}`)
    await shelf.write([shelf.changeTable(table, { ...table, version: table.version + 1, damage: why })], [])
  }

  const orphans = (await engine.call('tables', null)).filter((name) => /^t[0-9a-z]{20,}$/.test(name) && !byPhysical.has(name) && !kept.has(name))
  if (orphans.length > 0) await engine.call('drop', { relations: orphans })
  recovered.dropped = orphans.length

  for (const job of await jobShelf.unfinished()) {
    const mine = entries.filter((entry) => entry.job === `${job.projectId}:${job.jobId}`)
    await jobShelf.finish(mine.length > 0 && isOneStatement(job) ? finishedAfterAll(job, mine, now_ms) : interruptedJob(job, now_ms), [] as Statement[])
    recovered.interrupted += mine.length > 0 ? 0 : 1
  }
  return recovered
}

function sameState(table: Table | undefined, previous: Detail['previous']): boolean {
  return table === undefined ? previous === null : previous !== null && table.physical === previous.physical && table.generation === previous.generation
}

/** An empty table is made again from what the ledger knows; rows cannot be. */
async function repaired(engine: Engine, table: Table): Promise<string | undefined> {
  if (table.damage !== null) return undefined
  if (table.rows > 0) return `the ledger knows ${table.rows} rows of generation ${table.generation}, which the engine's file does not hold`
  const ingestion = ingestionColumn(table.config)
  await engine.call('drop', { relations: [table.physical!] })
  const columns = [columnDefinitions(table.fields), ...(ingestion === undefined ? [] : [ingestion])].join(', ')
  const detail: Detail = { table, previous: null, operation: 'repair' }
  await engine.apply(
    { job: 'repair', steps: [{ kind: 'run', sql: `CREATE TABLE ${table.physical} (${columns})` }], touched: [{ physical: table.physical!, generation: table.generation, detail: JSON.stringify(detail), types: [], columns: [] }] },
    {},
  )
  return undefined
}

const isOneStatement = (job: Job): boolean => job.kind !== 'QUERY' || (job.statistics['query'] as { statementType?: string } | undefined)?.statementType !== 'SCRIPT'

/** The engine had committed; only the answer was lost. */
function finishedAfterAll(job: Job, entries: readonly AppliedEntry[], now_ms: number): Job {
  const { changed } = JSON.parse(entries.at(-1)!.outcome) as { changed: number }
  const statistics = { ...job.statistics }
  if (job.kind === 'LOAD') statistics['load'] = { ...(statistics['load'] as object), outputRows: String(changed) }
  if (job.kind === 'COPY') statistics['copy'] = { copiedRows: String(changed) }
  if (job.kind === 'QUERY') statistics['query'] = { ...(statistics['query'] as object), numDmlAffectedRows: String(changed) }
  return { ...job, state: 'DONE', ended_ms: now_ms, statistics }
}

function interruptedJob(job: Job, now_ms: number): Job {
  const fault = interrupted(`${job.kind.toLowerCase()} job`)
  const error = { reason: fault.reason, message: `${fault.message} ${fault.hint}` }
  return { ...job, state: 'DONE', ended_ms: now_ms, error, errors: [error] }
}
