/**
 * A warehouse in one process for the tests of this folder: DuckDB in memory, a catalog in a Map, every statement carried out.
 * Not the room's engine: no jobs, no ledger, no limits.
 */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { systemClock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import { bindDuckSql, type Bindings } from '../bind.ts'
import { encodeChunk, valuesOfChunk, type Row } from '../encode.ts'
import { faultOfEngine } from '../engine/faults.ts'
import { JavaScriptFunctions } from '../engine/javascript/javascript.ts'
import { CONNECTION_SETTINGS, registerFunctions } from '../engine/register.ts'
import { name } from '../literal.ts'
import { duckType, typeOfField } from '../sqltype.ts'
import type { CatalogColumn, CatalogRelation, CatalogRoutine, CatalogSource, CatalogTable, CompiledQuery, Ddl, Field, NameRef, SqlType, Statement, StatementOutcome, TablePath, Value } from '../types.ts'

export interface Result {
  schema: readonly Field[]
  rows: Row[]
  affectedRows?: number
}

export class MemoryWarehouse implements CatalogSource {
  readonly relations = new Map<string, CatalogRelation>()
  readonly routines = new Map<string, CatalogRoutine>()
  readonly datasets = new Set<string>()
  readonly connection: DuckDBConnection
  readonly #javascript = new JavaScriptFunctions(systemClock())
  #version = 0
  last: Result = { schema: [], rows: [] }
  /** The last text that DuckDB was given, for `--explain`-like looks in tests. */
  lastSql = ''

  private constructor(connection: DuckDBConnection) {
    this.connection = connection
  }

  static async open(): Promise<MemoryWarehouse> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
    const connection = await instance.connect()
    registerFunctions(connection, systemClock())
    for (const each of CONNECTION_SETTINGS) await connection.run(each)
    await connection.run(`SET enable_external_access = false`)
    await connection.run(`SET lock_configuration = true`)
    return new MemoryWarehouse(connection)
  }

  // ---------------------------------------------------------------- catalog

  async relation(ref: NameRef): Promise<CatalogRelation | undefined> {
    const temp = ref.written.length === 1 ? this.relations.get(`_temp.${ref.id}`) : undefined
    return temp ?? this.relations.get(key({ projectId: ref.projectId, datasetId: ref.datasetId ?? '', tableId: ref.id }))
  }

  async wildcard(projectId: string, datasetId: string, prefix: string): Promise<readonly CatalogTable[]> {
    const start = key({ projectId, datasetId, tableId: prefix })
    return [...this.relations].filter(([each, relation]) => each.startsWith(start) && relation.kind === 'table').map(([, relation]) => relation as CatalogTable).reverse()
  }

  async routine(ref: NameRef): Promise<CatalogRoutine | undefined> {
    return this.routines.get(key({ projectId: ref.projectId, datasetId: ref.datasetId ?? '', tableId: ref.id }))
  }

  // ---------------------------------------------------------------- statements

  async carryOut(statement: Exclude<Statement, { kind: 'script' }>, bindings: Bindings = {}): Promise<StatementOutcome> {
    await this.#javascript.register(this.connection, statement.jsFunctions ?? [])
    switch (statement.kind) {
      case 'query':
        this.last = await this.#query(statement, bindings)
        return {}
      case 'dml': {
        for (const guard of statement.guards) await this.#run(bindDuckSql(guard, bindings))
        const result = await this.#run(bindDuckSql(statement.duckSql, bindings))
        const affectedRows = statement.counts === 'mergeAction' ? (await result.getRows()).length : result.rowsChanged
        this.last = { schema: [], rows: [], affectedRows }
        return { affectedRows }
      }
      case 'ddl':
        await this.#ddl(statement.ddl, bindings)
        this.last = { schema: [], rows: [] }
        return {}
      case 'transaction':
        await this.#run({ begin: 'BEGIN TRANSACTION', commit: 'COMMIT', rollback: 'ROLLBACK' }[statement.action])
        return {}
      default:
        throw new Fault('UNIMPLEMENTED', 'notImplemented', `${statement.kind} is the warehouse's own.`)
    }
  }

  async values(query: CompiledQuery, bindings: Bindings = {}): Promise<Value[][]> {
    const result = await this.#run(bindDuckSql(query.duckSql, bindings))
    return (await result.fetchAllChunks()).flatMap((chunk) => valuesOfChunk(chunk, query.types))
  }

  async #query(query: CompiledQuery, bindings: Bindings): Promise<Result> {
    const result = await this.#run(bindDuckSql(query.duckSql, bindings))
    const chunks = await result.fetchAllChunks()
    return { schema: query.schema, rows: chunks.flatMap((chunk) => encodeChunk(chunk, query.types, { timestamps: 'int64' }, query.schema.map((f) => f.name))) }
  }

  async #run(sql: string) {
    this.lastSql = sql
    try {
      return await this.connection.run(sql)
    } catch (thrown) {
      throw faultOfEngine(thrown)
    }
  }

  async #ddl(ddl: Ddl, bindings: Bindings): Promise<void> {
    switch (ddl.action) {
      case 'createTable':
        return this.#createTable(ddl, bindings)
      case 'createView':
        if (this.#exists(ddl.path, ddl.mode)) return
        this.relations.set(key(ddl.path), { kind: 'view', path: ddl.path, version: String(++this.#version), query: ddl.query, ...(ddl.columnNames ? { columnNames: ddl.columnNames } : {}) })
        return
      case 'createRoutine': {
        const { routine } = ddl
        if (this.routines.has(key(routine.path)) && ddl.mode === 'ifNotExists') return
        this.routines.set(key(routine.path), { ...routine, version: String(++this.#version) })
        return
      }
      case 'createSchema':
        if (this.datasets.has(ddl.datasetId) && ddl.mode === 'default') throw new Fault('ALREADY_EXISTS', 'duplicate', `Already Exists: Dataset ${ddl.projectId}:${ddl.datasetId}`)
        this.datasets.add(ddl.datasetId)
        return
      case 'drop':
        return this.#drop(ddl)
      case 'alter':
        return this.#alter(ddl, bindings)
      default:
        throw new Fault('UNIMPLEMENTED', 'notImplemented', `${ddl.action} is the warehouse's own.`)
    }
  }

  #exists(path: TablePath, mode: string): boolean {
    if (!this.relations.has(key(path)) || mode === 'orReplace') return false
    if (mode === 'ifNotExists') return true
    throw new Fault('ALREADY_EXISTS', 'duplicate', `Already Exists: Table ${path.projectId}:${path.datasetId}.${path.tableId}`)
  }

  async #createTable(ddl: Extract<Ddl, { action: 'createTable' }>, bindings: Bindings): Promise<void> {
    const path = ddl.temp ? { projectId: '', datasetId: '_temp', tableId: ddl.path.tableId } : ddl.path
    if (this.#exists(path, ddl.mode)) return
    const source = ddl.like ?? ddl.copy ?? ddl.clone?.source
    const from = source ? this.relations.get(key(source)) : undefined
    const fields = ddl.fields.length ? ddl.fields : from?.kind === 'table' ? from.columns : []
    const target = name(`t${++this.#version}`)
    const columns = fields.map((field) => `${name(field.name)} ${duckType(typeOfField(field))}${field.mode === 'REQUIRED' ? ' NOT NULL' : ''}`)
    await this.#run(`CREATE TABLE ${target} (${columns.join(', ')})`)
    if (ddl.query) await this.#run(`INSERT INTO ${target} ${bindDuckSql(ddl.query.duckSql, bindings)}`)
    else if (from?.kind === 'table' && !ddl.like) await this.#run(`INSERT INTO ${target} SELECT * FROM ${from.relation}`)
    this.relations.set(key(path), this.#table(path, target, fields))
  }

  #table(path: TablePath, target: string, fields: readonly Field[]): CatalogTable {
    const columns = fields.map((field): CatalogColumn => ({ ...field, column: name(field.name) }))
    return { kind: 'table', path, version: String(++this.#version), columns, relation: target, target }
  }

  #drop(ddl: Extract<Ddl, { action: 'drop' }>): void {
    if (ddl.object === 'SCHEMA') {
      this.datasets.delete(ddl.path.datasetId)
      return
    }
    const map = /FUNCTION|PROCEDURE/.test(ddl.object) ? this.routines : this.relations
    const temp = key({ projectId: '', datasetId: '_temp', tableId: ddl.path.tableId })
    if (map.delete(temp) || map.delete(key(ddl.path)) || ddl.ifExists) return
    throw new Fault('NOT_FOUND', 'notFound', `Not found: ${ddl.object} ${ddl.path.projectId}:${ddl.path.datasetId}.${ddl.path.tableId}`)
  }

  async #alter(ddl: Extract<Ddl, { action: 'alter' }>, bindings: Bindings): Promise<void> {
    let table = this.relations.get(key(ddl.path))
    if (!table || table.kind !== 'table') {
      if (ddl.ifExists) return
      throw new Fault('NOT_FOUND', 'notFound', `Not found: Table ${ddl.path.projectId}:${ddl.path.datasetId}.${ddl.path.tableId}`)
    }
    let path = ddl.path
    let fields: Field[] = [...table.columns]
    const at = (column: string) => fields.findIndex((field) => field.name.toLowerCase() === column.toLowerCase())
    for (const step of ddl.steps) {
      if (step.step === 'addColumn') {
        if (at(step.field.name) >= 0) {
          if (step.ifNotExists) continue
          throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `Column already exists: ${step.field.name}`)
        }
        await this.#run(`ALTER TABLE ${table.target} ADD COLUMN ${name(step.field.name)} ${duckType(typeOfField(step.field))}${step.default ? ` DEFAULT ${bindDuckSql(step.default, bindings)}` : ''}`)
        fields.push(step.field)
      } else if (step.step === 'dropColumn') {
        if (at(step.name) < 0) {
          if (step.ifExists) continue
          throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `Column not found: ${step.name}`)
        }
        await this.#run(`ALTER TABLE ${table.target} DROP COLUMN ${name(step.name)}`)
        fields = fields.filter((_, i) => i !== at(step.name))
      } else if (step.step === 'renameColumn') {
        await this.#run(`ALTER TABLE ${table.target} RENAME COLUMN ${name(step.from)} TO ${name(step.to)}`)
        fields[at(step.from)] = { ...fields[at(step.from)]!, name: step.to }
      } else if (step.step === 'columnType') {
        await this.#run(`ALTER TABLE ${table.target} ALTER COLUMN ${name(step.name)} TYPE ${duckType(typeOfField(step.field))}`)
        fields[at(step.name)] = step.field
      } else if (step.step === 'renameTo') {
        this.relations.delete(key(path))
        path = { ...path, tableId: step.tableId }
      } else if (step.step === 'columnDefault') {
        fields[at(step.name)] = { ...fields[at(step.name)]!, defaultValueExpression: step.expression ?? undefined }
      }
    }
    table = this.#table(path, table.target!, fields)
    this.relations.set(key(path), table)
  }
}

const key = (path: TablePath) => (path.datasetId === '_temp' ? `_temp.${path.tableId}` : `${path.projectId}:${path.datasetId}.${path.tableId}`)

export type { SqlType }
