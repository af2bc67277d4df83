/** Data definition: CREATE, ALTER and DROP of schemas, tables, views, routines and row access policies, through the writer and the shelf. */
import type { Clock } from '#ground/clock.ts'
import { Fault, unimplemented } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import { alteredTable } from './alter.ts'
import type { TempTable } from './catalog.ts'
import type { Engine, Work } from './engine/engine.ts'
import type { Step } from './engine/messages.ts'
import { datasetInUse, datasetTaken, invalid, noDataset, noPolicy, noRoutine, noTable, routineTaken, tableTaken } from './faults.ts'
import { datasetOptions, tableOptions } from './ddl-options.ts'
import { routineConfig } from './routine-wire.ts'
import { columnDefinitions, columnsOf } from './schema.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { CatalogSource, CreateMode, CreateRoutine, CreateTable, CreateView, Ddl as DdlText, DdlStatement, Option, PartitionBy, SqlType, Value } from './sql/types.ts'
import type { Dataset, Field, Json, Routine, Table, TableConfig, TablePath } from './types.ts'
import { dropDataset } from './datasets.ts'
import { pathOf, tableFact, type Transaction, type Writer } from './writer.ts'

export interface DdlParts {
  engine: Engine
  shelf: WarehouseShelf
  writer: Writer
  clock: Clock
  ids: Ids
  catalog: CatalogSource
  temps: Map<string, TempTable>
  job: string
  work(): Work
  values(sql: string, types: readonly SqlType[]): Promise<Value[][]>
  transaction(): Transaction | undefined
}

export class Ddl {
  private readonly parts: DdlParts

  constructor(parts: DdlParts) {
    this.parts = parts
  }

  /** What the job's statistics say about it. */
  async run({ ddl }: DdlStatement): Promise<Json> {
    switch (ddl.action) {
      case 'createSchema':
        return this.createSchema(ddl)
      case 'createTable':
        return ddl.temp ? this.createTemp(ddl) : this.createTable(ddl)
      case 'createView':
        return this.createView(ddl)
      case 'createRoutine':
        return this.createRoutine(ddl)
      case 'createRowAccessPolicy':
        return this.createPolicy(ddl)
      case 'alter':
        return this.alter(ddl)
      case 'drop':
        return this.drop(ddl)
      case 'createIndex':
        throw unimplemented(`CREATE ${ddl.index} INDEX`)
      case 'undrop':
        throw unimplemented('UNDROP SCHEMA')
      case 'grant':
      case 'revoke':
        throw unimplemented(ddl.action.toUpperCase())
    }
  }

  /** Options with the values of their expressions. */
  async optionValues(options: readonly Option[]): Promise<Json> {
    const values: Json = {}
    for (const { name, type, value, duckSql } of options) {
      if (duckSql === undefined || value !== undefined) values[name] = value
      else values[name] = (await this.parts.values(`SELECT ${duckSql}`, [type ?? { kind: 'STRING' }]))[0]?.[0]
    }
    return values
  }

  /** LOAD DATA as the load job that it is. */
  loadConfiguration(load: { target: TablePath; overwrite: boolean; given: Json; options: Json; fields?: Field[]; partitionBy?: PartitionBy; clusterBy?: readonly string[] }): Json {
    const { given } = load
    const text = (name: string) => (given[name] === undefined || given[name] === null ? undefined : String(given[name]))
    const flag = (name: string) => (given[name] === undefined ? undefined : given[name] === 'true')
    const format = (text('format') ?? 'CSV').toUpperCase()
    const all: Json = {
      sourceUris: given['uris'], sourceFormat: format === 'JSON' ? 'NEWLINE_DELIMITED_JSON' : format, destinationTable: pathOf(load.target), writeDisposition: load.overwrite ? 'WRITE_TRUNCATE' : 'WRITE_APPEND',
      schema: load.fields?.length ? { fields: load.fields } : undefined, autodetect: load.fields?.length ? undefined : true, skipLeadingRows: text('skip_leading_rows'), fieldDelimiter: text('field_delimiter'), quote: text('quote'),
      encoding: text('encoding'), nullMarker: text('null_marker'), maxBadRecords: text('max_bad_records'), allowJaggedRows: flag('allow_jagged_rows'), allowQuotedNewlines: flag('allow_quoted_newlines'),
      ignoreUnknownValues: flag('ignore_unknown_values'), ...partitionConfig(load.partitionBy, load.clusterBy),
    }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  }

  // Schemas

  private async createSchema(ddl: Extract<DdlText, { action: 'createSchema' }>): Promise<Json> {
    const { shelf, clock } = this.parts
    const ref = { projectId: ddl.projectId, datasetId: ddl.datasetId }
    const before = await shelf.dataset(ref)
    if (before && ddl.mode === 'ifNotExists') return skipped()
    if (before) throw datasetTaken(ref)
    const { location, ...config } = datasetOptions(await this.optionValues(ddl.options))
    const now_ms = clock.now_ms()
    const dataset: Dataset = { ...ref, location: String(location ?? 'US').toUpperCase() === 'US' ? 'US' : String(location), version: 1, created_ms: now_ms, updated_ms: now_ms, config: { ...config, ...(ddl.defaultCollation && { defaultCollation: ddl.defaultCollation }) } }
    await shelf.write([shelf.addDataset(dataset)], [])
    return { ddlOperationPerformed: 'CREATE', ddlTargetDataset: ref }
  }

  // Tables

  private async createTable(ddl: CreateTable): Promise<Json> {
    const { writer } = this.parts
    const path = pathOf(ddl.path)
    const { expires_ms, ...options } = tableOptions(await this.optionValues(ddl.options))
    if (ddl.external) throw unimplemented('CREATE EXTERNAL TABLE')
    const source = ddl.like ?? ddl.copy ?? ddl.clone?.source
    const from = source ? await this.source(source, ddl.clone?.at_us) : undefined
    const fields = ddl.fields.length > 0 ? [...ddl.fields] : (from?.fields ?? [])
    let operation = 'CREATE'
    const changed = await writer.change({
      job: this.parts.job, path, operation: 'create', work: this.parts.work(), transaction: this.parts.transaction(),
      plan: (before) => {
        if (before && ddl.mode === 'ifNotExists') return undefined
        if (before && ddl.mode !== 'orReplace') throw tableTaken(path)
        operation = before ? 'REPLACE' : 'CREATE'
        const config: TableConfig = {
          ...(from && !ddl.query ? inherited(from.table.config) : {}), ...partitionConfig(ddl.partitionBy, ddl.clusterBy), ...options, ...constraintsOf(ddl), ...(ddl.defaultCollation && { defaultCollation: ddl.defaultCollation }),
        }
        return {
          how: before ? 'replace' : 'create', kind: ddl.clone?.snapshot ? 'SNAPSHOT' : 'TABLE', fields, config, expires_ms: expires_ms ?? null,
          steps: (physical): Step[] => {
            const columns = columnsOf(fields).join(', ')
            if (ddl.query) return [{ kind: 'count', sql: `INSERT INTO ${physical} (${columns}) ${ddl.query.duckSql}` }]
            if (from && !ddl.like) return [{ kind: 'count', sql: `INSERT INTO ${physical} (${columns}) SELECT ${columns} FROM ${from.relation}` }]
            return []
          },
        }
      },
    })
    return changed ? { ddlOperationPerformed: operation, ddlTargetTable: path } : { ...skipped(), ddlTargetTable: path }
  }

  private async source(path: TablePath, at_us: number | undefined): Promise<{ table: Table; relation: string; fields: Field[] }> {
    const { shelf, catalog } = this.parts
    const table = await shelf.table(path)
    if (!table || table.physical === null) throw noTable(path)
    const relation = await catalog.relation({ written: [path.projectId, path.datasetId, path.tableId], projectId: path.projectId, datasetId: path.datasetId, id: path.tableId }, at_us)
    if (relation?.kind !== 'table') throw noTable(path)
    return { table, relation: relation.relation, fields: table.fields }
  }

  /** In the engine's scratch database, under the script's eyes only. */
  private async createTemp(ddl: CreateTable): Promise<Json> {
    const { engine, temps, ids, job } = this.parts
    const key = ddl.path.tableId.toLowerCase()
    const before = temps.get(key)
    if (before && ddl.mode === 'ifNotExists') return skipped()
    if (before && ddl.mode !== 'orReplace') throw tableTaken(ddl.path)
    const relation = `scratch.main.x${ids.next()}`
    const fields = [...ddl.fields]
    const steps: Step[] = [{ kind: 'run', sql: `CREATE TABLE ${relation} (${columnDefinitions(fields)})` }]
    if (ddl.query) steps.push({ kind: 'run', sql: `INSERT INTO ${relation} (${columnsOf(fields).join(', ')}) ${ddl.query.duckSql}` })
    await engine.apply({ job, steps, touched: [] }, this.parts.work())
    temps.set(key, { relation, fields, path: { projectId: ddl.path.projectId, datasetId: '_script_temp', tableId: ddl.path.tableId }, version: 1 })
    if (before) await engine.call('drop', { relations: [before.relation] })
    return { ddlOperationPerformed: before ? 'REPLACE' : 'CREATE' }
  }

  private async createView(ddl: CreateView): Promise<Json> {
    const { shelf, writer, clock, job } = this.parts
    const path = pathOf(ddl.path)
    const { expires_ms, ...options } = tableOptions(await this.optionValues(ddl.options))
    if (!(await shelf.dataset(path))) throw noDataset(path)
    return writer.alone(path, async () => {
      const before = await shelf.table(path)
      if (before && ddl.mode === 'ifNotExists') return { ...skipped(), ddlTargetTable: path }
      if (before && (ddl.mode !== 'orReplace' || before.kind === 'TABLE')) throw tableTaken(path)
      const now_ms = clock.now_ms()
      const view = ddl.materialized ? { materializedView: { query: ddl.query, enableRefresh: true } } : { view: { query: ddl.query, useLegacySql: false, ...(ddl.columnNames && { columnNames: ddl.columnNames }) } }
      const after: Table = {
        ...path, kind: ddl.materialized ? 'MATERIALIZED_VIEW' : 'VIEW', physical: null, generation: (before?.generation ?? 0) + 1, rows: 0, bytes: 0, version: 1, created_ms: before?.created_ms ?? now_ms, updated_ms: now_ms,
        expires_ms: expires_ms ?? null, fields: [...ddl.fields], config: { ...options, ...view, ...partitionConfig(ddl.partitionBy, ddl.clusterBy) }, damage: null,
      }
      await writer.describe(before, after, 'create', job)
      return { ddlOperationPerformed: before ? 'REPLACE' : 'CREATE', ddlTargetTable: path }
    })
  }

  private async alter(ddl: Extract<DdlText, { action: 'alter' }>): Promise<Json> {
    const { shelf, writer, job } = this.parts
    if (ddl.object === 'SCHEMA') return this.alterSchema(ddl)
    const path = pathOf(ddl.path)
    const known = await shelf.table(path)
    if (!known) {
      if (ddl.ifExists) return skipped()
      throw noTable(path)
    }
    const options = new Map<object, Json>()
    for (const step of ddl.steps) if ('options' in step) options.set(step, await this.optionValues(step.options))
    const rename = ddl.steps.find((step) => step.step === 'renameTo')
    if (rename) return this.rename(known, rename.tableId)
    if (known.physical === null) {
      await writer.alone(path, async () => {
        const before = await shelf.table(path)
        if (!before) throw noTable(path)
        const { fields, config, expires_ms } = alteredTable(before, ddl.steps, options)
        await writer.describe(before, { ...before, fields, config, expires_ms }, 'alter', job)
      })
      return { ddlOperationPerformed: 'ALTER', ddlTargetTable: path }
    }
    await writer.change({
      job, path, operation: 'alter', work: this.parts.work(), transaction: this.parts.transaction(),
      plan: (before) => {
        if (!before) throw noTable(path)
        const { fields, config, expires_ms, steps } = alteredTable(before, ddl.steps, options)
        return { how: 'alter', kind: before.kind, fields, config, expires_ms, steps: (physical) => steps.map((sql): Step => ({ kind: 'run', sql: sql.replaceAll('$table', physical) })) }
      },
    })
    return { ddlOperationPerformed: 'ALTER', ddlTargetTable: path }
  }

  private async rename(before: Table, tableId: string): Promise<Json> {
    const { shelf, writer, clock, job } = this.parts
    const path = { ...pathOf(before), tableId }
    await writer.alone(before, async () => {
      if (await shelf.table(path)) throw tableTaken(path)
      const after: Table = { ...before, tableId, version: 1, updated_ms: clock.now_ms() }
      await shelf.write([shelf.removeTable(before), shelf.addTable(after)], [tableFact(before, 'delete', job), tableFact(after, 'create', job)])
    })
    return { ddlOperationPerformed: 'ALTER', ddlTargetTable: path }
  }

  private async alterSchema(ddl: Extract<DdlText, { action: 'alter' }>): Promise<Json> {
    const { shelf, clock } = this.parts
    const ref = { projectId: ddl.path.projectId, datasetId: ddl.path.datasetId }
    const before = await shelf.dataset(ref)
    if (!before) {
      if (ddl.ifExists) return skipped()
      throw noDataset(ref)
    }
    let config = before.config
    for (const step of ddl.steps) {
      if (step.step === 'options') config = { ...config, ...datasetOptions(await this.optionValues(step.options)) }
      else if (step.step === 'defaultCollation') config = { ...config, defaultCollation: step.collation }
      else throw unimplemented(`ALTER SCHEMA … ${step.step}`)
    }
    await shelf.write([shelf.changeDataset(before, { ...before, config, version: before.version + 1, updated_ms: clock.now_ms() })], [])
    return { ddlOperationPerformed: 'ALTER', ddlTargetDataset: ref }
  }

  private async drop(ddl: Extract<DdlText, { action: 'drop' }>): Promise<Json> {
    const { shelf, writer, job } = this.parts
    const path = pathOf(ddl.path)
    switch (ddl.object) {
      case 'SCHEMA': {
        const dataset = await shelf.dataset(path)
        if (!dataset) return absent(ddl.ifExists, noDataset(path))
        if (!ddl.cascade && (await shelf.tables(path, { limit: 1 })).length > 0) throw datasetInUse(path)
        await dropDataset({ ...this.parts }, dataset, job)
        return { ddlOperationPerformed: 'DROP', ddlTargetDataset: { projectId: path.projectId, datasetId: path.datasetId } }
      }
      case 'FUNCTION':
      case 'TABLE FUNCTION':
      case 'PROCEDURE': {
        const routine = await shelf.routine(path, path.tableId)
        if (!routine) return absent(ddl.ifExists, noRoutine(path, path.tableId))
        await shelf.write([shelf.removeRoutine(routine)], [])
        return { ddlOperationPerformed: 'DROP', ddlTargetRoutine: { projectId: path.projectId, datasetId: path.datasetId, routineId: path.tableId } }
      }
      case 'ROW ACCESS POLICY': {
        const policies = await shelf.policies(path)
        const gone = ddl.name === undefined ? policies : policies.filter(({ policyId }) => policyId === ddl.name)
        if (gone.length === 0 && !ddl.ifExists) throw noPolicy(path, ddl.name ?? '*')
        await shelf.write(gone.map((policy) => shelf.removePolicy(policy)), [])
        return { ddlOperationPerformed: 'DROP', ddlAffectedRowAccessPolicyCount: String(gone.length) }
      }
      case 'SEARCH INDEX':
      case 'VECTOR INDEX':
        throw unimplemented(`DROP ${ddl.object}`)
    }
    const temp = this.parts.temps.get(path.tableId.toLowerCase())
    if (temp && (ddl.path.datasetId === temp.path.datasetId || ddl.path.datasetId === '' || ddl.path.datasetId.toUpperCase() === '_SESSION')) {
      this.parts.temps.delete(path.tableId.toLowerCase())
      await this.parts.engine.call('drop', { relations: [temp.relation] })
      return { ddlOperationPerformed: 'DROP' }
    }
    return writer.alone(path, async () => {
      const table = await shelf.table(path)
      if (!table) {
        if (!ddl.ifExists && !(await shelf.dataset(path))) throw noDataset(path)
        return absent(ddl.ifExists, noTable(path))
      }
      const wanted = ddl.object === 'SNAPSHOT TABLE' ? 'SNAPSHOT' : ddl.object === 'EXTERNAL TABLE' ? 'EXTERNAL' : ddl.object.replace(' ', '_')
      if (table.kind !== wanted) throw invalid(`${path.projectId}:${path.datasetId}.${path.tableId} is not allowed for this operation because it is currently a ${table.kind}.`)
      await writer.drop(table, job)
      return { ddlOperationPerformed: 'DROP', ddlTargetTable: path }
    })
  }

  // Routines and policies

  private async createRoutine(ddl: CreateRoutine): Promise<Json> {
    const { shelf, clock } = this.parts
    if (ddl.temp) return {}
    const { projectId, datasetId, tableId: routineId } = ddl.routine.path
    const ref = { projectId, datasetId, routineId }
    if (!(await shelf.dataset(ref))) throw noDataset(ref)
    const before = await shelf.routine(ref, routineId)
    if (before && ddl.mode === 'ifNotExists') return { ...skipped(), ddlTargetRoutine: ref }
    if (before && ddl.mode !== 'orReplace') throw routineTaken(ref, routineId)
    const options = await this.optionValues(ddl.options)
    const now_ms = clock.now_ms()
    const after: Routine = {
      ...ref, version: (before?.version ?? 0) + 1, created_ms: before?.created_ms ?? now_ms, updated_ms: now_ms,
      config: { ...routineConfig(ddl.routine), ...(typeof options['description'] === 'string' && { description: options['description'] }) },
    }
    await shelf.write(before ? [shelf.changeRoutine(before, after)] : [shelf.datasetThere(ref), shelf.addRoutine(after)], [])
    return { ddlOperationPerformed: before ? 'REPLACE' : 'CREATE', ddlTargetRoutine: ref }
  }

  private async createPolicy(ddl: Extract<DdlText, { action: 'createRowAccessPolicy' }>): Promise<Json> {
    const { shelf, clock } = this.parts
    const path = pathOf(ddl.path)
    const table = await shelf.table(path)
    if (!table) throw noTable(path)
    const before = (await shelf.policies(path)).find(({ policyId }) => policyId === ddl.name)
    if (refuses(before, ddl.mode)) return skipped()
    if (before && ddl.mode === 'default') throw new Fault('ALREADY_EXISTS', 'duplicate', `Already Exists: Row access policy ${ddl.name}`)
    const now_ms = clock.now_ms()
    const filter = JSON.stringify({ text: ddl.filter, duckSql: ddl.filterDuckSql })
    await shelf.write(shelf.putPolicy({ ...path, policyId: ddl.name, created_ms: before?.created_ms ?? now_ms, updated_ms: now_ms, grantees: [...ddl.grantees], filter }), [tableFact(table, 'policy', this.parts.job)])
    return { ddlOperationPerformed: before ? 'REPLACE' : 'CREATE', ddlTargetRowAccessPolicy: { ...path, policyId: ddl.name } }
  }
}

const skipped = (): Json => ({ ddlOperationPerformed: 'SKIP' })

const refuses = (before: unknown, mode: CreateMode): boolean => before !== undefined && mode === 'ifNotExists'

function absent(ifExists: boolean, fault: Fault): Json {
  if (ifExists) return skipped()
  throw fault
}

/** What a copy takes over from its source. */
function inherited({ description, labels, timePartitioning, rangePartitioning, clustering, requirePartitionFilter }: TableConfig): TableConfig {
  const all = { description, labels, timePartitioning, rangePartitioning, clustering, requirePartitionFilter }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function partitionConfig(partitionBy: PartitionBy | undefined, clusterBy: readonly string[] | undefined): TableConfig {
  const config: TableConfig = {}
  if (partitionBy?.granularity === 'RANGE') config.rangePartitioning = { field: partitionBy.column, range: partitionBy.range! }
  else if (partitionBy) config.timePartitioning = { type: partitionBy.granularity, ...(!/^_PARTITION(?:TIME|DATE)$/i.test(partitionBy.column) && { field: partitionBy.column }) }
  if (clusterBy && clusterBy.length > 0) config.clustering = { fields: [...clusterBy] }
  return config
}

function constraintsOf({ constraints }: CreateTable): TableConfig {
  if (!constraints?.length) return {}
  const primary = constraints.find(({ kind }) => kind === 'primaryKey')
  const foreign = constraints.filter(({ kind }) => kind === 'foreignKey')
  return {
    tableConstraints: {
      ...(primary && { primaryKey: { columns: primary.columns } }),
      ...(foreign.length > 0 && { foreignKeys: foreign.map(({ name, columns, references }) => ({ ...(name && { name }), referencedTable: references!.table, columnReferences: columns.map((column, index) => ({ referencingColumn: column, referencedColumn: references!.columns[index] })) })) }),
    },
  }
}

