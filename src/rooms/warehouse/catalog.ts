/** What the compiler asks about names: tables, views, results, pseudo columns, wildcards, INFORMATION_SCHEMA, and earlier states of tables. */
import { Fault } from '#ground/fault.ts'
import { damagedTable, invalid, noDataset, tableName } from './faults.ts'
import { fingerprint } from './fingerprint.ts'
import type { InformationSchema } from './information-schema.ts'
import type { PublicData } from './public-data.ts'
import { isAnonymous, type Results } from './results.ts'
import { columnOf } from './schema.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { CatalogColumn, CatalogRelation, CatalogRoutine, CatalogSource, CatalogTable, NameRef } from './sql/types.ts'
import type { Field, Routine, RowPolicy, Table, TablePath } from './types.ts'
import { routineOf } from './routine-wire.ts'
import { ingestionColumn, PARTITION_TIME, type Transaction } from './writer.ts'

/** A temporary table or function of a running script. */
export interface TempTable {
  relation: string
  fields: Field[]
  path: TablePath
  version: number
}

export interface Viewer {
  projectId: string
  /** For row access policies. */
  user: string
  temps?: ReadonlyMap<string, TempTable>
  transaction?: () => Transaction | undefined
  /** Dry runs want exact figures, and so no compiled text from before. */
  exactBytes?: boolean
}

const WILDCARD_TABLES_MAX = 10_000

export class Catalog {
  private readonly shelf: WarehouseShelf
  private readonly results: Results
  private readonly information: InformationSchema
  private readonly publicData: PublicData

  constructor(parts: { shelf: WarehouseShelf; results: Results; information: InformationSchema; publicData: PublicData }) {
    this.shelf = parts.shelf
    this.results = parts.results
    this.information = parts.information
    this.publicData = parts.publicData
  }

  for(viewer: Viewer): CatalogSource {
    return {
      relation: (ref, at_us) => this.relation(viewer, ref, at_us),
      wildcard: (projectId, datasetId, prefix) => this.wildcard(viewer, projectId, datasetId, prefix),
      routine: (ref) => this.routine(ref),
    }
  }

  /** A table by its path as the engine reads it: for the Storage API's row restrictions and the like. */
  async table(viewer: Viewer, path: TablePath): Promise<CatalogTable | undefined> {
    const found = await this.relation(viewer, { written: [path.projectId, path.datasetId, path.tableId], projectId: path.projectId, datasetId: path.datasetId, id: path.tableId }, undefined)
    return found?.kind === 'table' ? found : undefined
  }

  private async relation(viewer: Viewer, ref: NameRef, at_us: number | undefined): Promise<CatalogRelation | undefined> {
    const temp = ref.written.length === 1 || ref.datasetId?.toUpperCase() === '_SESSION' ? viewer.temps?.get(ref.id.toLowerCase()) : undefined
    if (temp) return tempRelation(temp)
    if (/^INFORMATION_SCHEMA\./i.test(ref.id)) return this.information.relation(ref, viewer)
    if (ref.datasetId === undefined) throw new Fault('INVALID_ARGUMENT', 'invalid', `Table "${ref.id}" must be qualified with a dataset (e.g. dataset.table).`)
    const path = { projectId: ref.projectId, datasetId: ref.datasetId, tableId: ref.id }
    if (ref.id === '__TABLES__' || ref.id === '__TABLES_SUMMARY__') return this.information.tablesOf(path)
    const result = isAnonymous(ref.datasetId) ? this.results.table(path) : undefined
    if (result) return resultRelation(result)
    await this.publicData.prepare(path)
    const [name, decorator] = splitDecorator(ref.id)
    const partition = decorator === undefined ? undefined : partitionFilter(decorator)
    const table = viewer.transaction?.()?.changed.get(tableName({ ...path, tableId: name }))?.after ?? (await this.shelf.table({ ...path, tableId: name }))
    if (!table) {
      if (!(await this.shelf.dataset(path))) throw noDataset(path)
      return undefined
    }
    if (at_us !== undefined) return this.before(table, Math.floor(at_us / 1000), viewer)
    const relation = await this.current(table, viewer)
    return partition !== undefined && relation.kind === 'table' ? onePartition(relation, table, partition) : relation
  }

  private async current(table: Table, viewer: Viewer): Promise<CatalogRelation> {
    if (table.damage !== null) throw damagedTable(table, table.damage)
    const view = table.config.view ?? table.config.materializedView
    if (view) {
      const columnNames = table.config.view?.columnNames
      return { kind: 'view', path: table, version: `${table.created_ms}.${table.version}`, query: view.query, ...(columnNames && { columnNames }) }
    }
    if (table.physical === null) throw new Fault('UNIMPLEMENTED', 'notImplemented', `${tableName(table)} is an external table; external tables cannot be read.`)
    return this.tableRelation(table, table.physical, await this.rowFilter(table, viewer), viewer)
  }

  /** The state at a time: exact for tables whose rows were only ever added or replaced as a whole. */
  private async before(table: Table, at_ms: number, viewer: Viewer): Promise<CatalogRelation> {
    if (at_ms >= table.updated_ms) return this.current(table, viewer)
    const rewritten_ms = table.config.rewritten_ms
    const version = await this.shelf.versionAt(table, at_ms)
    // Rows changed in their place leave gaps; "the first N rows" then says nothing.
    const unreadable = version && rewritten_ms !== undefined && version.physical === table.physical
    if (!version || unreadable) {
      const why = rewritten_ms !== undefined ? 'UPDATE, DELETE or MERGE has changed its rows in their place' : 'it did not exist then, or that is longer ago than what is kept'
      throw invalid(`Invalid snapshot time ${new Date(at_ms).toISOString()} for table ${tableName(table)}: ${why}.`)
    }
    const physical = version.physical
    const relation = `(SELECT * FROM ${physical} WHERE rowid < ${version.rows})`
    const { target: _none, ...earlier } = this.tableRelation({ ...table, fields: version.fields }, relation, await this.rowFilter(table, viewer), viewer)
    return { ...earlier, version: `${earlier.version}@${version.generation}` }
  }

  private tableRelation(table: Table, relation: string, rowFilter: string | undefined, viewer: Viewer): CatalogTable {
    const { fields, config } = table
    const columns: CatalogColumn[] = fields.map((field) => ({ ...field, column: columnOf(field.name) }))
    if (ingestionColumn(config) !== undefined) {
      columns.push({ name: PARTITION_TIME, type: 'TIMESTAMP', column: `"${PARTITION_TIME}"`, pseudo: true })
      if (config.timePartitioning?.type !== 'HOUR') columns.push({ name: '_PARTITIONDATE', type: 'DATE', column: `CAST("${PARTITION_TIME}" AS DATE)`, pseudo: true })
    }
    const partitionColumn = config.timePartitioning ? (config.timePartitioning.field ?? PARTITION_TIME) : config.rangePartitioning?.field
    const version = fingerprint([relation, fields, partitionColumn, config.requirePartitionFilter, rowFilter, viewer.exactBytes ? table.bytes : 0])
    return {
      kind: 'table', path: { projectId: table.projectId, datasetId: table.datasetId, tableId: table.tableId }, version, columns, relation, target: relation, bytes: table.bytes,
      ...(rowFilter !== undefined && { rowFilter }), ...(partitionColumn !== undefined && { partitionColumn }),
      ...((config.requirePartitionFilter || config.timePartitioning?.requirePartitionFilter) && { requirePartitionFilter: true }),
    }
  }

  private async rowFilter(table: Table, viewer: Viewer): Promise<string | undefined> {
    const policies = await this.shelf.policies(table)
    if (policies.length === 0) return undefined
    const mine = policies.filter((policy) => appliesTo(policy, viewer.user)).map((policy) => (JSON.parse(policy.filter) as { duckSql: string }).duckSql)
    return mine.length === 0 ? 'false' : mine.map((filter) => `(${filter})`).join(' OR ')
  }

  private async wildcard(viewer: Viewer, projectId: string, datasetId: string, prefix: string): Promise<CatalogTable[]> {
    await this.publicData.prepare({ projectId, datasetId })
    if (!(await this.shelf.dataset({ projectId, datasetId }))) throw noDataset({ projectId, datasetId })
    const tables = (await this.shelf.tables({ projectId, datasetId }, { prefix, limit: WILDCARD_TABLES_MAX })).filter(({ physical }) => physical !== null)
    tables.sort((a, b) => b.created_ms - a.created_ms || (a.tableId < b.tableId ? 1 : -1))
    const relations = []
    for (const table of tables) relations.push((await this.current(table, viewer)) as CatalogTable)
    return relations
  }

  private async routine(ref: NameRef): Promise<CatalogRoutine | undefined> {
    if (ref.datasetId === undefined) return undefined
    const routine = await this.shelf.routine({ projectId: ref.projectId, datasetId: ref.datasetId }, ref.id)
    return routine && catalogRoutine(routine)
  }
}

export function catalogRoutine(routine: Routine): CatalogRoutine {
  return { ...routineOf(routine), version: `${routine.created_ms}.${routine.version}` }
}

function tempRelation({ relation, fields, path, version }: TempTable): CatalogTable {
  return { kind: 'table', path, version: `${relation}.${version}`, columns: fields.map((field) => ({ ...field, column: columnOf(field.name) })), relation, target: relation, bytes: 0 }
}

function resultRelation({ schema, relation, path }: { schema: readonly Field[]; relation: string; path: TablePath }): CatalogTable {
  return { kind: 'table', path, version: relation, columns: schema.map((field, index) => ({ ...field, column: `o${index + 1}` })), relation, bytes: 0 }
}

function appliesTo({ grantees }: RowPolicy, user: string): boolean {
  return grantees.some((grantee) => grantee === user || grantee === 'allUsers' || grantee === 'allAuthenticatedUsers' || (grantee.startsWith('domain:') && user.endsWith(`@${grantee.slice('domain:'.length)}`)))
}

/** `table$20240131`. */
export function splitDecorator(tableId: string): [name: string, decorator: string | undefined] {
  const at = tableId.indexOf('$')
  return at < 0 ? [tableId, undefined] : [tableId.slice(0, at), tableId.slice(at + 1)]
}

export function partitionFilter(decorator: string): { text: string; unit: string } {
  const found = /^(\d{4})(\d{2})?(\d{2})?(\d{2})?$/.exec(decorator)
  if (!found) throw invalid(`Invalid partition decorator $${decorator.slice(0, 40)}.`)
  const [, year, month = '01', day = '01', hour = '00'] = found
  const unit = found[4] !== undefined ? 'hour' : found[3] !== undefined ? 'day' : found[2] !== undefined ? 'month' : 'year'
  return { text: `${year}-${month}-${day} ${hour}:00:00`, unit }
}

function onePartition(relation: CatalogTable, table: Table, { text, unit }: { text: string; unit: string }): CatalogTable {
  const column = relation.columns.find((each) => each.name === relation.partitionColumn)
  if (!column || !table.config.timePartitioning) throw invalid(`Table ${tableName(table)} is not partitioned by time.`)
  const { target: _none, ...rest } = relation
  return { ...rest, relation: `(SELECT * FROM ${relation.relation} WHERE date_trunc('${unit}', ${column.column}) = CAST('${text}' AS TIMESTAMP))`, version: `${relation.version}$${text}${unit}` }
}
