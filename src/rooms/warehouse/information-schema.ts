/** INFORMATION_SCHEMA and __TABLES__: the ledger's rows as tables of constants, made anew for each question. */
import type { Clock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import { noDataset } from './faults.ts'
import type { JobShelf } from './shelf.jobs.ts'
import type { WarehouseShelf } from './shelf.ts'
import { fingerprint } from './fingerprint.ts'
import { duckLiteral, name } from './sql/literal.ts'
import { duckType, sqlName, typeOfField } from './sql/sqltype.ts'
import type { CatalogTable, NameRef, ScalarKind, SqlType, Value } from './sql/types.ts'
import type { Dataset, DatasetRef, Field, Job, Table, TablePath } from './types.ts'

const OBJECTS_MAX = 10_000
const JOBS_MAX = 10_000

type Column = [name: string, kind: ScalarKind, value: (row: any) => unknown]

interface Viewer {
  projectId: string
  user: string
}

export class InformationSchema {
  private readonly shelf: WarehouseShelf
  private readonly jobShelf: JobShelf
  private readonly clock: Clock

  constructor(parts: { shelf: WarehouseShelf; jobShelf: JobShelf; clock: Clock }) {
    this.shelf = parts.shelf
    this.jobShelf = parts.jobShelf
    this.clock = parts.clock
  }

  async relation(ref: NameRef, viewer: Viewer): Promise<CatalogTable> {
    const view = ref.id.slice(ref.id.indexOf('.') + 1).toUpperCase()
    const region = ref.datasetId === undefined || /^region-/i.test(ref.datasetId)
    const path = { projectId: ref.projectId, datasetId: ref.datasetId ?? '', tableId: ref.id }
    const datasets = region ? await this.shelf.datasets(ref.projectId, '', OBJECTS_MAX) : [await this.dataset(path)]
    const rows = await this.rows(view, datasets, ref.projectId, viewer)
    if (!rows) throw new Fault('NOT_FOUND', 'notFound', `Not found: Table ${ref.projectId}:${path.datasetId}.${ref.id}`)
    return constants(path, rows.columns, rows.rows)
  }

  async tablesOf(path: TablePath): Promise<CatalogTable> {
    await this.dataset(path)
    const tables = await this.shelf.tables(path, { limit: OBJECTS_MAX })
    return constants(path, TABLES_META, tables)
  }

  private async dataset(ref: DatasetRef): Promise<Dataset> {
    const dataset = await this.shelf.dataset(ref)
    if (!dataset) throw noDataset(ref)
    return dataset
  }

  private async rows(view: string, datasets: readonly Dataset[], projectId: string, viewer: Viewer): Promise<{ columns: Column[]; rows: readonly unknown[] } | undefined> {
    const all = async <T>(list: (dataset: Dataset) => Promise<readonly T[]>): Promise<T[]> => (await Promise.all(datasets.map(list))).flat()
    const tables = () => all((dataset) => this.shelf.tables(dataset, { limit: OBJECTS_MAX }))
    switch (view) {
      case 'SCHEMATA':
        return { columns: SCHEMATA, rows: view === 'SCHEMATA' ? await this.shelf.datasets(projectId, '', OBJECTS_MAX) : datasets }
      case 'TABLES':
        return { columns: TABLES, rows: await tables() }
      case 'COLUMNS':
        return { columns: COLUMNS, rows: (await tables()).flatMap((table) => table.fields.map((field, index) => ({ table, field, position: index + 1 }))) }
      case 'COLUMN_FIELD_PATHS':
        return { columns: FIELD_PATHS, rows: (await tables()).flatMap((table) => table.fields.flatMap((field) => fieldPaths(table, field.name, field, field.name))) }
      case 'VIEWS':
        return { columns: VIEWS, rows: (await tables()).filter(({ config }) => config.view) }
      case 'TABLE_OPTIONS':
        return { columns: TABLE_OPTIONS, rows: (await tables()).flatMap((table) => optionsOf(table)) }
      case 'SCHEMATA_OPTIONS':
        return { columns: SCHEMATA_OPTIONS, rows: datasets.flatMap((dataset) => datasetOptions(dataset)) }
      case 'ROUTINES':
        return { columns: ROUTINES, rows: await all((dataset) => this.shelf.routines(dataset, '', OBJECTS_MAX)) }
      case 'PARAMETERS': {
        const routines = await all((dataset) => this.shelf.routines(dataset, '', OBJECTS_MAX))
        return { columns: PARAMETERS, rows: routines.flatMap((routine) => ((routine.config['arguments'] ?? []) as any[]).map((argument, index) => ({ routine, argument, position: index + 1 }))) }
      }
      case 'PARTITIONS':
        return { columns: PARTITIONS, rows: (await tables()).filter(({ physical }) => physical !== null) }
      case 'TABLE_STORAGE':
        return { columns: TABLE_STORAGE, rows: (await tables()).filter(({ physical }) => physical !== null) }
      case 'JOBS':
      case 'JOBS_BY_PROJECT':
      case 'JOBS_BY_USER': {
        const user = view === 'JOBS_BY_USER' ? { user: viewer.user } : {}
        return { columns: JOBS, rows: await this.jobShelf.list(projectId, { ...user, limit: JOBS_MAX }) }
      }
      default:
        return undefined
    }
  }
}

const micros = (ms: number | null): Value => (ms === null ? null : new Date(ms).toISOString().replace('T', ' ').replace('Z', '+00'))
const yes = (value: boolean): string => (value ? 'YES' : 'NO')

const KINDS: Record<string, string> = { TABLE: 'BASE TABLE', VIEW: 'VIEW', MATERIALIZED_VIEW: 'MATERIALIZED VIEW', SNAPSHOT: 'SNAPSHOT', EXTERNAL: 'EXTERNAL' }
const META_KINDS: Record<string, number> = { TABLE: 1, VIEW: 2, EXTERNAL: 3, MATERIALIZED_VIEW: 4, SNAPSHOT: 5 }

const of = (pick: (row: any) => Table): Column[] => [
  ['table_catalog', 'STRING', (row) => pick(row).projectId],
  ['table_schema', 'STRING', (row) => pick(row).datasetId],
  ['table_name', 'STRING', (row) => pick(row).tableId],
]
const self = (row: Table): Table => row
const itsTable = (row: { table: Table }): Table => row.table

const SCHEMATA: Column[] = [
  ['catalog_name', 'STRING', (row: Dataset) => row.projectId],
  ['schema_name', 'STRING', (row: Dataset) => row.datasetId],
  ['schema_owner', 'STRING', () => null],
  ['creation_time', 'TIMESTAMP', (row: Dataset) => micros(row.created_ms)],
  ['last_modified_time', 'TIMESTAMP', (row: Dataset) => micros(row.updated_ms)],
  ['location', 'STRING', (row: Dataset) => row.location],
  ['ddl', 'STRING', (row: Dataset) => `CREATE SCHEMA \`${row.projectId}.${row.datasetId}\`\nOPTIONS(\n  location="${row.location.toLowerCase()}"\n);`],
  ['default_collation_name', 'STRING', (row: Dataset) => row.config['defaultCollation'] ?? 'NULL'],
]

const TABLES: Column[] = [
  ...of(self),
  ['table_type', 'STRING', (row: Table) => KINDS[row.kind]],
  ['is_insertable_into', 'STRING', (row: Table) => yes(row.kind === 'TABLE')],
  ['is_typed', 'STRING', () => 'NO'],
  ['is_change_history_enabled', 'STRING', () => 'NO'],
  ['creation_time', 'TIMESTAMP', (row: Table) => micros(row.created_ms)],
  ['base_table_catalog', 'STRING', () => null],
  ['base_table_schema', 'STRING', () => null],
  ['base_table_name', 'STRING', () => null],
  ['snapshot_time_ms', 'TIMESTAMP', () => null],
  ['ddl', 'STRING', (row: Table) => ddlOf(row)],
  ['default_collation_name', 'STRING', (row: Table) => row.config['defaultCollation'] ?? 'NULL'],
]

const COLUMNS: Column[] = [
  ...of(itsTable),
  ['column_name', 'STRING', (row) => row.field.name],
  ['ordinal_position', 'INT64', (row) => row.position],
  ['is_nullable', 'STRING', (row) => yes(row.field.mode !== 'REQUIRED')],
  ['data_type', 'STRING', (row) => typeName(row.field)],
  ['is_generated', 'STRING', () => 'NEVER'],
  ['generation_expression', 'STRING', () => null],
  ['is_stored', 'STRING', () => null],
  ['is_hidden', 'STRING', () => 'NO'],
  ['is_updatable', 'STRING', () => null],
  ['is_system_defined', 'STRING', () => 'NO'],
  ['is_partitioning_column', 'STRING', (row) => yes(partitionField(row.table) === row.field.name)],
  ['clustering_ordinal_position', 'INT64', (row) => clusteringPosition(row.table, row.field.name)],
  ['collation_name', 'STRING', (row) => row.field.collation ?? 'NULL'],
  ['column_default', 'STRING', (row) => row.field.defaultValueExpression ?? 'NULL'],
  ['rounding_mode', 'STRING', (row) => row.field.roundingMode ?? null],
]

const FIELD_PATHS: Column[] = [
  ...of(itsTable),
  ['column_name', 'STRING', (row) => row.column],
  ['field_path', 'STRING', (row) => row.path],
  ['data_type', 'STRING', (row) => typeName(row.field)],
  ['description', 'STRING', (row) => row.field.description ?? null],
  ['collation_name', 'STRING', (row) => row.field.collation ?? 'NULL'],
  ['rounding_mode', 'STRING', (row) => row.field.roundingMode ?? null],
]

const VIEWS: Column[] = [...of(self), ['view_definition', 'STRING', (row: Table) => row.config.view?.query], ['check_option', 'STRING', () => null], ['use_standard_sql', 'STRING', () => 'YES']]

const TABLE_OPTIONS: Column[] = [...of(itsTable), ['option_name', 'STRING', (row) => row.name], ['option_type', 'STRING', (row) => row.type], ['option_value', 'STRING', (row) => row.value]]

const SCHEMATA_OPTIONS: Column[] = [
  ['catalog_name', 'STRING', (row) => row.dataset.projectId],
  ['schema_name', 'STRING', (row) => row.dataset.datasetId],
  ['option_name', 'STRING', (row) => row.name],
  ['option_type', 'STRING', (row) => row.type],
  ['option_value', 'STRING', (row) => row.value],
]

const routineColumns = (pick: (row: any) => any): Column[] => [
  ['specific_catalog', 'STRING', (row) => pick(row).projectId],
  ['specific_schema', 'STRING', (row) => pick(row).datasetId],
  ['specific_name', 'STRING', (row) => pick(row).routineId],
]

const ROUTINES: Column[] = [
  ...routineColumns((row) => row),
  ['routine_catalog', 'STRING', (row) => row.projectId],
  ['routine_schema', 'STRING', (row) => row.datasetId],
  ['routine_name', 'STRING', (row) => row.routineId],
  ['routine_type', 'STRING', (row) => ({ SCALAR_FUNCTION: 'FUNCTION', TABLE_VALUED_FUNCTION: 'TABLE FUNCTION', AGGREGATE_FUNCTION: 'AGGREGATE FUNCTION' })[String(row.config.routineType)] ?? row.config.routineType],
  ['data_type', 'STRING', (row) => row.config.returnType?.typeKind ?? null],
  ['routine_body', 'STRING', (row) => (row.config.language === 'JAVASCRIPT' ? 'EXTERNAL' : 'SQL')],
  ['routine_definition', 'STRING', (row) => row.config.definitionBody],
  ['external_language', 'STRING', (row) => (row.config.language === 'JAVASCRIPT' ? 'JAVASCRIPT' : null)],
  ['is_deterministic', 'STRING', (row) => (row.config.determinismLevel === undefined ? null : yes(row.config.determinismLevel === 'DETERMINISTIC'))],
  ['security_type', 'STRING', () => null],
  ['created', 'TIMESTAMP', (row) => micros(row.created_ms)],
  ['last_altered', 'TIMESTAMP', (row) => micros(row.updated_ms)],
  ['ddl', 'STRING', () => null],
]

const PARAMETERS: Column[] = [
  ...routineColumns((row) => row.routine),
  ['ordinal_position', 'INT64', (row) => row.position],
  ['parameter_mode', 'STRING', (row) => row.argument.mode ?? null],
  ['is_result', 'STRING', () => 'NO'],
  ['parameter_name', 'STRING', (row) => row.argument.name ?? null],
  ['data_type', 'STRING', (row) => row.argument.dataType?.typeKind ?? 'ANY TYPE'],
  ['parameter_default', 'STRING', () => null],
  ['is_aggregate', 'STRING', () => null],
]

/** One row a table: the house does not divide tables into partitions. */
const PARTITIONS: Column[] = [
  ...of(self),
  ['partition_id', 'STRING', () => null],
  ['total_rows', 'INT64', (row: Table) => row.rows],
  ['total_logical_bytes', 'INT64', (row: Table) => row.bytes],
  ['total_billable_bytes', 'INT64', (row: Table) => row.bytes],
  ['last_modified_time', 'TIMESTAMP', (row: Table) => micros(row.updated_ms)],
  ['storage_tier', 'STRING', () => 'ACTIVE'],
]

const TABLE_STORAGE: Column[] = [
  ['project_id', 'STRING', (row: Table) => row.projectId],
  ['table_catalog', 'STRING', (row: Table) => row.projectId],
  ['table_schema', 'STRING', (row: Table) => row.datasetId],
  ['table_name', 'STRING', (row: Table) => row.tableId],
  ['creation_time', 'TIMESTAMP', (row: Table) => micros(row.created_ms)],
  ['total_rows', 'INT64', (row: Table) => row.rows],
  ['total_partitions', 'INT64', () => 1],
  ['total_logical_bytes', 'INT64', (row: Table) => row.bytes],
  ['active_logical_bytes', 'INT64', (row: Table) => row.bytes],
  ['storage_last_modified_time', 'TIMESTAMP', (row: Table) => micros(row.updated_ms)],
  ['table_type', 'STRING', (row: Table) => KINDS[row.kind]],
]

const JOBS: Column[] = [
  ['creation_time', 'TIMESTAMP', (row: Job) => micros(row.created_ms)],
  ['project_id', 'STRING', (row: Job) => row.projectId],
  ['user_email', 'STRING', (row: Job) => row.user],
  ['job_id', 'STRING', (row: Job) => row.jobId],
  ['parent_job_id', 'STRING', (row: Job) => row.parent],
  ['job_type', 'STRING', (row: Job) => row.kind],
  ['statement_type', 'STRING', (row: Job) => (row.statistics['query'] as any)?.statementType ?? null],
  ['start_time', 'TIMESTAMP', (row: Job) => micros(row.started_ms)],
  ['end_time', 'TIMESTAMP', (row: Job) => micros(row.ended_ms)],
  ['query', 'STRING', (row: Job) => (row.configuration['query'] as any)?.query ?? null],
  ['state', 'STRING', (row: Job) => row.state],
  ['total_bytes_processed', 'INT64', (row: Job) => row.statistics['totalBytesProcessed'] ?? null],
  ['total_bytes_billed', 'INT64', (row: Job) => row.statistics['totalBytesProcessed'] ?? null],
  ['total_slot_ms', 'INT64', () => null],
  ['cache_hit', 'BOOL', (row: Job) => (row.kind === 'QUERY' ? 'false' : null)],
  ['error_result', 'JSON', (row: Job) => (row.error === null ? null : JSON.stringify(row.error))],
  ['labels', 'JSON', (row: Job) => JSON.stringify(row.configuration['labels'] ?? {})],
  ['priority', 'STRING', (row: Job) => (row.configuration['query'] as any)?.priority ?? null],
]

const TABLES_META: Column[] = [
  ['project_id', 'STRING', (row: Table) => row.projectId],
  ['dataset_id', 'STRING', (row: Table) => row.datasetId],
  ['table_id', 'STRING', (row: Table) => row.tableId],
  ['creation_time', 'INT64', (row: Table) => row.created_ms],
  ['last_modified_time', 'INT64', (row: Table) => row.updated_ms],
  ['row_count', 'INT64', (row: Table) => row.rows],
  ['size_bytes', 'INT64', (row: Table) => row.bytes],
  ['type', 'INT64', (row: Table) => META_KINDS[row.kind]],
]

function constants(path: TablePath, columns: Column[], rows: readonly unknown[]): CatalogTable {
  const names = columns.map(([each]) => name(each))
  const types = columns.map(([, kind]): SqlType => ({ kind }))
  const cells = rows.map((row) => columns.map(([, , value], index) => duckLiteral(types[index]!, asValue(value(row)))))
  const empty = `SELECT ${columns.map((_, index) => `CAST(NULL AS ${duckType(types[index]!)}) AS ${names[index]}`).join(', ')} WHERE false`
  const relation = cells.length === 0 ? `(${empty})` : `(SELECT * FROM (VALUES ${cells.map((row) => `(${row.join(', ')})`).join(', ')}) AS v(${names.join(', ')}))`
  return {
    kind: 'table', path, version: fingerprint(relation), relation,
    columns: columns.map(([each, kind]) => ({ name: each, type: FIELD_TYPES[kind] ?? 'STRING', mode: 'NULLABLE', column: name(each) })),
  }
}

const FIELD_TYPES: Partial<Record<ScalarKind, Field['type']>> = { INT64: 'INTEGER', BOOL: 'BOOLEAN', TIMESTAMP: 'TIMESTAMP', JSON: 'JSON' }

const asValue = (value: unknown): Value => (value === null || value === undefined ? null : String(value))

/** INT64, STRING(10), ARRAY<STRUCT<a INT64>> … */
function typeName(field: Field): string {
  if (field.maxLength !== undefined) return `${sqlName(typeOfField({ ...field, mode: 'NULLABLE' }))}(${field.maxLength})`
  if (field.precision !== undefined) return `${sqlName(typeOfField({ ...field, mode: 'NULLABLE' }))}(${field.precision}${field.scale === undefined ? '' : `, ${field.scale}`})`
  return sqlName(typeOfField(field))
}

const partitionField = ({ config }: Table): string | undefined => config.timePartitioning?.field ?? config.rangePartitioning?.field

function clusteringPosition({ config }: Table, column: string): number | null {
  const at = config.clustering?.fields.indexOf(column) ?? -1
  return at < 0 ? null : at + 1
}

function fieldPaths(table: Table, path: string, field: Field, column: string): { table: Table; path: string; field: Field; column: string }[] {
  return [{ table, path, field, column }, ...(field.fields ?? []).flatMap((inner) => fieldPaths(table, `${path}.${inner.name}`, inner, column))]
}

function optionsOf(table: Table): { table: Table; name: string; type: string; value: string }[] {
  const { description, friendlyName, labels, requirePartitionFilter } = table.config
  return [
    ...(description === undefined ? [] : [{ table, name: 'description', type: 'STRING', value: JSON.stringify(description) }]),
    ...(friendlyName === undefined ? [] : [{ table, name: 'friendly_name', type: 'STRING', value: JSON.stringify(friendlyName) }]),
    ...(labels === undefined ? [] : [{ table, name: 'labels', type: 'ARRAY<STRUCT<STRING, STRING>>', value: labelsText(labels) }]),
    ...(requirePartitionFilter ? [{ table, name: 'require_partition_filter', type: 'BOOL', value: 'true' }] : []),
  ]
}

function datasetOptions(dataset: Dataset): { dataset: Dataset; name: string; type: string; value: string }[] {
  const { description, labels } = dataset.config as { description?: string; labels?: Record<string, string> }
  return [
    { dataset, name: 'location', type: 'STRING', value: JSON.stringify(dataset.location) },
    ...(description === undefined ? [] : [{ dataset, name: 'description', type: 'STRING', value: JSON.stringify(description) }]),
    ...(labels === undefined ? [] : [{ dataset, name: 'labels', type: 'ARRAY<STRUCT<STRING, STRING>>', value: labelsText(labels) }]),
  ]
}

const labelsText = (labels: Record<string, string>): string => `[${Object.entries(labels).map(([key, value]) => `STRUCT(${JSON.stringify(key)}, ${JSON.stringify(value)})`).join(', ')}]`

function ddlOf(table: Table): string {
  const full = `\`${table.projectId}.${table.datasetId}.${table.tableId}\``
  if (table.config.view) return `CREATE VIEW ${full}\nAS ${table.config.view.query};`
  const columns = table.fields.map((field) => `  ${field.name} ${typeName(field)}${field.mode === 'REQUIRED' ? ' NOT NULL' : ''}`)
  const { timePartitioning, clustering } = table.config
  const partition = timePartitioning ? `\nPARTITION BY ${timePartitioning.field ?? '_PARTITIONDATE'}` : ''
  const cluster = clustering ? `\nCLUSTER BY ${clustering.fields.join(', ')}` : ''
  return `CREATE TABLE ${full}\n(\n${columns.join(',\n')}\n)${partition}${cluster};`
}
