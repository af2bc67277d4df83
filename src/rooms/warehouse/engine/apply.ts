/**
 * One change of tables as one transaction: its statements, and a note of job, table, generation and rows beside them. It is
 * answered after the commit and the checkpoint, so what is told to the ledger can no longer be lost by a torn log.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import type { Clock } from '#ground/clock.ts'
import { failpoint } from '#ground/failpoint.ts'
import { SIZE_SAMPLE_ROWS } from '../limits.ts'
import type { SqlType } from '../sql/types.ts'
import { appendAvro } from './avro-rows.ts'
import type { Database } from './database.ts'
import { escaped } from './text.ts'
import type { AppliedEntry, ApplyAnswer, ApplyRequest, LoadMistake, Step, Touched } from './messages.ts'
import { tooManyMistakes } from './mistakes.ts'

export async function apply(database: Database, clock: Clock, request: ApplyRequest, signal: AbortSignal): Promise<ApplyAnswer> {
  const answer = await database.with(request.session, signal, async (connection) => {
    const inside = request.session !== undefined
    if (!inside) await connection.run('BEGIN TRANSACTION')
    try {
      const done = await runSteps(database, connection, request.steps)
      const tables = []
      for (const touched of request.touched) tables.push(await note(connection, clock, request.job, touched, JSON.stringify(done)))
      signal.throwIfAborted()
      await failpoint('warehouse.engine.commit')
      if (!inside) await connection.run('COMMIT')
      await failpoint('warehouse.engine.committed')
      return { ...done, tables }
    } catch (thrown) {
      if (!inside) await connection.run('ROLLBACK').catch(() => undefined)
      throw thrown
    }
  })
  if (request.session === undefined) await database.checkpoint()
  return answer
}

async function runSteps(database: Database, connection: DuckDBConnection, steps: readonly Step[]): Promise<Omit<ApplyAnswer, 'tables'>> {
  let changed = 0
  let merge: ApplyAnswer['merge']
  const mistakes: LoadMistake[] = []
  for (const step of steps) {
    switch (step.kind) {
      case 'run':
        await connection.run(step.sql)
        break
      case 'count':
        changed += (await connection.run(step.sql)).rowsChanged
        break
      case 'mergeActions': {
        const actions = (await (await connection.run(step.sql)).getRows()).map(([action]) => String(action))
        const count = (what: string) => actions.filter((action) => action === what).length
        merge = { inserted: count('INSERT'), updated: count('UPDATE'), deleted: count('DELETE') }
        changed += actions.length
        break
      }
      case 'tolerant':
        changed += (await connection.run(step.sql)).rowsChanged
        mistakes.push(...(await rejected(connection)))
        if (mistakes.length > step.bad_max) throw tooManyMistakes(mistakes, step.bad_max)
        break
      case 'avro':
        changed += await appendAvro(database.disk, connection, step)
    }
  }
  return { changed, mistakes, ...(merge && { merge }) }
}

async function rejected(connection: DuckDBConnection): Promise<LoadMistake[]> {
  const rows = await (await connection.run(`SELECT line, column_name, error_message FROM reject_errors LIMIT 1001`)).getRowObjects()
  await connection.run('DROP TABLE IF EXISTS reject_errors')
  await connection.run('DROP TABLE IF EXISTS reject_scans')
  return rows.map((row) => ({ line: Number(row['line']), column: String(row['column_name'] ?? ''), message: String(row['error_message']) }))
}

/** `outcome` is what the statement answers, kept for the case that the answer does not arrive. */
export async function note(connection: DuckDBConnection, clock: Clock, job: string, touched: Touched, outcome: string) {
  const { physical, generation, detail } = touched
  const figures = await measure(connection, touched)
  await connection.run(
    `INSERT INTO applied VALUES ('${escaped(job)}', '${escaped(physical)}', ${generation}, ${figures.rows}, ${figures.bytes}, $1, $2, ${clock.unique_us()})`,
    [detail, outcome],
  )
  return { physical, ...figures }
}

/** Rows exactly; bytes by BigQuery's rules per type, text lengths taken from the first rows of a large table. */
export async function measure(connection: DuckDBConnection, { physical, types, columns }: Pick<Touched, 'physical' | 'types' | 'columns'>) {
  const rows = Number((await (await connection.run(`SELECT count(*) FROM ${physical}`)).getRows())[0]![0])
  if (rows === 0 || columns.length === 0) return { rows, bytes: 0 }
  // A list, not a sum of thousands: DuckDB bounds how deep an expression may be.
  const width = `list_sum([${types.map((type, index) => widthOf(type, columns[index]!)).join(', ')}])`
  const sampled = await connection.run(`SELECT coalesce(avg(${width}), 0) FROM (SELECT * FROM ${physical} LIMIT ${SIZE_SAMPLE_ROWS})`)
  return { rows, bytes: Math.round(rows * Number((await sampled.getRows())[0]![0])) }
}

const WIDTHS: Partial<Record<SqlType['kind'], number>> = { BOOL: 1, INT64: 8, FLOAT64: 8, NUMERIC: 16, BIGNUMERIC: 32, DATE: 8, TIME: 8, DATETIME: 8, TIMESTAMP: 8, INTERVAL: 16, RANGE: 16, UUID: 16 }

function widthOf(type: SqlType, column: string): string {
  const fixed = WIDTHS[type.kind]
  if (fixed !== undefined) return `CASE WHEN ${column} IS NULL THEN 0 ELSE ${fixed} END`
  if (type.kind === 'BYTES') return `coalesce(octet_length(${column}) + 2, 0)`
  if (type.kind === 'STRING' || type.kind === 'JSON' || type.kind === 'GEOGRAPHY') return `coalesce(strlen(${column}) + 2, 0)`
  return `coalesce(strlen(CAST(${column} AS VARCHAR)), 0)`
}

/** The latest note of each table and job, oldest first, and whether the table is there. */
export async function appliedEntries(connection: DuckDBConnection): Promise<AppliedEntry[]> {
  const rows = await (
    await connection.run(`
    SELECT a.job, a.physical, a.generation, a.rows, a.bytes, a.detail, a.outcome, a.at_us, t.table_name IS NOT NULL AS present
    FROM applied a LEFT JOIN duckdb_tables() t ON t.table_name = a.physical AND t.database_name = 'tables' ORDER BY a.at_us`)
  ).getRowObjects()
  return rows.map((row) => ({
    job: String(row['job']),
    physical: String(row['physical']),
    generation: Number(row['generation']),
    rows: Number(row['rows']),
    bytes: Number(row['bytes']),
    detail: String(row['detail']),
    outcome: String(row['outcome']),
    at_us: Number(row['at_us']),
    present: row['present'] === true,
  }))
}
