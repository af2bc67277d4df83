/**
 * One query job being carried out: a statement, or a script with its child jobs, temporary tables and transaction. What statements mean
 * is the compiler's; what happens to tables goes through the writer.
 */
import type { Clock } from '#ground/clock.ts'
import { asFault, Fault } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import type { Catalog, TempTable, Viewer } from './catalog.ts'
import { Ddl } from './ddl.ts'
import { readDisposition, targetOf } from './dispositions.ts'
import type { Engine } from './engine/engine.ts'
import type { PageOptions, Page, Step } from './engine/messages.ts'
import { datasetName } from './faults.ts'
import { fingerprint } from './fingerprint.ts'
import { errorsOf, type RunningJob } from './jobs.ts'
import { SCRIPT_VALUES_ROWS_MAX } from './limits.ts'
import type { Results } from './results.ts'
import { columnsOf } from './schema.ts'
import type { JobShelf } from './shelf.jobs.ts'
import type { WarehouseShelf } from './shelf.ts'
import { bindStatement, type Bindings } from './sql/bind.ts'
import type { ScriptCompiler } from './sql/compiler.ts'
import { runScript } from './sql/script/run.ts'
import type {
  CatalogSource, ChildJob, CompiledQuery, CompileOptions, DmlStatement, ExportStatement, LoadStatement, ScriptStatement, Statement, StatementOutcome, Value,
} from './sql/types.ts'
import type { Field, Job, Json, TableConfig, TablePath } from './types.ts'
import type { Transaction, Writer } from './writer.ts'

export interface ExecutionParts {
  engine: Engine
  shelf: WarehouseShelf
  jobShelf: JobShelf
  writer: Writer
  catalog: Catalog
  results: Results
  compiler: ScriptCompiler
  clock: Clock
  ids: Ids
  /** EXPORT DATA and LOAD DATA are jobs of other kinds in SQL's clothes. */
  files: {
    exportQuery(sql: string, query: CompiledQuery, options: Json, running: RunningJob): Promise<number>
    load(configuration: Json, running: RunningJob, user: string): Promise<number>
  }
}

export type OneStatement = Exclude<Statement, ScriptStatement>

/** Where a query's rows go, when the job says so. */
export interface Destination {
  path: TablePath
  configuration: Json
}

export class Execution {
  private readonly parts: ExecutionParts
  private readonly running: RunningJob
  private readonly options: Omit<CompileOptions, 'catalog'>
  private readonly temps = new Map<string, TempTable>()
  private readonly ddl: Ddl
  readonly catalog: CatalogSource
  private transaction: Transaction | undefined
  private readonly children: Job[] = []
  firstPage: Page | undefined

  constructor(parts: ExecutionParts, running: RunningJob, options: Omit<CompileOptions, 'catalog'>) {
    this.parts = parts
    this.running = running
    this.options = options
    const viewer: Viewer = { projectId: options.projectId, user: running.job.user, temps: this.temps, transaction: () => this.transaction }
    this.catalog = parts.catalog.for(viewer)
    this.ddl = new Ddl({ ...parts, temps: this.temps, job: running.key, work: () => this.work(0), values: (sql, types) => this.values(sql, types), transaction: () => this.transaction, catalog: this.catalog })
  }

  /** One statement as the job itself. */
  async statement(statement: OneStatement, bindings: Bindings, destination: Destination | undefined, page: PageOptions | undefined): Promise<void> {
    try {
      const outcome = await this.carryOut(bindStatement(statement, bindings), this.running.job, destination, page)
      this.running.job = { ...this.running.job, statistics: { ...this.running.job.statistics, ...outcome.statistics } }
    } finally {
      // What only a script could have gone on with.
      await this.rollback()
      await this.dropTemps()
    }
  }

  async script(text: string): Promise<void> {
    const { compiler, clock } = this.parts
    const options: CompileOptions = { ...this.options, catalog: this.catalog, signal: this.running.signal }
    try {
      const outcome = await runScript({
        compiler, clock, text, options,
        host: {
          catalog: this.catalog, projectId: this.options.projectId, signal: this.running.signal,
          ...(this.options.defaultDataset && { defaultDataset: this.options.defaultDataset }),
          run: (statement, child) => this.child(statement, child),
          rows: (query, _child, rows_max) => this.rows(query, rows_max),
          rollback: () => this.rollback(),
        },
      })
      this.tellScript(outcome.resultChild)
    } finally {
      await this.rollback()
      await this.dropTemps()
    }
  }

  private tellScript(resultChild: number | undefined): void {
    const { job } = this.running
    const bytes = this.children.reduce((sum, child) => sum + Number(child.statistics['totalBytesProcessed'] ?? 0), 0)
    const last = resultChild === undefined ? undefined : this.children.find((child) => child.statistics['childIndex'] === resultChild)
    const result = last && this.parts.results.ofJob(last)
    if (result) this.parts.results.share(job, result)
    const query = { ...(job.statistics['query'] as Json), statementType: 'SCRIPT', totalBytesProcessed: String(bytes), totalBytesBilled: String(bytes), cacheHit: false }
    const configuration = result ? { ...job.configuration, query: { ...(job.configuration['query'] as Json), destinationTable: result.path } } : job.configuration
    this.running.job = { ...job, configuration, statistics: { ...job.statistics, totalBytesProcessed: String(bytes), numChildJobs: String(this.children.length), query } }
  }

  private async child(statement: OneStatement, child: ChildJob): Promise<StatementOutcome> {
    const { clock, jobShelf, ids } = this.parts
    const parent = this.running.job
    const now_ms = clock.now_ms()
    const scriptStatistics = { evaluationKind: child.evaluationKind, stackFrames: child.stackFrames.map((frame) => ({ ...frame })) }
    const job: Job = {
      ...parent, jobId: `script_job_${ids.next()}_${child.index}`, created_ms: now_ms, started_ms: now_ms, parent: parent.jobId,
      configuration: { jobType: 'QUERY', query: { query: child.text, useLegacySql: false } }, statistics: { parentJobId: parent.jobId, scriptStatistics, childIndex: child.index }, error: null, errors: [],
    }
    const done = async (changes: Partial<Job>) => {
      const ended: Job = { ...job, ...changes, state: 'DONE', ended_ms: clock.now_ms() }
      this.children.push(ended)
      await jobShelf.finish(ended)
    }
    try {
      const { statistics, configuration, affectedRows } = await this.carryOut(statement, job, undefined, undefined)
      await done({ statistics: { ...job.statistics, ...statistics }, configuration: configuration ?? job.configuration })
      return { jobId: job.jobId, bytesProcessed: statement.bytesEstimate, ...(affectedRows !== undefined && { affectedRows }) }
    } catch (thrown) {
      await done(errorsOf(asFault(thrown)))
      throw thrown
    }
  }

  private async carryOut(statement: OneStatement, job: Job, destination: Destination | undefined, page: PageOptions | undefined): Promise<{ statistics: Json; configuration?: Json; affectedRows?: number }> {
    const bytes = String(statement.bytesEstimate)
    const common = {
      statementType: statement.statementType, totalBytesProcessed: bytes, totalBytesBilled: bytes, totalBytesProcessedAccuracy: 'PRECISE', cacheHit: false, totalPartitionsProcessed: '0', totalSlotMs: '0',
      referencedTables: statement.referencedTables.map(({ projectId, datasetId, tableId }) => ({ projectId, datasetId, tableId })),
      ...(statement.referencedRoutines.length > 0 && { referencedRoutines: statement.referencedRoutines.map(({ projectId, datasetId, tableId }) => ({ projectId, datasetId, routineId: tableId })) }),
    }
    const statistics = (query: Json): Json => ({ totalBytesProcessed: bytes, query: { ...common, ...query } })
    if (statement.jsFunctions?.length) await this.parts.engine.call('functions', { functions: statement.jsFunctions })
    switch (statement.kind) {
      case 'query':
        return destination ? { statistics: statistics(await this.into(statement, destination)) } : { statistics: statistics({}), configuration: await this.query(statement, job, page) }
      case 'dml': {
        const dml = await this.dml(statement)
        return { statistics: statistics(dml), affectedRows: Number(dml['numDmlAffectedRows']) }
      }
      case 'ddl':
        return { statistics: statistics(await this.ddl.run(statement)) }
      case 'export':
        return { statistics: statistics({ exportDataStatistics: { rowCount: String(await this.exported(statement)) } }) }
      case 'load':
        return { statistics: statistics({ loadQueryStatistics: { outputRows: String(await this.loaded(statement)) } }) }
      case 'transaction':
        await this.transact(statement.action)
        return { statistics: statistics({}) }
    }
  }

  // Rows

  private async query(query: CompiledQuery & { bytesEstimate: number }, job: Job, page: PageOptions | undefined): Promise<Json> {
    const { engine, results, clock, ids } = this.parts
    const relation = `scratch.main.r${ids.next()}`
    const path = { projectId: job.projectId, datasetId: anonymousDataset(job), tableId: `anon${relation.slice('scratch.main.r'.length)}` }
    const answer = await engine.query(
      { sql: query.duckSql, result: relation, types: query.types, names: query.schema.map((field) => field.name), page, ...(this.transaction && { session: this.transaction.session }) },
      this.work(query.bytesEstimate),
    )
    results.add(job, { schema: query.schema, types: query.types, relation, rows: answer.rows, created_ms: clock.now_ms(), path })
    const configuration = { ...job.configuration, query: { ...(job.configuration['query'] as Json), destinationTable: path, createDisposition: 'CREATE_IF_NEEDED', writeDisposition: 'WRITE_TRUNCATE' } }
    if (job === this.running.job) {
      this.firstPage = answer.page
      this.running.job = { ...job, configuration }
    }
    return configuration
  }

  private async into(query: CompiledQuery & { bytesEstimate: number }, { path, configuration }: Destination): Promise<Json> {
    const disposition = readDisposition(configuration, 'WRITE_EMPTY')
    const changed = await this.parts.writer.change({
      job: this.running.key, path, operation: 'query', work: this.work(query.bytesEstimate), transaction: this.transaction,
      plan: (before) => {
        const { how, fields, steps } = targetOf(path, before, query.schema, disposition)
        const columns = columnsOf(query.schema).join(', ')
        return {
          how, fields, config: { ...partitioningOf(configuration), ...before?.config },
          steps: (physical) => [...steps.map((sql): Step => ({ kind: 'run', sql: sql.replaceAll('$table', physical) })), { kind: 'count', sql: `INSERT INTO ${physical} (${columns}) ${query.duckSql}` }],
        }
      },
    })
    return { ddlOperationPerformed: changed?.before ? 'REPLACE' : 'CREATE' }
  }

  private rows(query: CompiledQuery, rows_max: number): Promise<Value[][]> {
    return this.parts.engine.call('values', { sql: query.duckSql, types: query.types, rows_max: Math.min(rows_max, SCRIPT_VALUES_ROWS_MAX), ...(this.transaction && { session: this.transaction.session }) }, this.work(0))
  }

  private values(sql: string, types: CompiledQuery['types']): Promise<Value[][]> {
    return this.parts.engine.call('values', { sql, types, rows_max: 1, ...(this.transaction && { session: this.transaction.session }) }, this.work(0))
  }

  // Changes

  private async dml(statement: DmlStatement): Promise<Json> {
    const guards = statement.guards.map((sql): Step => ({ kind: 'run', sql }))
    const step: Step = { kind: statement.counts === 'mergeAction' ? 'mergeActions' : 'count', sql: statement.duckSql }
    const temp = this.temps.get(statement.target.tableId.toLowerCase())
    const answer =
      temp && temp.path.datasetId === statement.target.datasetId
        ? await this.parts.engine.apply({ job: this.running.key, steps: [...guards, step], touched: [] }, this.work(statement.bytesEstimate))
        : (await this.changeRows(statement, [...guards, step])).answer
    const counts = answer.merge ?? {
      inserted: statement.verb === 'INSERT' ? answer.changed : 0,
      updated: statement.verb === 'UPDATE' ? answer.changed : 0,
      deleted: statement.verb === 'DELETE' || statement.verb === 'TRUNCATE' ? answer.changed : 0,
    }
    return {
      numDmlAffectedRows: String(answer.changed),
      dmlStats: { insertedRowCount: String(counts.inserted), updatedRowCount: String(counts.updated), deletedRowCount: String(counts.deleted) },
    }
  }

  private async changeRows(statement: DmlStatement, steps: Step[]) {
    const { writer } = this.parts
    const { target, verb } = statement
    // TRUNCATE leaves the old rows to time travel; UPDATE, DELETE and MERGE work in place.
    const changed = await writer.change({
      job: this.running.key, path: target, operation: verb.toLowerCase(), work: this.work(statement.bytesEstimate), transaction: this.transaction,
      plan: (before) => {
        if (!before) throw new Fault('NOT_FOUND', 'notFound', `Not found: Table ${datasetName(target)}.${target.tableId}`)
        return { how: verb === 'INSERT' ? 'append' : 'rewrite', fields: before.fields, config: before.config, steps: () => steps }
      },
      also: () => [],
    })
    return changed!
  }

  private async exported(statement: ExportStatement): Promise<number> {
    return this.parts.files.exportQuery(statement.query.duckSql, statement.query, await this.ddl.optionValues(statement.options), this.running)
  }

  private async loaded({ target, overwrite, fields, partitionBy, clusterBy, from, options }: LoadStatement): Promise<number> {
    const given = await this.ddl.optionValues(from)
    const configuration = this.ddl.loadConfiguration({ target, overwrite, given, options: await this.ddl.optionValues(options), ...(fields && { fields: fields as Field[] }), ...(partitionBy && { partitionBy }), ...(clusterBy && { clusterBy }) })
    return this.parts.files.load(configuration, this.running, this.running.job.user)
  }

  // Transactions and temporary tables

  private async transact(action: 'begin' | 'commit' | 'rollback'): Promise<void> {
    const { writer } = this.parts
    if (action === 'begin') {
      if (this.transaction) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', 'Transaction is already in progress; nested transactions are not supported.')
      this.transaction = await writer.begin()
      return
    }
    if (!this.transaction) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `There is no transaction to ${action}.`)
    if (action === 'rollback') return this.rollback()
    const { transaction } = this
    this.transaction = undefined
    await writer.commit(transaction)
  }

  private async rollback(): Promise<void> {
    const { transaction } = this
    this.transaction = undefined
    if (transaction) await this.parts.writer.rollback(transaction)
  }

  private async dropTemps(): Promise<void> {
    const relations = [...this.temps.values()].map(({ relation }) => relation)
    this.temps.clear()
    if (relations.length > 0) await this.parts.engine.call('drop', { relations })
  }

  private work(bytes: number) {
    return { signal: this.running.signal, bytes }
  }
}

export function anonymousDataset({ user }: Job): string {
  return `_${Buffer.from(fingerprint(user), 'base64url').toString('hex')}`
}

/** Partitioning and clustering that a job gives to the table it makes. */
export function partitioningOf(configuration: Json): TableConfig {
  const config: TableConfig = {}
  for (const key of ['timePartitioning', 'rangePartitioning', 'clustering'] as const) {
    if (configuration[key] !== undefined) (config as Json)[key] = configuration[key]
  }
  return config
}
