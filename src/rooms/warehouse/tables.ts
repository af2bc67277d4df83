/** Tables and views as resources: made, read, listed, changed and removed over the API. Rows come by jobs, streams and statements. */
import type { Clock } from '#ground/clock.ts'
import type { Catalog } from './catalog.ts'
import { splitDecorator } from './catalog.ts'
import { readConfig, refusePublic } from './datasets.ts'
import type { Step } from './engine/messages.ts'
import { conditionNotMet, invalid, noDataset, noTable, tableTaken } from './faults.ts'
import { fingerprint } from './fingerprint.ts'
import { CLUSTER_FIELDS_MAX, TABLE_ID_BYTES_MAX } from './limits.ts'
import type { PublicData } from './public-data.ts'
import { isAnonymous, type Results } from './results.ts'
import { readSchema, schemaChange } from './schema.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { Compiler } from './sql/types.ts'
import type { Dataset, DatasetRef, Field, Json, Table, TableConfig, TablePath } from './types.ts'
import type { Writer } from './writer.ts'

const FIXED = new Set([
  'kind', 'id', 'etag', 'selfLink', 'tableReference', 'creationTime', 'lastModifiedTime', 'numRows', 'numBytes', 'numLongTermBytes', 'numTotalLogicalBytes', 'numActiveLogicalBytes', 'type', 'location', 'schema',
  'expirationTime', 'streamingBuffer', 'rewritten_ms',
])

const PARTITION_TYPES = new Set(['HOUR', 'DAY', 'MONTH', 'YEAR'])

export class Tables {
  private readonly shelf: WarehouseShelf
  private readonly writer: Writer
  private readonly clock: Clock
  private readonly compiler: Compiler
  private readonly catalog: Catalog
  private readonly publicData: PublicData
  private readonly results: Results

  constructor(parts: { shelf: WarehouseShelf; writer: Writer; clock: Clock; compiler: Compiler; catalog: Catalog; publicData: PublicData; results: Results }) {
    this.shelf = parts.shelf
    this.writer = parts.writer
    this.clock = parts.clock
    this.compiler = parts.compiler
    this.catalog = parts.catalog
    this.publicData = parts.publicData
    this.results = parts.results
  }

  async get(path: TablePath): Promise<Table> {
    const [tableId] = splitDecorator(path.tableId)
    if (isAnonymous(path.datasetId)) return this.resultTable(path)
    await this.publicData.prepare(path)
    const table = await this.shelf.table({ ...path, tableId })
    if (table) return table
    if (!(await this.shelf.dataset(path))) throw noDataset(path)
    throw noTable(path)
  }

  async list(ref: DatasetRef, after: string, limit: number): Promise<Table[]> {
    await this.publicData.prepare(ref)
    if (!(await this.shelf.dataset(ref))) throw noDataset(ref)
    return this.shelf.tables(ref, { after, limit })
  }

  async create(path: TablePath, body: Json, user: string): Promise<Table> {
    refusePublic(path.projectId)
    refuseName(path.tableId)
    const dataset = await this.shelf.dataset(path)
    if (!dataset) throw noDataset(path)
    const config = readConfig({}, body, FIXED) as TableConfig
    const expires_ms = expiration(body) ?? defaultExpiration(dataset, this.clock.now_ms())
    if (config.view || config.materializedView) return this.createView(path, config, body, user, expires_ms)
    if (config['externalDataConfiguration']) throw invalid('External tables are not supported.', 'externalDataConfiguration')
    const fields = readSchema(body['schema'])
    refusePartitioning(config, fields)
    const changed = await this.writer.change({
      job: '', path, operation: 'create', work: {},
      plan: (before) => {
        if (before) throw tableTaken(path)
        return { how: 'create', fields, config, expires_ms, steps: () => [] }
      },
    })
    return changed!.after
  }

  /** `replace` is PUT: what the body leaves out is gone. */
  async change(path: TablePath, body: Json, options: { replace: boolean; etag: string | undefined; user: string }): Promise<Table> {
    refusePublic(path.projectId)
    const table = await this.get(path)
    if (options.etag !== undefined && options.etag !== tableEtag(table)) throw conditionNotMet()
    const config = readConfig(options.replace ? kept(table.config) : table.config, body, FIXED) as TableConfig
    if (!options.replace) for (const key of ['view', 'materializedView'] as const) if (body[key] && table.config[key]) (config as Json)[key] = { ...table.config[key], ...(body[key] as Json) }
    const expires_ms = body['expirationTime'] === undefined ? (options.replace ? null : table.expires_ms) : expiration(body)
    if (table.physical === null) {
      const fields = body['view'] ? await this.viewFields(path, config, options.user) : body['schema'] ? described(table.fields, readSchema(body['schema'])) : table.fields
      return this.writer.alone(path, async () => this.writer.describe(await this.get(path), { ...table, config, fields, expires_ms }, 'update', ''))
    }
    const wanted = body['schema'] === undefined || body['schema'] === null ? table.fields : readSchema(body['schema'])
    const { fields, steps } = schemaChange(table.fields, wanted)
    refusePartitioning(config, fields)
    if (steps.length === 0) return this.writer.alone(path, async () => this.writer.describe(table, { ...(await this.get(path)), config, fields, expires_ms }, 'update', ''))
    const changed = await this.writer.change({
      job: '', path, operation: 'update', work: {},
      plan: (before) => {
        if (!before) throw noTable(path)
        const change = schemaChange(before.fields, wanted)
        return { how: 'alter', kind: before.kind, fields: change.fields, config, expires_ms, steps: (physical) => change.steps.map((sql): Step => ({ kind: 'run', sql: sql.replaceAll('$table', physical) })) }
      },
    })
    return changed!.after
  }

  async remove(path: TablePath): Promise<void> {
    refusePublic(path.projectId)
    if (isAnonymous(path.datasetId)) return
    await this.writer.alone(path, async () => this.writer.drop(await this.get(path), ''))
  }

  private async createView(path: TablePath, config: TableConfig, body: Json, user: string, expires_ms: number | null): Promise<Table> {
    if (config.view?.useLegacySql === true) throw invalid('Views in legacy SQL are not supported; set useLegacySql to false.', 'view.useLegacySql')
    const fields = described(await this.viewFields(path, config, user), readSchema(body['schema']))
    const now_ms = this.clock.now_ms()
    const kind = config.view ? 'VIEW' : 'MATERIALIZED_VIEW'
    const view: Table = { ...path, kind, physical: null, generation: 1, rows: 0, bytes: 0, version: 1, created_ms: now_ms, updated_ms: now_ms, expires_ms, fields, config, damage: null }
    return this.writer.alone(path, async () => {
      if (await this.shelf.table(path)) throw tableTaken(path)
      return this.writer.describe(undefined, view, 'create', '')
    })
  }

  private async viewFields(path: TablePath, config: TableConfig, user: string): Promise<Field[]> {
    const query = config.view?.query ?? config.materializedView?.query
    if (typeof query !== 'string' || query.trim() === '') throw invalid('A view needs a query.', 'view.query')
    const statement = await this.compiler.compile(query, { projectId: path.projectId, javascript: true, catalog: this.catalog.for({ projectId: path.projectId, user }) })
    if (statement.kind !== 'query') throw invalid('A view is one query.', 'view.query')
    return [...statement.schema]
  }

  private resultTable(path: TablePath): Table {
    const result = this.results.table(path)
    if (!result) throw noTable(path)
    const { schema, rows, created_ms, relation } = result
    return { ...path, kind: 'TABLE', physical: relation, generation: 1, rows, bytes: 0, version: 1, created_ms, updated_ms: created_ms, expires_ms: created_ms + 24 * 3600_000, fields: [...schema], config: {}, damage: null }
  }
}

export const tableEtag = ({ projectId, datasetId, tableId, version, created_ms }: Table): string => fingerprint(`${projectId}:${datasetId}.${tableId}.${created_ms}.${version}`)

function refuseName(tableId: string): void {
  if (/^[\p{L}\p{M}\p{N}\p{Pc}\p{Pd}\p{Zs}]+$/u.test(tableId) && Buffer.byteLength(tableId) <= TABLE_ID_BYTES_MAX) return
  throw invalid(`Invalid table ID "${tableId.slice(0, 100)}".`, 'tableReference.tableId')
}

function refusePartitioning(config: TableConfig, fields: readonly Field[]): void {
  const { timePartitioning, rangePartitioning, clustering } = config
  const find = (name: string) => fields.find((field) => field.name.toLowerCase() === name.toLowerCase())
  if (timePartitioning) {
    if (!PARTITION_TYPES.has(timePartitioning.type)) throw invalid(`Invalid value for timePartitioning.type: ${String(timePartitioning.type).slice(0, 40)}`, 'timePartitioning.type')
    if (timePartitioning.field !== undefined) {
      const field = find(timePartitioning.field)
      if (!field || !['DATE', 'TIMESTAMP', 'DATETIME'].includes(field.type)) throw invalid(`The field specified for partitioning can be only of type DATE, TIMESTAMP or DATETIME: ${timePartitioning.field}`, 'timePartitioning.field')
    }
  }
  if (rangePartitioning && find(rangePartitioning.field)?.type !== 'INTEGER') throw invalid(`The field specified for range partitioning has to be an INTEGER: ${rangePartitioning.field}`, 'rangePartitioning.field')
  if (clustering) {
    if (clustering.fields.length > CLUSTER_FIELDS_MAX) throw invalid(`At most ${CLUSTER_FIELDS_MAX} clustering fields are allowed.`, 'clustering.fields')
    for (const name of clustering.fields) if (!find(name)) throw invalid(`The field specified for clustering cannot be found in the schema: ${name}`, 'clustering.fields')
  }
}

function expiration(body: Json): number | null {
  const given = body['expirationTime']
  return given === undefined || given === null ? null : Number(given)
}

function defaultExpiration({ config }: Dataset, now_ms: number): number | null {
  const age = config['defaultTableExpirationMs']
  return age === undefined ? null : now_ms + Number(age)
}

/** What PUT does not take away. */
function kept(config: TableConfig): TableConfig {
  return { ...(config.view && { view: config.view }), ...(config.materializedView && { materializedView: config.materializedView }), ...(config.rewritten_ms !== undefined && { rewritten_ms: config.rewritten_ms }), ...(config.timePartitioning && { timePartitioning: config.timePartitioning }) }
}

function described(fields: readonly Field[], given: readonly Field[]): Field[] {
  return fields.map((field) => {
    const description = given.find((each) => each.name === field.name)?.description
    return description === undefined ? field : { ...field, description }
  })
}

