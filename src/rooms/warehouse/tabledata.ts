/** Rows of tables: pages of them, and rows that are streamed in. */
import type { Ids } from '#ground/ids.ts'
import { Fault } from '#ground/fault.ts'
import type { Catalog } from './catalog.ts'
import type { Engine } from './engine/engine.ts'
import type { Page, PageOptions, RowError } from './engine/messages.ts'
import { refusePublic } from './datasets.ts'
import { damagedTable, invalid, noTable } from './faults.ts'
import { columnOf } from './schema.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { Results } from './results.ts'
import { typeOfField } from './sql/sqltype.ts'
import type { Compiler } from './sql/types.ts'
import type { Tables } from './tables.ts'
import type { Field, Table, TablePath } from './types.ts'
import { changedFact, ingestionColumn, notATable, pathOf, PARTITION_TIME, type Detail, type Writer } from './writer.ts'

export interface RowsWanted extends PageOptions {
  /** Rows to leave out. */
  skip: number
  /** Where the page before ended. */
  after: number | undefined
  selected: string | undefined
  signal: AbortSignal
}

export class TableData {
  private readonly engine: Engine
  private readonly shelf: WarehouseShelf
  private readonly writer: Writer
  private readonly tables: Tables
  private readonly compiler: Compiler
  private readonly catalog: Catalog
  private readonly results: Results
  private readonly ids: Ids

  constructor(parts: { engine: Engine; shelf: WarehouseShelf; writer: Writer; tables: Tables; compiler: Compiler; catalog: Catalog; results: Results; ids: Ids }) {
    this.engine = parts.engine
    this.shelf = parts.shelf
    this.writer = parts.writer
    this.tables = parts.tables
    this.compiler = parts.compiler
    this.catalog = parts.catalog
    this.results = parts.results
    this.ids = parts.ids
  }

  async page(path: TablePath, user: string, wanted: RowsWanted): Promise<{ table: Table; page: Page; rows: number }> {
    const table = await this.tables.get(path)
    if (table.damage !== null) throw damagedTable(table, table.damage)
    if (table.physical === null) throw new Fault('INVALID_ARGUMENT', 'invalid', `Cannot list a table of type ${table.kind}.`)
    const relation = await this.catalog.table({ projectId: path.projectId, user }, path)
    if (!relation) throw noTable(path)
    const result = this.results.table(path)
    const all = table.fields.map((field, index) => ({ field, column: result ? `o${index + 1}` : columnOf(field.name) }))
    const chosen = selectedColumns(all, wanted.selected)
    const where = relation.rowFilter
    // A partition's rows are a query of their own, whose row ids are its table's.
    const source = relation.relation === table.physical || result ? relation.relation : `(SELECT rowid, * FROM ${table.physical} WHERE rowid IN (SELECT rowid FROM ${relation.relation.replace('SELECT *', 'SELECT rowid')}))`
    const page = await this.engine.call(
      'page',
      {
        relation: source, columns: chosen.map(({ column }) => column), types: chosen.map(({ field }) => typeOfField(field)), names: chosen.map(({ field }) => field.name), skip: wanted.skip, rows_max: wanted.rows_max,
        bytes_max: wanted.bytes_max, timestamps: wanted.timestamps, ...(wanted.after !== undefined && { after: wanted.after }), ...(where !== undefined && { where }),
      },
      { signal: wanted.signal },
    )
    const rows = where === undefined && source === relation.relation ? table.rows : await this.engine.call('count', { relation: source, ...(where !== undefined && { where }) })
    return { table, page, rows }
  }

  /** Streamed rows. The body is read in the engine's process; with a suffix the rows go to `table` + suffix, made like the table. */
  async insert(given: TablePath, body: Uint8Array, suffix: string | undefined, signal: AbortSignal): Promise<RowError[]> {
    refusePublic(given.projectId)
    const path = suffix === undefined ? given : await this.suffixed(given, suffix)
    return this.writer.alone(path, async () => {
      const table = await this.tables.get(path)
      if (table.physical === null) throw notATable(table)
      if (table.damage !== null) throw damagedTable(table, table.damage)
      if (table.fields.length === 0) throw invalid('The table has no schema; rows cannot be streamed into it.')
      const planned: Table = { ...table, generation: table.generation + 1, version: table.version + 1 }
      const detail: Detail = { table: planned, previous: { physical: table.physical, generation: table.generation }, operation: 'insertAll' }
      const job = `stream:${this.ids.next()}`
      const fields = ingestionColumn(table.config) === undefined ? table.fields : [...table.fields, { name: PARTITION_TIME, type: 'TIMESTAMP' as const }]
      const answer = await this.engine.insertRows(
        { job, physical: table.physical, generation: planned.generation, detail: JSON.stringify(detail), fields, body, defaults: await this.defaults(table) },
        { signal },
      )
      if (answer.inserted > 0) {
        const changed = { before: table, after: { ...planned, rows: answer.rows, bytes: answer.bytes, updated_ms: this.writer.now_ms() }, answer: { changed: answer.inserted, tables: [], mistakes: [] }, operation: 'insertAll', job }
        await this.shelf.write(this.writer.statements(changed), [changedFact(changed)])
      }
      return answer.errors
    })
  }

  private async suffixed(template: TablePath, suffix: string): Promise<TablePath> {
    const table = await this.tables.get(template)
    const path = { ...pathOf(template), tableId: `${template.tableId}${suffix}` }
    const { rewritten_ms: _gone, ...config } = table.config
    await this.writer.change({ job: '', path, operation: 'create', work: {}, plan: (before) => (before ? undefined : { how: 'create', fields: table.fields, config, steps: () => [] }) })
    return path
  }

  /** DEFAULT expressions as the engine's texts. */
  async defaults(table: Table): Promise<Record<string, string>> {
    const defaults: Record<string, string> = {}
    if (ingestionColumn(table.config) !== undefined) defaults[PARTITION_TIME] = `date_trunc('${table.config.timePartitioning!.type.toLowerCase()}', now())`
    for (const field of table.fields) {
      if (field.defaultValueExpression === undefined) continue
      defaults[field.name] = await this.defaultOf(table, field)
    }
    return defaults
  }

  private async defaultOf(table: Table, field: Field): Promise<string> {
    const type = typeOfField(field)
    const statement = await this.compiler.compile(`SELECT CAST((${field.defaultValueExpression}) AS ${type.kind === 'ARRAY' || type.kind === 'STRUCT' || type.kind === 'RANGE' ? 'STRING' : type.kind}) AS v`, {
      projectId: table.projectId, catalog: this.catalog.for({ projectId: table.projectId, user: '' }),
    })
    if (statement.kind !== 'query') throw invalid(`The default of ${field.name} is not an expression.`)
    return `SELECT o1 FROM (${statement.duckSql})`
  }
}

/** `selectedFields=a,b.c`: whole columns; of a record all of it is given, as long as one of its fields is wanted. */
function selectedColumns<T extends { field: Field }>(all: readonly T[], selected: string | undefined): readonly T[] {
  if (selected === undefined || selected === '') return all
  const names = new Set(selected.split(',').map((each) => each.trim().split('.')[0]!.toLowerCase()))
  for (const name of names) if (!all.some(({ field }) => field.name.toLowerCase() === name)) throw invalid(`Invalid selected field: ${name}`, 'selectedFields')
  return all.filter(({ field }) => names.has(field.name.toLowerCase()))
}
