/** Load jobs: files, their shape, and the one transaction that makes them rows. A file that cannot be read leaves the table as it was. */
import { Fault } from '#ground/fault.ts'
import type { Catalog } from './catalog.ts'
import { partitionFilter, splitDecorator } from './catalog.ts'
import { readConfig } from './datasets.ts'
import { readDisposition, targetOf, type Disposition, type Target } from './dispositions.ts'
import type { Engine } from './engine/engine.ts'
import type { LoadMistake, Sniffed, Step } from './engine/messages.ts'
import { partitioningOf } from './execution.ts'
import { invalid, noDataset } from './faults.ts'
import type { Files, SourceFile } from './files.ts'
import type { RunningJob } from './jobs.ts'
import { jsonKeysSelect, selectOf, type LoadFormat } from './load-select.ts'
import { columnOf, columnsOf, readSchema } from './schema.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { Field, Json, Table, TablePath } from './types.ts'
import { PARTITION_TIME, type Writer } from './writer.ts'

export interface LoadParts {
  engine: Engine
  shelf: WarehouseShelf
  writer: Writer
  files: Files
  catalog: Catalog
}

export class Loads {
  private readonly parts: LoadParts

  constructor(parts: LoadParts) {
    this.parts = parts
  }

  /** What can be said to be wrong before the job begins. */
  check(configuration: Json, upload: boolean): void {
    const path = destinationOf(configuration)
    if (!upload && !Array.isArray(configuration['sourceUris'])) throw new Fault('INVALID_ARGUMENT', 'required', 'Required parameter is missing: sourceUris')
    formatName(configuration)
    readDisposition(configuration, 'WRITE_APPEND')
    readSchema(configuration['schema'])
    splitDecorator(path.tableId)
  }

  /** Rows loaded. `upload` is the client's own file. */
  async run(configuration: Json, running: RunningJob, upload: SourceFile | undefined): Promise<number> {
    const files = upload ? [upload] : await this.parts.files.fetch(configuration['sourceUris'] as string[])
    try {
      return await this.load(configuration, running, files)
    } catch (thrown) {
      throw withUris(thrown, files)
    } finally {
      await this.parts.files.discard(files)
    }
  }

  private async load(configuration: Json, running: RunningJob, files: readonly SourceFile[]): Promise<number> {
    const { engine, shelf, writer } = this.parts
    const [tableId, decorator] = splitDecorator(destinationOf(configuration).tableId)
    const path = { ...destinationOf(configuration), tableId }
    if (!(await shelf.dataset(path))) throw noDataset(path)
    const disposition = readDisposition(configuration, 'WRITE_APPEND')
    const bytes = files.reduce((sum, { size }) => sum + size, 0)
    const existing = await shelf.table(path)
    const format = formatOf(configuration, files)
    const shape = await this.shape(configuration, files, format, existing, disposition, running.signal)
    const work = { signal: running.signal, bytes: Math.min(bytes, 1 << 30) }
    if (format.format === 'NEWLINE_DELIMITED_JSON' && !format.ignoreUnknown && bytes > 0) await this.refuseUnknown(files, shape.incoming, format, running.signal)
    const statistics = (rows: number, outputBytes: number, bad: number): Json => ({ load: { inputFiles: String(files.length), inputFileBytes: String(bytes), outputRows: String(rows), outputBytes: String(outputBytes), badRecords: String(bad) } })

    let mistakes: LoadMistake[] = []
    const changed = await writer.change({
      job: running.key, path, operation: 'load', work,
      plan: (before) => {
        const partition = decorator === undefined ? undefined : partitionStep(before, decorator, disposition)
        const target = targetOf(path, before, shape.incoming, partition ? { ...disposition, write: 'WRITE_APPEND' } : disposition)
        return {
          how: partition?.delete ? 'rewrite' : target.how, fields: target.fields,
          config: { ...partitioningOf(configuration), ...propertiesOf(configuration), ...before?.config },
          steps: (physical) => [...(partition?.delete ? [{ kind: 'run' as const, sql: partition.delete.replaceAll('$table', physical) }] : []), ...this.steps(physical, files, shape, format, target, partition?.time)],
        }
      },
      also: ({ answer, after, before }) => {
        mistakes = answer.mistakes
        const rows = after.physical === before?.physical ? answer.changed : after.rows
        running.job = { ...running.job, statistics: { ...running.job.statistics, ...statistics(rows, after.bytes, mistakes.length) }, errors: mistakes.slice(0, 10).map(({ message }) => ({ reason: 'invalid', message })) }
        return running.job.kind === 'LOAD' ? running.finishing() : []
      },
    })
    return changed!.answer.changed
  }

  private steps(physical: string, files: readonly SourceFile[], shape: Shape, format: LoadFormat, target: Target, partitionTime: string | undefined): Step[] {
    const schemaSteps = target.steps.map((sql): Step => ({ kind: 'run', sql: sql.replaceAll('$table', physical) }))
    // An empty file has no rows, and none of the readers likes it.
    const full = files.filter(({ size }) => size > 0)
    if (full.length === 0) return schemaSteps
    if (format.format === 'AVRO') {
      return [...schemaSteps, ...full.map((file): Step => ({ kind: 'avro', file: file.id, name: file.uri ?? 'upload', table: physical, fields: target.fields, ignoreUnknown: format.ignoreUnknown }))]
    }
    const incoming = shape.incoming.map((field) => target.fields.find((each) => each.name.toLowerCase() === field.name.toLowerCase())!)
    const select = selectOf(full.map(({ id }) => this.parts.files.path(id)), incoming, shape.source, { ...format, skip: shape.skip, delimiter: shape.delimiter ?? format.delimiter })
    const columns = columnsOf(incoming)
    const sql =
      partitionTime === undefined
        ? `INSERT INTO ${physical} (${columns.join(', ')}) ${select}`
        : `INSERT INTO ${physical} (${[...columns, `"${PARTITION_TIME}"`].join(', ')}) SELECT *, TIMESTAMPTZ '${partitionTime}+00' FROM (${select})`
    return [...schemaSteps, format.bad_max > 0 && format.format === 'CSV' ? { kind: 'tolerant', sql, bad_max: format.bad_max } : { kind: 'count', sql }]
  }

  /** Which fields the files bring: told, found out, or the table's own. */
  private async shape(configuration: Json, files: readonly SourceFile[], format: LoadFormat, existing: Table | undefined, disposition: Disposition, signal: AbortSignal): Promise<Shape> {
    const told = readSchema(configuration['schema'])
    const first = files.find(({ size }) => size > 0)
    const selfDescribing = format.format === 'PARQUET' || format.format === 'AVRO'
    const keeps = existing !== undefined && existing.fields.length > 0 && disposition.write !== 'WRITE_TRUNCATE'
    const find = first && (selfDescribing || (configuration['autodetect'] === true && told.length === 0))
    if (!find) {
      const incoming = told.length > 0 ? told : (existing?.fields ?? [])
      if (incoming.length === 0 && first) throw invalid('No schema specified on job or table.')
      return { incoming, source: incoming, skip: format.skip }
    }
    const sniffed = await this.sniff(first, format, configuration, signal)
    if (selfDescribing && told.length > 0) return { incoming: told, source: sniffed.fields, skip: 0 }
    // What the table already says about a column stands above what its first rows look like.
    const incoming = keeps ? sniffed.fields.map((field) => existing.fields.find((each) => each.name.toLowerCase() === field.name.toLowerCase()) ?? field) : sniffed.fields
    return { incoming: incoming.map((field) => (keeps || format.format === 'AVRO' ? field : { ...field, mode: field.mode ?? 'NULLABLE' })), source: sniffed.fields, skip: sniffed.skip, ...(sniffed.delimiter !== undefined && { delimiter: sniffed.delimiter }) }
  }

  private sniff(file: SourceFile, format: LoadFormat, configuration: Json, signal: AbortSignal): Promise<Sniffed> {
    const skip = configuration['skipLeadingRows']
    return this.parts.engine.call(
      'sniff',
      {
        file: file.id, format: format.format, gzip: format.gzip,
        csv: {
          quote: format.quote, encoding: format.encoding, allowQuotedNewlines: true, ...(configuration['fieldDelimiter'] !== undefined && { delimiter: format.delimiter }), ...(skip !== undefined && { skip: format.skip }),
          ...(format.nullMarker !== undefined && { nullMarker: format.nullMarker }),
        },
      },
      { signal },
    )
  }

  private async refuseUnknown(files: readonly SourceFile[], fields: readonly Field[], format: LoadFormat, signal: AbortSignal): Promise<void> {
    const paths = files.filter(({ size }) => size > 0).map(({ id }) => this.parts.files.path(id))
    const keys = await this.parts.engine.call('values', { sql: jsonKeysSelect(paths, format), types: [{ kind: 'STRING' }], rows_max: 100_000 }, { signal })
    const known = new Set(fields.map((field) => field.name.toLowerCase()))
    const unknown = keys.find(([key]) => !known.has(String(key).toLowerCase()))
    if (unknown) throw new Fault('INVALID_ARGUMENT', 'invalid', `Error while reading data, error message: JSON table encountered too many errors, giving up. No such field: ${String(unknown[0])}.`, { details: { mistakes: [{ message: `Error while reading data, error message: JSON parsing error: No such field: ${String(unknown[0])}.` }] } })
  }
}

interface Shape {
  incoming: Field[]
  source: Field[]
  skip: number
  delimiter?: string
}

export function destinationOf(configuration: Json): TablePath {
  const { projectId, datasetId, tableId } = (configuration['destinationTable'] ?? {}) as Partial<TablePath>
  if (!projectId || !datasetId || !tableId) throw new Fault('INVALID_ARGUMENT', 'required', 'Required parameter is missing: destinationTable')
  return { projectId, datasetId, tableId }
}

function formatName(configuration: Json): LoadFormat['format'] {
  const format = String(configuration['sourceFormat'] || 'CSV').toUpperCase()
  if (format === 'CSV' || format === 'NEWLINE_DELIMITED_JSON' || format === 'PARQUET' || format === 'AVRO') return format
  if (format === 'JSON') return 'NEWLINE_DELIMITED_JSON'
  if (format === 'ORC' || format === 'DATASTORE_BACKUP') throw new Fault('INVALID_ARGUMENT', 'invalid', `The source format ${format} is not supported.`, { hint: 'CSV, NEWLINE_DELIMITED_JSON, PARQUET and AVRO are.' })
  throw invalid(`Invalid value for sourceFormat: ${format.slice(0, 60)}`, 'sourceFormat')
}

const ENCODINGS: Record<string, string> = { 'UTF-8': 'utf-8', UTF8: 'utf-8', 'ISO-8859-1': 'latin-1', 'UTF-16BE': 'utf-16', 'UTF-16LE': 'utf-16', 'UTF-16': 'utf-16' }

function formatOf(configuration: Json, files: readonly SourceFile[]): LoadFormat {
  const encoding = String(configuration['encoding'] || 'UTF-8').toUpperCase()
  if (!Object.hasOwn(ENCODINGS, encoding)) throw invalid(`The encoding ${encoding.slice(0, 40)} is not supported; UTF-8, ISO-8859-1 and UTF-16 are.`, 'encoding')
  const quote = (configuration['quote'] as string | undefined) ?? '"'
  if (quote.length > 1) throw invalid('Invalid value for quote: a single character is wanted.', 'quote')
  const skip = Number(configuration['skipLeadingRows'] ?? 0)
  if (skip < 0) throw invalid('Invalid value for skipLeadingRows: it cannot be negative.', 'skipLeadingRows')
  const format = formatName(configuration)
  const zipped = files.map(({ gzip }) => gzip)
  if (zipped.some(Boolean) && !zipped.every(Boolean)) throw invalid('The source files have to be all gzipped or all plain.', 'sourceUris')
  return {
    format, gzip: zipped[0] === true, skip, delimiter: delimiterOf(configuration['fieldDelimiter'] as string | undefined), quote, encoding: ENCODINGS[encoding]!,
    nullMarker: configuration['nullMarker'] as string | undefined, jagged: configuration['allowJaggedRows'] === true, ignoreUnknown: configuration['ignoreUnknownValues'] === true, bad_max: Number(configuration['maxBadRecords'] ?? 0),
  }
}

function delimiterOf(given: string | undefined): string {
  if (given === undefined || given === '') return ','
  if (given === '\\t' || given.toLowerCase() === 'tab') return '\t'
  if ([...given].length > 1) throw invalid('Invalid value for fieldDelimiter: a single character is wanted.', 'fieldDelimiter')
  return given
}

function propertiesOf(configuration: Json): Json {
  return readConfig({}, (configuration['destinationTableProperties'] ?? {}) as Json)
}

/** `table$20240131`: rows of one partition, in place of those that it had or beside them. */
function partitionStep(before: Table | undefined, decorator: string, { write }: Disposition): { delete?: string; time?: string } {
  const { text, unit } = partitionFilter(decorator)
  const field = before?.config.timePartitioning?.field
  if (before && !before.config.timePartitioning) throw invalid(`Table ${before.tableId} is not partitioned by time.`)
  const column = field === undefined ? `"${PARTITION_TIME}"` : columnOf(field)
  return {
    ...(before && write !== 'WRITE_APPEND' && { delete: `DELETE FROM $table WHERE date_trunc('${unit}', ${column}) = CAST('${text}' AS TIMESTAMP)` }),
    ...(field === undefined && { time: text }),
  }
}

/** The engine knows files by our names for them; clients by theirs. */
function withUris(thrown: unknown, files: readonly SourceFile[]): unknown {
  if (!(thrown instanceof Fault) || !Array.isArray(thrown.details['mistakes'])) return thrown
  const uriOf = new Map(files.map(({ id, uri }) => [id, uri]))
  const mistakes = (thrown.details['mistakes'] as LoadMistake[]).map(({ file, ...mistake }) => {
    const uri = file === undefined ? (files.length === 1 ? files[0]!.uri : undefined) : (uriOf.get(file) ?? (file.startsWith('gs://') ? file : undefined))
    return { ...mistake, ...(uri !== undefined && { file: uri, message: `${mistake.message.replace(/\.$/, '')}; File: ${uri}` }) }
  })
  return new Fault(thrown.code, thrown.reason, mistakes[0]?.message ?? thrown.message, { details: { ...thrown.details, mistakes }, httpStatus: thrown.httpStatus })
}
