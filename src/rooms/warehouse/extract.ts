/** Extract jobs and EXPORT DATA: rows as CSV, JSON or Parquet objects, one file or several. */
import { Fault, unimplemented } from '#ground/fault.ts'
import type { Engine } from './engine/engine.ts'
import { damagedTable, invalid, noTable } from './faults.ts'
import { parseUri, type Files } from './files.ts'
import type { RunningJob } from './jobs.ts'
import { columnOf } from './schema.ts'
import type { WarehouseShelf } from './shelf.ts'
import { castText, datetimeText, timestampText } from './sql/generate/functions/casts.ts'
import { name } from './sql/literal.ts'
import { toNamed, typeOfField } from './sql/sqltype.ts'
import type { CompiledQuery, SqlType } from './sql/types.ts'
import { quote } from './sql/literal.ts'
import type { Field, Json, TablePath } from './types.ts'

/** A file of a wildcard extract holds about this much; BigQuery writes at most 1 GB into one. */
const FILE_BYTES_MAX = 256 * 1024 * 1024
const FILES_MAX = 10_000

interface ExportFormat {
  format: 'CSV' | 'NEWLINE_DELIMITED_JSON' | 'PARQUET'
  compression: 'NONE' | 'GZIP' | 'SNAPPY' | 'ZSTD'
  delimiter: string
  header: boolean
}

export class Extracts {
  private readonly engine: Engine
  private readonly shelf: WarehouseShelf
  private readonly files: Files

  constructor(parts: { engine: Engine; shelf: WarehouseShelf; files: Files }) {
    this.engine = parts.engine
    this.shelf = parts.shelf
    this.files = parts.files
  }

  check(configuration: Json): void {
    if (configuration['sourceModel'] !== undefined) throw unimplemented('jobs.insert (extract of a model)')
    sourceOf(configuration)
    urisOf(configuration).forEach(parseUri)
    formatOf(configuration)
  }

  async run(configuration: Json, running: RunningJob): Promise<void> {
    const table = await this.shelf.table(sourceOf(configuration))
    if (!table) throw noTable(sourceOf(configuration))
    if (table.physical === null) throw invalid(`${table.tableId} is a view; only tables can be extracted.`)
    if (table.damage !== null) throw damagedTable(table, table.damage)
    const uris = urisOf(configuration)
    const source = { relation: table.physical, columns: table.fields.map((field) => columnOf(field.name)), fields: table.fields, rows: table.rows, bytes: table.bytes }
    const counts: number[] = []
    for (const uri of uris) counts.push(await this.write(source, uri, formatOf(configuration), running))
    running.job = { ...running.job, statistics: { ...running.job.statistics, extract: { destinationUriFileCounts: counts.map(String), inputBytes: String(table.bytes) } } }
  }

  /** EXPORT DATA. */
  async query(sql: string, query: CompiledQuery, options: Json, running: RunningJob): Promise<number> {
    const uri = options['uri']
    if (typeof uri !== 'string') throw invalid('EXPORT DATA needs the option uri.')
    const format = formatOf({
      destinationFormat: options['format'] === 'JSON' ? 'NEWLINE_DELIMITED_JSON' : (options['format'] ?? 'CSV'), compression: options['compression'], fieldDelimiter: options['field_delimiter'],
      printHeader: options['header'] === undefined ? false : options['header'] === 'true',
    })
    const relation = `scratch.main.e${running.key.replaceAll(/\W/g, '')}_${this.files.newId()}`
    try {
      const { rows } = await this.engine.query({ sql, result: relation, types: query.types, names: query.schema.map((field) => field.name), page: undefined }, { signal: running.signal })
      await this.write({ relation, columns: query.types.map((_, index) => `o${index + 1}`), fields: query.schema, rows, bytes: 0 }, uri, format, running)
      return rows
    } finally {
      await this.engine.call('drop', { relations: [relation] })
    }
  }

  /** How many files it became. */
  private async write(source: { relation: string; columns: readonly string[]; fields: readonly Field[]; rows: number; bytes: number }, uri: string, format: ExportFormat, running: RunningJob): Promise<number> {
    const { bucket, name: pattern } = parseUri(uri)
    const wildcard = pattern.includes('*')
    const count = wildcard ? Math.min(FILES_MAX, Math.max(1, Math.ceil(source.bytes / FILE_BYTES_MAX))) : 1
    const rows = Math.ceil(source.rows / count)
    const select = source.fields.map((field, index) => `${cellOf(source.columns[index]!, field, format.format)} AS ${name(field.name)}`).join(', ')
    for (let part = 0; part < count; part++) {
      const id = this.files.newId()
      const slice = count === 1 ? '' : ` LIMIT ${rows} OFFSET ${part * rows}`
      try {
        await this.engine.call('export', { sql: `SELECT ${select} FROM ${source.relation}${slice}`, file: id, options: optionsOf(format) }, { signal: running.signal })
        const objectName = wildcard ? pattern.replace('*', String(part).padStart(12, '0')) : pattern
        await this.files.deliver(id, bucket, objectName, contentType(format))
      } finally {
        await this.files.discard([{ id }])
      }
    }
    return count
  }
}

function sourceOf(configuration: Json): TablePath {
  const { projectId, datasetId, tableId } = (configuration['sourceTable'] ?? {}) as Partial<TablePath>
  if (!projectId || !datasetId || !tableId) throw new Fault('INVALID_ARGUMENT', 'required', 'Required parameter is missing: sourceTable')
  return { projectId, datasetId, tableId }
}

function urisOf(configuration: Json): string[] {
  const uris = (configuration['destinationUris'] as string[] | undefined) ?? (configuration['destinationUri'] === undefined ? [] : [String(configuration['destinationUri'])])
  if (uris.length === 0) throw new Fault('INVALID_ARGUMENT', 'required', 'Required parameter is missing: destinationUris')
  return uris
}

function formatOf(configuration: Json): ExportFormat {
  const format = String(configuration['destinationFormat'] || 'CSV').toUpperCase()
  const compression = String(configuration['compression'] || 'NONE').toUpperCase()
  if (format === 'AVRO') throw unimplemented('jobs.insert (extract to AVRO)')
  if (format !== 'CSV' && format !== 'NEWLINE_DELIMITED_JSON' && format !== 'PARQUET') throw invalid(`Invalid value for destinationFormat: ${format.slice(0, 60)}`, 'destinationFormat')
  if (compression !== 'NONE' && compression !== 'GZIP' && compression !== 'SNAPPY' && compression !== 'ZSTD') throw invalid(`Invalid value for compression: ${compression.slice(0, 60)}`, 'compression')
  if ((compression === 'SNAPPY' || compression === 'ZSTD') && format !== 'PARQUET') throw invalid(`${compression} goes with PARQUET only.`, 'compression')
  const delimiter = (configuration['fieldDelimiter'] as string | undefined) || ','
  return { format, compression, delimiter: /^(?:\\t|tab)$/i.test(delimiter) ? '\t' : delimiter, header: configuration['printHeader'] !== false }
}

function optionsOf({ format, compression, delimiter, header }: ExportFormat): string {
  if (format === 'PARQUET') return `FORMAT parquet, COMPRESSION ${compression === 'NONE' ? 'uncompressed' : compression.toLowerCase()}`
  const packed = compression === 'GZIP' ? ', COMPRESSION gzip' : ''
  if (format === 'NEWLINE_DELIMITED_JSON') return `FORMAT json${packed}`
  return `FORMAT csv, HEADER ${header}, DELIMITER ${quote(delimiter)}${packed}`
}

const CONTENT_TYPES: Record<ExportFormat['format'], string> = { CSV: 'text/csv', NEWLINE_DELIMITED_JSON: 'application/json', PARQUET: 'application/octet-stream' }

const contentType = ({ format, compression }: ExportFormat): string => (compression === 'GZIP' && format !== 'PARQUET' ? 'application/gzip' : CONTENT_TYPES[format])

/** Each value in the text that BigQuery writes; Parquet keeps its types. */
function cellOf(column: string, field: Field, format: ExportFormat['format']): string {
  const type = typeOfField(field)
  if (format === 'PARQUET') return type.kind === 'BIGNUMERIC' || type.kind === 'INTERVAL' ? castText(column, type, { kind: 'STRING' }) : toNamed(column, type)
  if (format === 'CSV') {
    if (type.kind === 'ARRAY' || type.kind === 'STRUCT') throw invalid(`Operation cannot be performed on a nested schema. Field: ${field.name}`)
    return textOf(column, type)
  }
  return jsonOf(column, type)
}

function textOf(column: string, type: SqlType): string {
  switch (type.kind) {
    case 'TIMESTAMP':
      return `replace(${timestampText(column)}, '+00', ' UTC')`
    case 'DATETIME':
      return `replace(${datetimeText(column)}, ' ', 'T')`
    case 'BYTES':
      return `to_base64(${column})`
    case 'NUMERIC':
    case 'BIGNUMERIC':
    case 'INTERVAL':
    case 'RANGE':
      return castText(column, type, { kind: 'STRING' })
    default:
      return column
  }
}

function jsonOf(column: string, type: SqlType): string {
  if (type.kind === 'ARRAY') return `list_transform(${column}, lambda x_: ${jsonOf('x_', type.element)})`
  if (type.kind === 'STRUCT') {
    const fields = type.fields.map((field, index) => `${name(field.name || `_field_${index + 1}`)} := ${jsonOf(`(${column})._${index + 1}`, field.type)}`)
    return `CASE WHEN ${column} IS NULL THEN NULL ELSE struct_pack(${fields.join(', ')}) END`
  }
  // Whole numbers leave as text: JSON's numbers are doubles to most readers.
  if (type.kind === 'INT64') return `CAST(${column} AS VARCHAR)`
  if (type.kind === 'JSON') return `CAST(${column} AS JSON)`
  return textOf(column, type)
}
