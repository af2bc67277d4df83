/**
 * DuckDB's chunks as Arrow record batches. The two lay out numbers, times, decimals and validity alike, so most columns are copied
 * whole; texts and lists are re-packed, booleans become bits. Messages are written by flechette.
 */
import { DuckDBListVector, DuckDBStructVector, DuckDBTimeValue, type DuckDBBigNumVector, type DuckDBBlobVector, type DuckDBConnection, type DuckDBVector, type DuckDBVarCharVector } from '@duckdb/node-api'
import * as arrow from '@uwdata/flechette'
import { intervalText } from '../sql/engine/functions/times.ts'
import type { SqlType } from '../sql/types.ts'
import { ARROW_BATCH_ROWS } from '../limits.ts'
import type { ArrowBatch, ArrowField, ArrowRequest } from './messages.ts'

/** BigQuery's Arrow type of each of its types. */
function arrowType(type: SqlType): arrow.DataType {
  switch (type.kind) {
    case 'INT64':
      return arrow.int64()
    case 'FLOAT64':
      return arrow.float64()
    case 'BOOL':
      return arrow.bool()
    case 'NUMERIC':
      return arrow.decimal128(38, 9)
    case 'BIGNUMERIC':
      return arrow.decimal256(76, 38)
    case 'BYTES':
      return arrow.binary()
    case 'DATE':
      return arrow.dateDay()
    case 'TIME':
      return arrow.timeMicrosecond()
    case 'DATETIME':
      return arrow.timestamp(arrow.TimeUnit.MICROSECOND)
    case 'TIMESTAMP':
      return arrow.timestamp(arrow.TimeUnit.MICROSECOND, 'UTC')
    case 'ARRAY':
      return arrow.list(arrow.field('item', arrowType(type.element), true))
    case 'STRUCT':
      return arrow.struct(type.fields.map((field) => arrow.field(field.name, arrowType(field.type), true)))
    case 'RANGE':
      return arrow.struct([arrow.field('start', arrowType(type.element), true), arrow.field('end', arrowType(type.element), true)])
    default:
      return arrow.utf8()
  }
}

interface Piece {
  length: number
  nullCount: number
  type: arrow.DataType
  validity?: Uint8Array
  values?: unknown
  offsets?: unknown
  children?: unknown[]
}

export function schemaMessage(fields: readonly ArrowField[]): Uint8Array {
  return split(streamOf(fields, fields.map(({ type }) => pieceOf([], type)))).schema
}

export async function* readArrow(connection: DuckDBConnection, request: ArrowRequest): AsyncGenerator<ArrowBatch> {
  const { relation, columns, fields, where, from, to, skip, rows_max } = request
  const filter = [`rowid >= ${Math.trunc(from)}`, `rowid < ${Math.trunc(to)}`, ...(where === undefined ? [] : [`(${where})`])].join(' AND ')
  const limits = `${Number.isFinite(rows_max) ? ` LIMIT ${rows_max}` : ''}${skip > 0 ? ` OFFSET ${Math.trunc(skip)}` : ''}`
  const result = await connection.stream(`SELECT ${columns.join(', ')} FROM ${relation} WHERE ${filter}${limits}`)
  let vectors: DuckDBVector[][] = fields.map(() => [])
  let rows = 0
  const flush = (): ArrowBatch => {
    const batch = split(streamOf(fields, fields.map(({ type }, index) => pieceOf(vectors[index]!, type)))).batch!
    const done = { batch, rows }
    vectors = fields.map(() => [])
    rows = 0
    return done
  }
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    for (const [index, column] of vectors.entries()) column.push(chunk.getColumnVector(index))
    rows += chunk.rowCount
    if (rows >= ARROW_BATCH_ROWS) yield flush()
  }
  if (rows > 0) yield flush()
}

function streamOf(fields: readonly ArrowField[], pieces: Piece[]): Uint8Array {
  const columns = pieces.map((piece) => new arrow.Column([batchOf(piece)]))
  const schema = { version: arrow.Version.V5, endianness: 0, fields: fields.map(({ name, nullable }, index) => arrow.field(name, pieces[index]!.type, nullable)), metadata: null, dictionaryTypes: new Map() }
  return arrow.tableToIPC(new (arrow.Table as any)(schema, columns), { format: 'stream' })!
}

function batchOf(piece: Piece): any {
  const Batch = arrow.batchType(piece.type) as any
  return new Batch({ ...piece, children: piece.children?.map((child) => batchOf(child as Piece)) })
}

/** An IPC stream is a schema message, batch messages, and an end mark; the API wants each bare. */
function split(stream: Uint8Array): { schema: Uint8Array; batch: Uint8Array | undefined } {
  const messages: Uint8Array[] = []
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
  for (let at = 0; at + 8 <= stream.length; ) {
    const metadata_bytes = view.getInt32(at + 4, true)
    if (metadata_bytes === 0) break
    const body_bytes = bodyLength(stream.subarray(at + 8, at + 8 + metadata_bytes))
    messages.push(stream.slice(at, at + 8 + metadata_bytes + body_bytes))
    at += 8 + metadata_bytes + body_bytes
  }
  return { schema: messages[0]!, batch: messages[1] }
}

/** `bodyLength`, the fourth field of a flatbuffer Message. */
function bodyLength(message: Uint8Array): number {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const table = view.getInt32(0, true)
  const vtable = table - view.getInt32(table, true)
  const slot = view.getUint16(vtable + 4 + 3 * 2, true)
  return view.getUint16(vtable, true) > 4 + 3 * 2 && slot > 0 ? Number(view.getBigInt64(table + slot, true)) : 0
}

// Columns

function pieceOf(vectors: readonly DuckDBVector[], type: SqlType): Piece {
  const length = vectors.reduce((sum, vector) => sum + vector.itemCount, 0)
  const common = { length, type: arrowType(type), ...validityOf(vectors, length) }
  switch (type.kind) {
    case 'INT64':
    case 'TIME':
    case 'DATETIME':
    case 'TIMESTAMP':
      return { ...common, values: joined(vectors, BigInt64Array, length, type.kind) }
    case 'FLOAT64':
      return { ...common, values: joined(vectors, Float64Array, length, type.kind) }
    case 'DATE':
      return { ...common, values: joined(vectors, Int32Array, length, type.kind) }
    case 'BOOL':
      return { ...common, values: bits(vectors, length) }
    case 'NUMERIC':
      return { ...common, values: decimals(vectors, length) }
    case 'BIGNUMERIC':
      return { ...common, values: bigDecimals(vectors as DuckDBBigNumVector[], length) }
    case 'BYTES':
      return { ...common, ...texts(length, vectors, (vector, row) => (vector as DuckDBBlobVector).getItem(row)?.bytes) }
    case 'INTERVAL':
      return { ...common, ...strings(length, vectors, (vector, row) => intervalOrNull(vector.getItem(row))) }
    case 'ARRAY':
      return { ...common, ...list(vectors as DuckDBListVector[], type.element, length) }
    case 'STRUCT':
      return { ...common, children: type.fields.map((field, index) => pieceOf(vectors.map((vector) => (vector as DuckDBStructVector).entryVectorAt(index)), field.type)) }
    case 'RANGE':
      return { ...common, children: [0, 1].map((index) => pieceOf(vectors.map((vector) => (vector as DuckDBStructVector).entryVectorAt(index)), type.element)) }
    default:
      return { ...common, ...strings(length, vectors, (vector, row) => textOrNull((vector as DuckDBVarCharVector).getItem(row))) }
  }
}

const intervalOrNull = (value: any): string | null => (value === null ? null : intervalText(value))
/** UUIDs are values of their own in the engine, and texts to a reader. */
const textOrNull = (value: unknown): string | null => (value === null || typeof value === 'string' ? value : String(value))

function isValid(vector: DuckDBVector, row: number): boolean {
  return (vector as unknown as { validity: { itemValid(row: number): boolean } }).validity.itemValid(row)
}

/** An absent bitmap is an empty one. */
const ALL_VALID = new Uint8Array(0)

function validityOf(vectors: readonly DuckDBVector[], length: number): { validity: Uint8Array; nullCount: number } {
  const anyNull = vectors.some((vector) => (vector as unknown as { validity: { data: unknown } }).validity.data !== null)
  if (!anyNull) return { nullCount: 0, validity: ALL_VALID }
  const bitmap = new Uint8Array(Math.ceil(length / 64) * 8)
  let at = 0
  let nullCount = 0
  for (const vector of vectors) {
    for (let row = 0; row < vector.itemCount; row++, at++) {
      if (isValid(vector, row)) bitmap[at >> 3]! |= 1 << (at & 7)
      else nullCount += 1
    }
  }
  return { validity: nullCount === 0 ? ALL_VALID : bitmap, nullCount }
}

/** The vectors' own arrays one after the other. A sliced or odd vector is read value by value. */
function joined(vectors: readonly DuckDBVector[], Items: typeof BigInt64Array | typeof Float64Array | typeof Int32Array, length: number, kind: string): BigInt64Array | Float64Array | Int32Array {
  const all = new (Items as typeof Float64Array)(length) as unknown as BigInt64Array
  let at = 0
  for (const vector of vectors) {
    const items = (vector as unknown as { items?: BigInt64Array }).items
    if (items && items.length === vector.itemCount) all.set(items, at)
    else for (let row = 0; row < vector.itemCount; row++) all[at + row] = plain(vector.getItem(row), kind)
    at += vector.itemCount
  }
  return all
}

function plain(value: any, kind: string): any {
  if (value === null) return kind === 'FLOAT64' || kind === 'DATE' ? 0 : 0n
  if (value instanceof DuckDBTimeValue) return value.micros
  return value.micros ?? value.days ?? value
}

function bits(vectors: readonly DuckDBVector[], length: number): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(length / 64) * 8)
  let at = 0
  for (const vector of vectors) for (let row = 0; row < vector.itemCount; row++, at++) if (vector.getItem(row) === true) bitmap[at >> 3]! |= 1 << (at & 7)
  return bitmap
}

/** Sixteen bytes each, little endian, in both. */
function decimals(vectors: readonly DuckDBVector[], length: number): BigUint64Array {
  const all = new BigUint64Array(length * 2)
  let at = 0
  for (const vector of vectors) {
    const view = (vector as unknown as { dataView: DataView }).dataView
    for (let row = 0; row < vector.itemCount; row++, at++) {
      all[at * 2] = view.getBigUint64(row * 16, true)
      all[at * 2 + 1] = view.getBigUint64(row * 16 + 8, true)
    }
  }
  return all
}

function bigDecimals(vectors: readonly DuckDBBigNumVector[], length: number): BigUint64Array {
  const all = new BigUint64Array(length * 4)
  let at = 0
  for (const vector of vectors) {
    for (let row = 0; row < vector.itemCount; row++, at++) {
      let rest = BigInt.asUintN(256, vector.getItem(row) ?? 0n)
      for (let word = 0; word < 4; word++, rest >>= 64n) all[at * 4 + word] = BigInt.asUintN(64, rest)
    }
  }
  return all
}

/** Texts go straight into one growing buffer: a buffer of its own for each would cost most of the time. */
function strings(length: number, vectors: readonly DuckDBVector[], read: (vector: DuckDBVector, row: number) => string | null): { offsets: Int32Array; values: Uint8Array } {
  const offsets = new Int32Array(length + 1)
  let bytes = Buffer.allocUnsafeSlow(Math.max(1024, length * 16))
  let at = 0
  let end = 0
  for (const vector of vectors) {
    for (let row = 0; row < vector.itemCount; row++) {
      const text = read(vector, row)
      if (text !== null) {
        // A character takes three bytes at most for each unit of its length.
        if (end + text.length * 3 > bytes.length) {
          const larger = Buffer.allocUnsafeSlow(Math.max(bytes.length * 2, end + text.length * 3))
          bytes.copy(larger, 0, 0, end)
          bytes = larger
        }
        end += bytes.write(text, end, 'utf8')
      }
      offsets[++at] = end
    }
  }
  return { offsets, values: new Uint8Array(bytes.buffer, 0, end) }
}

function texts(length: number, vectors: readonly DuckDBVector[], read: (vector: DuckDBVector, row: number) => Uint8Array | undefined): { offsets: Int32Array; values: Uint8Array } {
  const offsets = new Int32Array(length + 1)
  const parts: Uint8Array[] = []
  let at = 0
  let bytes = 0
  for (const vector of vectors) {
    for (let row = 0; row < vector.itemCount; row++) {
      const part = read(vector, row)
      if (part) {
        parts.push(part)
        bytes += part.length
      }
      offsets[++at] = bytes
    }
  }
  const joinedParts = Buffer.concat(parts, bytes)
  return { offsets, values: new Uint8Array(joinedParts.buffer, joinedParts.byteOffset, joinedParts.byteLength) }
}

function list(vectors: readonly DuckDBListVector[], element: SqlType, length: number): { offsets: Int32Array; children: Piece[] } {
  const offsets = new Int32Array(length + 1)
  const slices: DuckDBVector[] = []
  let at = 0
  let items = 0
  for (const vector of vectors) {
    for (let row = 0; row < vector.itemCount; row++) {
      const size = isValid(vector, row) ? vector.getEntryLength(row) : 0
      if (size > 0) slices.push(vector.childVector.slice(vector.getEntryOffset(row), size))
      items += size
      offsets[++at] = items
    }
  }
  return { offsets, children: [pieceOf(slices, element)] }
}
