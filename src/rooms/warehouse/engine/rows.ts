/** Rows out of the engine: pages as BigQuery's JSON, and values for scripts. Bounded by rows and by bytes. */
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api'
import { Fault } from '#ground/fault.ts'
import { encodeChunk, valuesOfChunk } from '../sql/encode.ts'
import type { SqlType, Value } from '../sql/types.ts'
import type { Page, PageOptions, PageRequest, ValuesRequest } from './messages.ts'

export async function readPage(connection: DuckDBConnection, request: PageRequest): Promise<Page> {
  const { relation, columns, types, names, where, skip, after, rows_max } = request
  const conditions = [...(where === undefined ? [] : [`(${where})`]), ...(after === undefined ? [] : [`rowid > ${Math.trunc(after)}`])]
  const filter = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  // One row more than asked for tells whether there is a next page.
  const sql = `SELECT rowid${columns.map((column) => `, ${column}`).join('')} FROM ${relation}${filter} LIMIT ${rows_max + 1}${skip > 0 ? ` OFFSET ${Math.trunc(skip)}` : ''}`
  const result = await connection.stream(sql)
  const text: string[] = []
  let rows = 0
  let bytes = 0
  let last: number | undefined
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const ids = chunk.getColumnVector(0)
    const encoded = encodeRows(chunk, types, request, names)
    for (const [index, row] of encoded.entries()) {
      if (rows >= rows_max || (rows > 0 && bytes + row.length > request.bytes_max)) {
        return { json: Buffer.from(text.join(',')), rows, ...(last !== undefined && { next: last }) }
      }
      text.push(row)
      rows += 1
      bytes += row.length + 1
      last = Number(ids.getItem(index))
    }
  }
  return { json: Buffer.from(text.join(',')), rows }
}

/** The rows behind their row id, each as text. */
function encodeRows(chunk: DuckDBDataChunk, types: readonly SqlType[], { timestamps }: PageOptions, names: readonly string[]): string[] {
  const shifted = { rowCount: chunk.rowCount, getColumnVector: (index: number) => chunk.getColumnVector(index + 1) } as DuckDBDataChunk
  return encodeChunk(shifted, types, { timestamps }, names).map((row) => JSON.stringify(row))
}

export async function readValues(connection: DuckDBConnection, { sql, types, rows_max }: ValuesRequest): Promise<Value[][]> {
  const result = await connection.stream(sql)
  const values: Value[][] = []
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    values.push(...valuesOfChunk(chunk, types))
    if (values.length > rows_max) throw new Fault('RESOURCE_EXHAUSTED', 'resourcesExceeded', `The query returned more than ${rows_max} rows.`, { httpStatus: 400 })
  }
  return values
}
