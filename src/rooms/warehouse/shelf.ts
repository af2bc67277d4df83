/** Datasets, tables, routines and row policies in the ledger: rows to plain data and back. Statements go into one write with their facts. */
import type { Facts, NewFact } from '#ground/facts.ts'
import type { Ledger, Statement } from '#ground/ledger.ts'
import { datasetTaken, noDataset, noTable, routineTaken, tableTaken } from './faults.ts'
import type { Dataset, DatasetRef, Routine, RowPolicy, Table, TablePath, Version } from './types.ts'

interface DatasetRow {
  project: string
  dataset: string
  location: string
  version: number
  created_ms: number
  updated_ms: number
  config: string
}

interface TableRow {
  project: string
  dataset: string
  name: string
  kind: string
  physical: string | null
  generation: number
  row_count: number
  byte_count: number
  version: number
  created_ms: number
  updated_ms: number
  expires_ms: number | null
  fields: string
  config: string
  damage: string | null
}

interface RoutineRow {
  project: string
  dataset: string
  routine: string
  version: number
  created_ms: number
  updated_ms: number
  config: string
}

interface PolicyRow {
  project: string
  dataset: string
  name: string
  policy: string
  created_ms: number
  updated_ms: number
  grantees: string
  filter: string
}

interface VersionRow {
  project: string
  dataset: string
  name: string
  physical: string
  generation: number
  row_count: number
  from_ms: number
  fields: string
  retired_ms: number | null
}

interface Tables {
  warehouse_datasets: DatasetRow
  warehouse_tables: TableRow
  warehouse_routines: RoutineRow
  warehouse_row_policies: PolicyRow
  warehouse_versions: VersionRow
}

export class WarehouseShelf {
  private readonly ledger: Ledger
  private readonly facts: Facts
  private readonly db

  constructor(ledger: Ledger, facts: Facts) {
    this.ledger = ledger
    this.facts = facts
    this.db = ledger.builder<Tables>()
  }

  async write(statements: readonly (Statement | undefined)[], facts: readonly NewFact[]): Promise<void> {
    await this.ledger.write(...statements.filter((statement) => statement !== undefined), ...facts.map((fact) => this.facts.append(fact)))
  }

  // Datasets

  async dataset({ projectId, datasetId }: DatasetRef): Promise<Dataset | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('warehouse_datasets').selectAll().where('project', '=', projectId).where('dataset', '=', datasetId))
    return row && asDataset(row)
  }

  async datasets(projectId: string, after: string, limit: number): Promise<Dataset[]> {
    const rows = await this.ledger.read(
      this.db.selectFrom('warehouse_datasets').selectAll().where('project', '=', projectId).where('dataset', '>', after).orderBy('dataset').limit(limit),
    )
    return rows.map(asDataset)
  }

  async projects(): Promise<string[]> {
    const rows = await this.ledger.read(this.db.selectFrom('warehouse_datasets').select('project').distinct().orderBy('project'))
    return rows.map(({ project }) => project)
  }

  addDataset(dataset: Dataset): Statement {
    return { query: this.db.insertInto('warehouse_datasets').values(datasetRow(dataset)).onConflict((conflict) => conflict.doNothing()), rows: 1, otherwise: datasetTaken(dataset) }
  }

  changeDataset(before: Dataset, after: Dataset): Statement {
    const query = this.db.updateTable('warehouse_datasets').set(datasetRow(after)).where('project', '=', before.projectId).where('dataset', '=', before.datasetId).where('version', '=', before.version)
    return { query, rows: 1 }
  }

  removeDataset(dataset: Dataset): Statement[] {
    const { projectId, datasetId } = dataset
    return [
      { query: this.db.deleteFrom('warehouse_datasets').where('project', '=', projectId).where('dataset', '=', datasetId), rows: 1, otherwise: noDataset(dataset) },
      { query: this.db.deleteFrom('warehouse_routines').where('project', '=', projectId).where('dataset', '=', datasetId) },
      { query: this.db.deleteFrom('warehouse_row_policies').where('project', '=', projectId).where('dataset', '=', datasetId) },
    ]
  }

  /** Fails the write where the dataset has gone meanwhile. */
  datasetThere(ref: DatasetRef): Statement {
    return { query: this.db.selectFrom('warehouse_datasets').select('dataset').where('project', '=', ref.projectId).where('dataset', '=', ref.datasetId), rows: 1, otherwise: noDataset(ref) }
  }

  // Tables

  async table({ projectId, datasetId, tableId }: TablePath): Promise<Table | undefined> {
    const row = await this.ledger.first(
      this.db.selectFrom('warehouse_tables').selectAll().where('project', '=', projectId).where('dataset', '=', datasetId).where('name', '=', tableId),
    )
    return row && asTable(row)
  }

  /** In the order of their names; `prefix` and `after` narrow them. */
  async tables({ projectId, datasetId }: DatasetRef, options: { prefix?: string; after?: string; limit: number }): Promise<Table[]> {
    const rows = await this.ledger.read(
      this.db
        .selectFrom('warehouse_tables')
        .selectAll()
        .where('project', '=', projectId)
        .where('dataset', '=', datasetId)
        .where('name', '>=', options.prefix ?? '')
        .where('name', '>', options.after ?? '')
        .orderBy('name')
        .limit(options.limit),
    )
    return rows.map(asTable).filter(({ tableId }) => tableId.startsWith(options.prefix ?? ''))
  }

  async everyTable(): Promise<Table[]> {
    return (await this.ledger.read(this.db.selectFrom('warehouse_tables').selectAll())).map(asTable)
  }

  async expired(now_ms: number, limit: number): Promise<Table[]> {
    return (await this.ledger.read(this.db.selectFrom('warehouse_tables').selectAll().where('expires_ms', '<=', now_ms).limit(limit))).map(asTable)
  }

  addTable(table: Table): Statement {
    return { query: this.db.insertInto('warehouse_tables').values(tableRow(table)).onConflict((conflict) => conflict.doNothing()), rows: 1, otherwise: tableTaken(table) }
  }

  changeTable(before: Table, after: Table): Statement {
    const query = this.named(this.db.updateTable('warehouse_tables').set(tableRow(after)), before).where('version', '=', before.version)
    return { query, rows: 1 }
  }

  removeTable(table: Table): Statement {
    return { query: this.named(this.db.deleteFrom('warehouse_tables'), table).where('version', '=', table.version), rows: 1, otherwise: noTable(table) }
  }

  /** Whatever is there under this name gives way: for what the engine has done and the ledger has yet to learn. */
  putTable(table: Table): Statement[] {
    return [{ query: this.named(this.db.deleteFrom('warehouse_tables'), table) }, { query: this.db.insertInto('warehouse_tables').values(tableRow(table)) }]
  }

  // Routines

  async routine({ projectId, datasetId }: DatasetRef, routineId: string): Promise<Routine | undefined> {
    const row = await this.ledger.first(
      this.db.selectFrom('warehouse_routines').selectAll().where('project', '=', projectId).where('dataset', '=', datasetId).where('routine', '=', routineId),
    )
    return row && asRoutine(row)
  }

  async routines({ projectId, datasetId }: DatasetRef, after: string, limit: number): Promise<Routine[]> {
    const rows = await this.ledger.read(
      this.db.selectFrom('warehouse_routines').selectAll().where('project', '=', projectId).where('dataset', '=', datasetId).where('routine', '>', after).orderBy('routine').limit(limit),
    )
    return rows.map(asRoutine)
  }

  addRoutine(routine: Routine): Statement {
    return { query: this.db.insertInto('warehouse_routines').values(routineRow(routine)).onConflict((conflict) => conflict.doNothing()), rows: 1, otherwise: routineTaken(routine, routine.routineId) }
  }

  changeRoutine(before: Routine, after: Routine): Statement {
    const query = this.db
      .updateTable('warehouse_routines')
      .set(routineRow(after))
      .where('project', '=', before.projectId)
      .where('dataset', '=', before.datasetId)
      .where('routine', '=', before.routineId)
      .where('version', '=', before.version)
    return { query, rows: 1 }
  }

  removeRoutine({ projectId, datasetId, routineId }: Routine): Statement {
    return { query: this.db.deleteFrom('warehouse_routines').where('project', '=', projectId).where('dataset', '=', datasetId).where('routine', '=', routineId), rows: 1 }
  }

  // Row access policies

  async policies({ projectId, datasetId, tableId }: TablePath): Promise<RowPolicy[]> {
    const rows = await this.ledger.read(
      this.db.selectFrom('warehouse_row_policies').selectAll().where('project', '=', projectId).where('dataset', '=', datasetId).where('name', '=', tableId).orderBy('policy'),
    )
    return rows.map(asPolicy)
  }

  putPolicy(policy: RowPolicy): Statement[] {
    const { projectId: project, datasetId: dataset, tableId: name, policyId, grantees, filter, created_ms, updated_ms } = policy
    return [this.removePolicy(policy), { query: this.db.insertInto('warehouse_row_policies').values({ project, dataset, name, policy: policyId, grantees: JSON.stringify(grantees), filter, created_ms, updated_ms }) }]
  }

  removePolicy({ projectId, datasetId, tableId, policyId }: Pick<RowPolicy, 'projectId' | 'datasetId' | 'tableId' | 'policyId'>): Statement {
    return { query: this.db.deleteFrom('warehouse_row_policies').where('project', '=', projectId).where('dataset', '=', datasetId).where('name', '=', tableId).where('policy', '=', policyId) }
  }

  removePolicies({ projectId, datasetId, tableId }: TablePath): Statement {
    return { query: this.db.deleteFrom('warehouse_row_policies').where('project', '=', projectId).where('dataset', '=', datasetId).where('name', '=', tableId) }
  }

  // Versions: earlier states that can still be read

  async versionAt({ projectId, datasetId, tableId }: TablePath, at_ms: number): Promise<Version | undefined> {
    const row = await this.ledger.first(
      this.db
        .selectFrom('warehouse_versions')
        .selectAll()
        .where('project', '=', projectId)
        .where('dataset', '=', datasetId)
        .where('name', '=', tableId)
        .where('from_ms', '<=', at_ms)
        .orderBy('from_ms', 'desc')
        .orderBy('generation', 'desc')
        .limit(1),
    )
    return row && asVersion(row)
  }

  addVersion(table: Table): Statement {
    const { projectId: project, datasetId: dataset, tableId: name, physical, generation, rows, updated_ms, fields } = table
    const row = { project, dataset, name, physical: physical!, generation, row_count: rows, from_ms: updated_ms, fields: JSON.stringify(fields), retired_ms: null }
    return { query: this.db.insertInto('warehouse_versions').values(row).onConflict((conflict) => conflict.doNothing()) }
  }

  retireVersions(physical: string, now_ms: number): Statement {
    return { query: this.db.updateTable('warehouse_versions').set({ retired_ms: now_ms }).where('physical', '=', physical).where('retired_ms', 'is', null) }
  }

  /** UPDATE and DELETE change rows in their place: what was before cannot be read any more. */
  forgetVersions(physical: string): Statement {
    return { query: this.db.deleteFrom('warehouse_versions').where('physical', '=', physical) }
  }

  async retiredBefore(ms: number, limit: number): Promise<string[]> {
    const rows = await this.ledger.read(this.db.selectFrom('warehouse_versions').select('physical').distinct().where('retired_ms', '<', ms).limit(limit))
    return rows.map(({ physical }) => physical)
  }

  /** The oldest of the retired beyond a number of them. */
  async retiredBeyond(kept: number): Promise<string[]> {
    const rows = await this.ledger.read(
      this.db.selectFrom('warehouse_versions').select(['physical', (expression) => expression.fn.max('retired_ms').as('at')]).where('retired_ms', 'is not', null).groupBy('physical').orderBy('at', 'desc').limit(10_000),
    )
    return rows.slice(kept).map(({ physical }) => physical)
  }

  /** Old points in time of tables that live on. */
  pruneVersions(before_ms: number): Statement {
    return { query: this.db.deleteFrom('warehouse_versions').where('from_ms', '<', before_ms).where('retired_ms', 'is', null) }
  }

  async keptPhysicals(): Promise<Set<string>> {
    const rows = await this.ledger.read(this.db.selectFrom('warehouse_versions').select('physical').distinct())
    return new Set(rows.map(({ physical }) => physical))
  }

  private named<Query extends { where(column: any, operator: '=', value: any): Query }>(query: Query, { projectId, datasetId, tableId }: TablePath): Query {
    return query.where('project', '=', projectId).where('dataset', '=', datasetId).where('name', '=', tableId)
  }
}

function asDataset({ project, dataset, config, ...same }: DatasetRow): Dataset {
  return { ...same, projectId: project, datasetId: dataset, config: JSON.parse(config) }
}

function datasetRow({ projectId, datasetId, config, ...same }: Dataset): DatasetRow {
  return { ...same, project: projectId, dataset: datasetId, config: JSON.stringify(config) }
}

function asTable({ project, dataset, name, kind, row_count, byte_count, fields, config, ...same }: TableRow): Table {
  return { ...same, projectId: project, datasetId: dataset, tableId: name, kind: kind as Table['kind'], rows: row_count, bytes: byte_count, fields: JSON.parse(fields), config: JSON.parse(config) }
}

function tableRow({ projectId, datasetId, tableId, rows, bytes, fields, config, kind, physical, generation, version, created_ms, updated_ms, expires_ms, damage }: Table): TableRow {
  return {
    project: projectId, dataset: datasetId, name: tableId, kind, physical, generation, row_count: rows, byte_count: bytes, version, created_ms, updated_ms, expires_ms,
    fields: JSON.stringify(fields), config: JSON.stringify(config), damage,
  }
}

function asRoutine({ project, dataset, routine, config, ...same }: RoutineRow): Routine {
  return { ...same, projectId: project, datasetId: dataset, routineId: routine, config: JSON.parse(config) }
}

function routineRow({ projectId, datasetId, routineId, config, ...same }: Routine): RoutineRow {
  return { ...same, project: projectId, dataset: datasetId, routine: routineId, config: JSON.stringify(config) }
}

function asPolicy({ project, dataset, name, policy, grantees, ...same }: PolicyRow): RowPolicy {
  return { ...same, projectId: project, datasetId: dataset, tableId: name, policyId: policy, grantees: JSON.parse(grantees) }
}

function asVersion({ project, dataset, name, row_count, fields, ...same }: VersionRow): Version {
  return { ...same, projectId: project, datasetId: dataset, tableId: name, rows: row_count, fields: JSON.parse(fields) }
}
