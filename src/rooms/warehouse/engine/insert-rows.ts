/** Streamed rows (insertAll): read, checked, kept apart from those already seen by their insertId, and stored in one transaction. */
import { DuckDBDataChunk, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api'
import type { Clock } from '#ground/clock.ts'
import { failpoint } from '#ground/failpoint.ts'
import { Fault } from '#ground/fault.ts'
import { APPEND_CHUNK_ROWS, INSERT_ID_AGE_MS, INSERT_ID_CHARS_MAX, INSERT_ROWS_MAX } from '../limits.ts'
import { columnsOf } from '../schema.ts'
import { typeOfField } from '../sql/sqltype.ts'
import type { Field } from '../sql/types.ts'
import { note } from './apply.ts'
import { BadCell, rowReader } from './cells.ts'
import type { Database } from './database.ts'
import { duckDbType } from './duck-types.ts'
import type { InsertRowsAnswer, InsertRowsRequest, RowError } from './messages.ts'

interface StreamedRow {
  insertId: string | undefined
  json: unknown
}

/** Insert ids of the last minutes, also kept in the engine's file, so that a retry after a crash does not double its rows. */
export class InsertIds {
  readonly #seen = new Map<string, Map<string, number>>()

  async load(connection: DuckDBConnection): Promise<void> {
    for (const [physical, id, at_ms] of await (await connection.run('SELECT physical, insert_id, at_ms FROM insert_ids')).getRows()) this.#of(String(physical)).set(String(id), Number(at_ms))
  }

  has(physical: string, id: string, now_ms: number): boolean {
    const at_ms = this.#of(physical).get(id)
    return at_ms !== undefined && now_ms - at_ms <= INSERT_ID_AGE_MS
  }

  remember(physical: string, ids: readonly string[], now_ms: number): void {
    const known = this.#of(physical)
    for (const id of ids) known.set(id, now_ms)
  }

  async prune(connection: DuckDBConnection, now_ms: number): Promise<void> {
    await connection.run(`DELETE FROM insert_ids WHERE at_ms < ${now_ms - INSERT_ID_AGE_MS}`)
    for (const [physical, known] of this.#seen) {
      for (const [id, at_ms] of known) if (now_ms - at_ms > INSERT_ID_AGE_MS) known.delete(id)
      if (known.size === 0) this.#seen.delete(physical)
    }
  }

  #of(physical: string): Map<string, number> {
    let known = this.#seen.get(physical)
    if (!known) this.#seen.set(physical, (known = new Map()))
    return known
  }
}

export async function insertRows(database: Database, ids: InsertIds, clock: Clock, request: InsertRowsRequest, signal: AbortSignal): Promise<InsertRowsAnswer> {
  const { physical, fields } = request
  const { rows, skipInvalidRows, ignoreUnknownValues } = parse(request.body)
  const types = fields.map(typeOfField)
  const columns = columnsOf(fields)
  const answer = await database.with(undefined, signal, async (connection) => {
    const reader = rowReader(fields, await defaultValues(connection, request.defaults))
    const errors: RowError[] = []
    const good: { values: DuckDBValue[]; insertId: string | undefined }[] = []
    for (const [index, { insertId, json }] of rows.entries()) {
      try {
        good.push({ values: reader.read(json, ignoreUnknownValues), insertId })
      } catch (thrown) {
        if (!(thrown instanceof BadCell)) throw thrown
        errors.push({ index, errors: [{ reason: 'invalid', location: thrown.location, message: thrown.message }] })
      }
    }
    // One bad row holds all of them back, unless the caller said to leave it out.
    if (errors.length > 0 && !skipInvalidRows) return { errors: withStopped(errors, rows.length), inserted: 0 }
    const now_ms = clock.now_ms()
    const fresh = withoutRepeats(good, (id) => ids.has(physical, id, now_ms))
    if (fresh.length === 0) return { errors, inserted: 0 }

    const newIds = fresh.flatMap(({ insertId }) => (insertId === undefined ? [] : [insertId]))
    await connection.run('BEGIN TRANSACTION')
    try {
      await append(connection, physical, fields, fresh.map(({ values }) => values))
      await appendIds(connection, physical, newIds, now_ms)
      const { generation, detail } = request
      const figures = await note(connection, clock, request.job, { physical, generation, detail, types, columns }, JSON.stringify({ changed: fresh.length, mistakes: [] }))
      await failpoint('warehouse.engine.commit')
      await connection.run('COMMIT')
      await failpoint('warehouse.engine.committed')
      ids.remember(physical, newIds, now_ms)
      return { errors, inserted: fresh.length, rows: figures.rows, bytes: figures.bytes }
    } catch (thrown) {
      await connection.run('ROLLBACK').catch(() => undefined)
      throw thrown
    }
  })
  if (answer.inserted > 0) await database.checkpoint()
  return { rows: 0, bytes: 0, ...answer }
}

function parse(body: Uint8Array): { rows: StreamedRow[]; skipInvalidRows: boolean; ignoreUnknownValues: boolean } {
  let request: Record<string, unknown>
  try {
    request = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    throw new Fault('INVALID_ARGUMENT', 'parseError', `The request body is not valid JSON: ${(cause as Error).message}`, { cause })
  }
  if (typeof request !== 'object' || request === null || Array.isArray(request)) throw new Fault('INVALID_ARGUMENT', 'parseError', 'The request body has to be a JSON object.')
  const given = request['rows']
  if (!Array.isArray(given) || given.length === 0) throw new Fault('INVALID_ARGUMENT', 'invalid', 'No rows present in the request.')
  if (given.length > INSERT_ROWS_MAX) throw new Fault('INVALID_ARGUMENT', 'invalid', `Too many rows present in the request, limit: ${INSERT_ROWS_MAX} row count: ${given.length}.`)
  const flag = (name: string): boolean => {
    const value = request[name]
    if (value === undefined || value === null) return false
    if (typeof value === 'boolean') return value
    if (value === 'true' || value === 'false') return value === 'true'
    throw new Fault('INVALID_ARGUMENT', 'invalid', `Invalid value for ${name}: a boolean is wanted.`)
  }
  return { rows: given.map(streamedRow), skipInvalidRows: flag('skipInvalidRows'), ignoreUnknownValues: flag('ignoreUnknownValues') }
}

function streamedRow(given: unknown, index: number): StreamedRow {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Fault('INVALID_ARGUMENT', 'invalid', `Invalid value at rows[${index}]: an object is wanted.`)
  const { insertId, json } = given as { insertId?: unknown; json?: unknown }
  if (insertId !== undefined && insertId !== null && (typeof insertId !== 'string' || insertId.length > INSERT_ID_CHARS_MAX)) {
    throw new Fault('INVALID_ARGUMENT', 'invalid', `Invalid insertId at rows[${index}]: a string of at most ${INSERT_ID_CHARS_MAX} characters is wanted.`)
  }
  return { insertId: typeof insertId === 'string' && insertId !== '' ? insertId : undefined, json: json ?? {} }
}

function withStopped(errors: RowError[], count: number): RowError[] {
  const bad = new Map(errors.map((error) => [error.index, error]))
  return Array.from({ length: count }, (_, index) => bad.get(index) ?? { index, errors: [{ reason: 'stopped', location: '', message: '' }] })
}

function withoutRepeats<R extends { insertId: string | undefined }>(rows: R[], seen: (id: string) => boolean): R[] {
  const here = new Set<string>()
  return rows.filter(({ insertId }) => {
    if (insertId === undefined) return true
    if (here.has(insertId) || seen(insertId)) return false
    here.add(insertId)
    return true
  })
}

async function defaultValues(connection: DuckDBConnection, defaults: Readonly<Record<string, string>>): Promise<Record<string, DuckDBValue>> {
  const values: Record<string, DuckDBValue> = {}
  for (const [name, sql] of Object.entries(defaults)) values[name] = (await (await connection.run(`SELECT (${sql})`)).getRows())[0]![0]!
  return values
}

/** Rows of values into a table, in chunks; inside the caller's transaction. */
export async function append(connection: DuckDBConnection, physical: string, fields: readonly Field[], rows: readonly DuckDBValue[][]): Promise<void> {
  const types = fields.map((field) => duckDbType(typeOfField(field)))
  const appender = await connection.createAppender(physical, 'main', 'tables')
  try {
    for (let start = 0; start < rows.length; start += APPEND_CHUNK_ROWS) {
      const part = rows.slice(start, start + APPEND_CHUNK_ROWS)
      const chunk = DuckDBDataChunk.create(types, part.length)
      chunk.setRows(part)
      appender.appendDataChunk(chunk)
    }
  } finally {
    appender.closeSync()
  }
}

async function appendIds(connection: DuckDBConnection, physical: string, ids: readonly string[], now_ms: number): Promise<void> {
  if (ids.length === 0) return
  const appender = await connection.createAppender('insert_ids', 'main', 'tables')
  try {
    for (const id of ids) {
      appender.appendVarchar(physical)
      appender.appendVarchar(id)
      appender.appendBigInt(BigInt(now_ms))
      appender.endRow()
    }
  } finally {
    appender.closeSync()
  }
}
