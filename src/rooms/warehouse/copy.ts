/** Copy jobs: one table from one or several; snapshots and clones are copies too. */
import { Fault } from '#ground/fault.ts'
import type { Catalog } from './catalog.ts'
import { readDisposition, targetOf } from './dispositions.ts'
import type { Step } from './engine/messages.ts'
import { invalid, noTable } from './faults.ts'
import type { RunningJob } from './jobs.ts'
import { destinationOf } from './load.ts'
import { columnOf, columnsOf } from './schema.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { CatalogTable, Field } from './sql/types.ts'
import type { Json, TableConfig, TableKind, TablePath } from './types.ts'
import type { Writer } from './writer.ts'

interface Source {
  relation: string
  fields: Field[]
  config: TableConfig
  bytes: number
}

const KINDS: Record<string, TableKind> = { COPY: 'TABLE', SNAPSHOT: 'SNAPSHOT', CLONE: 'TABLE', RESTORE: 'TABLE' }

export class Copies {
  private readonly shelf: WarehouseShelf
  private readonly writer: Writer
  private readonly catalog: Catalog

  constructor(parts: { shelf: WarehouseShelf; writer: Writer; catalog: Catalog }) {
    this.shelf = parts.shelf
    this.writer = parts.writer
    this.catalog = parts.catalog
  }

  check(configuration: Json): void {
    destinationOf(configuration)
    sourcesOf(configuration)
    readDisposition(configuration, 'WRITE_EMPTY')
    if (!Object.hasOwn(KINDS, String(configuration['operationType'] || 'COPY'))) throw invalid(`Invalid value for operationType: ${String(configuration['operationType']).slice(0, 60)}`, 'operationType')
  }

  async run(configuration: Json, running: RunningJob): Promise<void> {
    const path = destinationOf(configuration)
    const sources: Source[] = []
    for (const source of sourcesOf(configuration)) sources.push(await this.source(source, running))
    const first = sources[0]!
    const disposition = readDisposition(configuration, 'WRITE_EMPTY')
    const expires = configuration['destinationExpirationTime'] as string | undefined
    await this.writer.change({
      job: running.key, path, operation: 'copy', work: { signal: running.signal, bytes: sources.reduce((sum, { bytes }) => sum + bytes, 0) },
      plan: (before) => {
        const target = targetOf(path, before, first.fields, disposition)
        return {
          how: target.how, kind: KINDS[String(configuration['operationType'] || 'COPY')]!, fields: target.fields, config: target.how === 'append' ? before!.config : first.config,
          ...(expires !== undefined && { expires_ms: Date.parse(expires) }),
          steps: (physical): Step[] => sources.map(({ relation, fields }) => ({ kind: 'count', sql: `INSERT INTO ${physical} (${columnsOf(fields).join(', ')}) SELECT ${fields.map((field) => columnOf(field.name)).join(', ')} FROM ${relation}` })),
        }
      },
      also: ({ answer, after }) => {
        running.job = { ...running.job, statistics: { ...running.job.statistics, copy: { copiedRows: String(answer.changed), copiedLogicalBytes: String(after.bytes) } } }
        return running.finishing()
      },
    })
  }

  private async source(path: TablePath, running: RunningJob): Promise<Source> {
    const [tableId, at_ms] = splitTime(path.tableId)
    const ref = { ...path, tableId }
    const viewer = { projectId: path.projectId, user: running.job.user }
    const found = await this.catalog.for(viewer).relation({ written: [ref.projectId, ref.datasetId, ref.tableId], projectId: ref.projectId, datasetId: ref.datasetId, id: ref.tableId }, at_ms === undefined ? undefined : at_ms * 1000)
    if (!found) throw noTable(ref)
    if (found.kind !== 'table') throw new Fault('INVALID_ARGUMENT', 'invalid', `${ref.tableId} is a view; only tables can be copied.`)
    const table = await this.shelf.table(ref)
    const { rewritten_ms: _gone, ...config } = table?.config ?? {}
    return { relation: filtered(found), fields: table?.fields ?? found.columns.map(({ column: _column, pseudo: _pseudo, ...field }) => field), config, bytes: table?.bytes ?? 0 }
  }
}

const filtered = (table: CatalogTable): string => (table.rowFilter === undefined ? table.relation : `(SELECT * FROM ${table.relation} WHERE ${table.rowFilter})`)

/** `table@1700000000000`: the table as it was then. */
function splitTime(tableId: string): [string, number | undefined] {
  const found = /^(.*)@(\d{1,15})$/.exec(tableId)
  return found ? [found[1]!, Number(found[2])] : [tableId, undefined]
}

function sourcesOf(configuration: Json): TablePath[] {
  const given = (configuration['sourceTables'] as Partial<TablePath>[] | undefined) ?? (configuration['sourceTable'] ? [configuration['sourceTable'] as Partial<TablePath>] : [])
  if (given.length === 0) throw new Fault('INVALID_ARGUMENT', 'required', 'Required parameter is missing: sourceTables')
  return given.map(({ projectId, datasetId, tableId }) => {
    if (!projectId || !datasetId || !tableId) throw new Fault('INVALID_ARGUMENT', 'required', 'Required parameter is missing: sourceTables')
    return { projectId, datasetId, tableId }
  })
}
