/** What a file holds, found out as BigQuery's autodetect does: from its first rows, never by trying the whole of it. */
import type { DuckDBConnection } from '@duckdb/node-api'
import { gunzipSync, constants } from 'node:zlib'
import type { Disk } from '#ground/disk.ts'
import { SNIFF_BYTES_MAX, SNIFF_ROWS_MAX } from '../limits.ts'
import type { Field, FieldType } from '../sql/types.ts'
import { avroFields } from './avro-rows.ts'
import { dateOf, datetimeOf } from './cells.ts'
import { parseCsv } from './csv.ts'
import { fieldsOfColumns } from './duck-fields.ts'
import { escaped } from './text.ts'
import type { CsvShape, SniffRequest, Sniffed } from './messages.ts'
import { badFile } from './mistakes.ts'

export async function sniff(disk: Disk, connection: DuckDBConnection, request: SniffRequest): Promise<Sniffed> {
  switch (request.format) {
    case 'AVRO':
      return { fields: await avroFields(disk, request.file), skip: 0 }
    case 'PARQUET': {
      const result = await connection.run(`SELECT * FROM read_parquet('${escaped(disk.path('warehouse', 'staging', request.file))}') LIMIT 0`)
      return { fields: fieldsOfColumns(result.columnNames(), result.columnTypes()), skip: 0 }
    }
    case 'CSV':
      return sniffCsv(await head(disk, request), request.csv!)
    case 'NEWLINE_DELIMITED_JSON':
      return { fields: sniffJson((await head(disk, request)).bytes.toString('utf8')), skip: 0 }
  }
}

async function head(disk: Disk, { file, gzip }: SniffRequest): Promise<{ bytes: Buffer; whole: boolean }> {
  const handle = await disk.open('warehouse', 'staging', file)
  try {
    const buffer = Buffer.allocUnsafe(SNIFF_BYTES_MAX)
    const { bytesRead } = await handle.read(buffer, 0, SNIFF_BYTES_MAX, 0)
    const bytes = buffer.subarray(0, bytesRead)
    const whole = bytesRead < SNIFF_BYTES_MAX
    if (!gzip) return { bytes, whole }
    try {
      const plain = gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: SNIFF_BYTES_MAX * 20 })
      return { bytes: plain, whole }
    } catch (thrown) {
      throw badFile([{ message: `Error while reading data, error message: The file is not a gzip file, or is damaged (${(thrown as Error).message}).` }])
    }
  } finally {
    await handle.close()
  }
}

// CSV

const DELIMITERS = [',', '\t', '|', ';']

function sniffCsv({ bytes, whole }: { bytes: Buffer; whole: boolean }, shape: CsvShape): Sniffed {
  const text = bytes.toString(/^(?:ISO[-_]?8859[-_]?1|LATIN[-_]?1)$/i.test(shape.encoding) ? 'latin1' : 'utf8').replace(/^\uFEFF/, '')
  const delimiter = shape.delimiter ?? bestDelimiter(text, shape)
  const lines = parseCsv(text, { delimiter, quote: shape.quote, rows_max: SNIFF_ROWS_MAX + (shape.skip ?? 0) + 1, whole })
  // Told to skip N lines, the last of them may be the header; told to skip none, there is no header.
  const skipped = shape.skip ?? 0
  const at = Math.max(0, skipped - 1)
  const first = lines[at]
  if (first === undefined) return { fields: [], skip: skipped, delimiter }
  const rest = lines.slice(at + 1)
  const width = Math.max(first.length, ...rest.map((line) => line.length))
  const types = Array.from({ length: width }, (_, column) => typeOfColumn(rest.map((line) => line[column] ?? ''), shape.nullMarker))
  const header = shape.skip !== 0 && looksLikeHeader(first, types, rest.length)
  if (header) return { fields: named(types, first), skip: Math.max(1, skipped), delimiter }
  const all = Array.from({ length: width }, (_, column) => typeOfColumn(lines.slice(skipped).map((line) => line[column] ?? ''), shape.nullMarker))
  return { fields: all.map((type, index) => ({ name: `${GENERATED[type ?? 'STRING']}_field_${index}`, type: type ?? 'STRING', mode: 'NULLABLE' })), skip: skipped, delimiter }
}

const GENERATED: Record<string, string> = { STRING: 'string', INTEGER: 'int64', FLOAT: 'double', BOOLEAN: 'bool', DATE: 'date', TIME: 'time', TIMESTAMP: 'timestamp', DATETIME: 'datetime' }

/** The first line is text all over, and at least one column below is not. */
function looksLikeHeader(first: readonly string[], types: readonly (FieldType | undefined)[], rows: number): boolean {
  if (rows === 0 || first.some((cell) => cell === '' || typeOfCell(cell) !== 'STRING')) return false
  return types.some((type) => type !== undefined && type !== 'STRING')
}

function bestDelimiter(text: string, shape: CsvShape): string {
  const sample = text.slice(0, 64 * 1024)
  const score = (delimiter: string) => {
    const widths = parseCsv(sample, { delimiter, quote: shape.quote, rows_max: 20, whole: false }).map((line) => line.length)
    if (widths.length === 0) return 0
    return widths.every((width) => width === widths[0]) ? widths[0]! * 2 : 1
  }
  return DELIMITERS.reduce((best, delimiter) => (score(delimiter) > score(best) ? delimiter : best), ',')
}

/** Undefined where no row has a value. */
function typeOfColumn(cells: readonly string[], nullMarker: string | undefined): FieldType | undefined {
  let type: FieldType | undefined
  for (const cell of cells) {
    if (cell === '' || cell === nullMarker) continue
    type = wider(type, typeOfCell(cell))
    if (type === 'STRING') return type
  }
  return type
}

function wider(a: FieldType | undefined, b: FieldType): FieldType {
  if (a === undefined || a === b) return b
  const both = new Set([a, b])
  if (both.has('INTEGER') && both.has('FLOAT')) return 'FLOAT'
  if (both.has('DATE') && both.has('TIMESTAMP')) return 'TIMESTAMP'
  return 'STRING'
}

export function typeOfCell(cell: string): FieldType {
  const text = cell.trim()
  if (/^[+-]?\d{1,18}$/.test(text)) return 'INTEGER'
  if (/^[+-]?\d{19}$/.test(text) && BigInt.asIntN(64, BigInt(text.replace('+', ''))) === BigInt(text.replace('+', ''))) return 'INTEGER'
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return 'FLOAT'
  if (/^(?:true|false)$/i.test(text)) return 'BOOLEAN'
  if (/^\d{4}-\d{1,2}-\d{1,2}$/.test(text)) return dateOf(text) === undefined ? 'STRING' : 'DATE'
  const instant = /^(\d{4}-\d{1,2}-\d{1,2}[ T]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d{1,9})?)(?: ?(?:Z|UTC|[+-]\d{1,2}(?::?\d{2})?))?$/i.exec(text)
  if (instant) return datetimeOf(instant[1]!) === undefined ? 'STRING' : 'TIMESTAMP'
  if (/^(?:[01]?\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?$/.test(text)) return 'TIME'
  return 'STRING'
}

function named(types: readonly (FieldType | undefined)[], header: readonly string[]): Field[] {
  const taken = new Set<string>()
  return types.map((type, index) => {
    const name = unique(validName(header[index] ?? ''), index, taken)
    return { name, type: type ?? 'STRING', mode: 'NULLABLE' }
  })
}

/** Letters, digits and underscores, not beginning with a digit. */
export function validName(given: string): string {
  const name = given.trim().replaceAll(/[^\p{L}\p{N}\p{M}_]/gu, '_').slice(0, 300)
  return /^\p{N}/u.test(name) ? `_${name}` : name
}

function unique(name: string, index: number, taken: Set<string>): string {
  let candidate = name === '' ? `string_field_${index}` : name
  for (let count = 1; taken.has(candidate.toLowerCase()); count++) candidate = `${name}_${count}`
  taken.add(candidate.toLowerCase())
  return candidate
}

// JSON

interface Shape {
  type: FieldType | undefined
  repeated: boolean
  fields: Map<string, Shape>
}

function sniffJson(text: string): Field[] {
  const root: Shape = { type: 'RECORD', repeated: false, fields: new Map() }
  const lines = text.split('\n')
  // The last line may be cut off where the sample ends.
  const complete = text.length >= SNIFF_BYTES_MAX ? lines.slice(0, -1) : lines
  let rows = 0
  for (const [index, line] of complete.entries()) {
    if (line.trim() === '') continue
    if (rows++ >= SNIFF_ROWS_MAX) break
    let row: unknown
    try {
      row = JSON.parse(line)
    } catch (thrown) {
      throw badFile([{ line: index + 1, message: `Error while reading data, error message: JSON parsing error in row starting at line ${index + 1}: ${(thrown as Error).message}` }])
    }
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      throw badFile([{ line: index + 1, message: `Error while reading data, error message: JSON parsing error in row starting at line ${index + 1}: Start of object expected.` }])
    }
    learnRecord(root, row as Record<string, unknown>, 0)
  }
  return fieldsOfShape(root)
}

function learnRecord(shape: Shape, row: Record<string, unknown>, depth: number): void {
  if (depth > 15) throw badFile([{ message: 'Error while reading data, error message: Nested records are limited to 15 levels.' }])
  for (const [key, value] of Object.entries(row)) {
    let inner = shape.fields.get(key)
    if (!inner) shape.fields.set(key, (inner = { type: undefined, repeated: false, fields: new Map() }))
    learn(inner, value, depth)
  }
}

function learn(shape: Shape, value: unknown, depth: number): void {
  if (value === null) return
  if (Array.isArray(value)) {
    shape.repeated = true
    for (const item of value) learn(shape, item, depth)
    return
  }
  if (typeof value === 'object') {
    shape.type = 'RECORD'
    learnRecord(shape, value as Record<string, unknown>, depth + 1)
    return
  }
  const type = typeof value === 'boolean' ? 'BOOLEAN' : typeof value === 'number' ? (Number.isInteger(value) ? 'INTEGER' : 'FLOAT') : typeOfText(String(value))
  shape.type = wider(shape.type, type)
}

/** Quoted numbers stay text; dates and times have no other way into JSON. */
function typeOfText(text: string): FieldType {
  const type = typeOfCell(text)
  return type === 'DATE' || type === 'TIMESTAMP' || type === 'TIME' ? type : 'STRING'
}

function fieldsOfShape(shape: Shape): Field[] {
  const taken = new Set<string>()
  return [...shape.fields].map(([key, inner], index) => {
    const name = unique(validName(key), index, taken)
    const field: Field = { name, type: inner.type ?? 'STRING', mode: inner.repeated ? 'REPEATED' : 'NULLABLE' }
    return inner.type === 'RECORD' ? { ...field, fields: fieldsOfShape(inner) } : field
  })
}
