/** Query jobs: compiled before they are accepted, so that a wrong text is refused at once; run, and read page by page. */
import type { Clock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import type { Catalog } from './catalog.ts'
import type { Engine } from './engine/engine.ts'
import type { Page, PageOptions } from './engine/messages.ts'
import { Execution, type ExecutionParts } from './execution.ts'
import { invalid, resultGone } from './faults.ts'
import { faultOfJob, type Jobs } from './jobs.ts'
import { REQUEST_ID_AGE_MS } from './limits.ts'
import { readParameters } from './parameters.ts'
import type { Results } from './results.ts'
import { columnsOf } from './schema.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { CompileOptions, Compiler, Statement } from './sql/types.ts'
import { typeOfField } from './sql/sqltype.ts'
import type { Field, Job, JobRef, Json, TablePath } from './types.ts'

export interface QueryWanted {
  projectId: string
  jobId: string | undefined
  location: string | undefined
  /** The job's configuration: `query` and what stands beside it. */
  configuration: Json
  user: string
  /** With the first page at once: for jobs.query. */
  page?: PageOptions
}

export interface Rows {
  schema: readonly Field[]
  total: number
  page: Page
}

const LOCATION = 'US'
const FIRST_PAGES_MAX = 100

export class Queries {
  private readonly jobs: Jobs
  private readonly compiler: Compiler
  private readonly catalog: Catalog
  private readonly engine: Engine
  private readonly shelf: WarehouseShelf
  private readonly results: Results
  private readonly clock: Clock
  private readonly parts: ExecutionParts
  private readonly requests = new Map<string, { ref: Promise<JobRef>; at_ms: number }>()
  /** First pages that jobs.query is about to take. */
  private readonly firstPages = new Map<string, { page: Page; wanted: PageOptions }>()

  constructor(parts: ExecutionParts & { jobs: Jobs }) {
    this.parts = parts
    this.jobs = parts.jobs
    this.compiler = parts.compiler
    this.catalog = parts.catalog
    this.engine = parts.engine
    this.shelf = parts.shelf
    this.results = parts.results
    this.clock = parts.clock
  }

  /** The statement and its statistics, and nothing is done. Never in the list of jobs. */
  async dryRun(wanted: QueryWanted): Promise<Job> {
    const { statement } = await this.compile(wanted, true)
    const bytes = String(statement.bytesEstimate)
    const schema = statement.kind === 'query' ? { schema: { fields: statement.schema } } : {}
    const undeclared = statement.undeclaredParameters?.length ? { undeclaredQueryParameters: statement.undeclaredParameters.map(({ name }) => ({ ...(name !== undefined && { name }) })) } : {}
    const query = { statementType: statement.statementType, totalBytesProcessed: bytes, totalBytesBilled: '0', cacheHit: false, totalBytesProcessedAccuracy: 'PRECISE', referencedTables: statement.referencedTables.map(({ projectId, datasetId, tableId }) => ({ projectId, datasetId, tableId })), ...schema, ...undeclared }
    const now_ms = this.clock.now_ms()
    return {
      projectId: wanted.projectId, jobId: wanted.jobId ?? '', location: wanted.location ?? LOCATION, kind: 'QUERY', state: 'DONE', created_ms: now_ms, started_ms: now_ms, ended_ms: now_ms, user: wanted.user,
      configuration: { ...wanted.configuration, jobType: 'QUERY', dryRun: true }, statistics: { totalBytesProcessed: bytes, query }, error: null, errors: [], parent: null,
    }
  }

  async begin(wanted: QueryWanted): Promise<Job> {
    const { statement, options, text } = await this.compile(wanted, false)
    const query = wanted.configuration['query'] as Json
    const destination = query['destinationTable'] === undefined ? undefined : { path: query['destinationTable'] as TablePath, configuration: query }
    const timeout = wanted.configuration['jobTimeoutMs']
    const changes = statement.kind !== 'query' || destination !== undefined
    return this.jobs.begin(
      {
        projectId: wanted.projectId, jobId: wanted.jobId, location: wanted.location ?? (await this.locationOf(statement)), kind: 'QUERY', user: wanted.user, changes,
        configuration: { ...wanted.configuration, jobType: 'QUERY', query: { priority: 'INTERACTIVE', ...query, useLegacySql: false } },
        statistics: { query: { statementType: statement.statementType } }, ...(timeout !== undefined && Number(timeout) > 0 && { timeout_ms: Number(timeout) }),
      },
      async (running) => {
        const execution = new Execution(this.parts, running, options)
        if (statement.kind === 'script') return execution.script(text)
        await execution.statement(statement, { ...(options.parameters && { parameters: options.parameters }) }, destination, wanted.page)
        if (!execution.firstPage || !wanted.page) return
        this.firstPages.set(running.key, { page: execution.firstPage, wanted: wanted.page })
        // Those whose caller did not wait.
        if (this.firstPages.size > FIRST_PAGES_MAX) this.firstPages.delete(this.firstPages.keys().next().value!)
      },
    )
  }

  /** The same request id within a quarter of an hour is the same job. */
  async beginOnce(wanted: QueryWanted, requestId: string | undefined): Promise<JobRef> {
    if (requestId === undefined || requestId === '') return this.begin(wanted)
    const key = `${wanted.projectId}:${requestId}`
    const now_ms = this.clock.now_ms()
    for (const [old, { at_ms }] of this.requests) {
      if (now_ms - at_ms < REQUEST_ID_AGE_MS) break
      this.requests.delete(old)
    }
    const known = this.requests.get(key)
    if (known) return known.ref
    const ref = this.begin(wanted)
    this.requests.set(key, { ref, at_ms: now_ms })
    ref.catch(() => this.requests.delete(key))
    return ref
  }

  /** Rows of a job that has ended; undefined where its statement has none. */
  async rows(job: Job, options: PageOptions & { skip: number; after: number | undefined; signal: AbortSignal }): Promise<Rows | undefined> {
    const fault = faultOfJob(job)
    if (fault) throw fault
    const key = `${job.projectId}:${job.jobId}`
    const first = this.firstPages.get(key)
    this.firstPages.delete(key)
    const result = this.results.ofJob(job)
    const source = result ? { relation: result.relation, schema: result.schema, columns: result.types.map((_, index) => `o${index + 1}`), types: result.types, rows: result.rows } : await this.destination(job)
    if (!source) return undefined
    const same = first && first.wanted.rows_max === options.rows_max && first.wanted.timestamps === options.timestamps
    if (same && options.skip === 0 && options.after === undefined) return { schema: source.schema, total: source.rows, page: first.page }
    const { relation, schema, columns, types, rows } = source
    if (options.rows_max === 0) return { schema, total: rows, page: { json: Buffer.alloc(0), rows: 0, ...(rows > 0 && { next: -1 }) } }
    const { skip, after, rows_max, bytes_max, timestamps, signal } = options
    const page = await this.engine.call('page', { relation, columns, types, names: schema.map((field) => field.name), skip, rows_max, bytes_max, timestamps, ...(after !== undefined && after >= 0 && { after }) }, { signal })
    return { schema, total: rows, page }
  }

  /** A job with a destination has its rows there, as they are now. */
  private async destination(job: Job) {
    const query = job.configuration['query'] as { destinationTable?: TablePath } | undefined
    const type = (job.statistics['query'] as { statementType?: string } | undefined)?.statementType
    if (type !== 'SELECT') return undefined
    const table = query?.destinationTable && (await this.shelf.table(query.destinationTable))
    if (!table?.physical) throw resultGone(job)
    return { relation: table.physical, schema: table.fields, columns: columnsOf(table.fields), types: table.fields.map(typeOfField), rows: table.rows }
  }

  private async compile(wanted: QueryWanted, dryRun: boolean): Promise<{ statement: Statement; options: Omit<CompileOptions, 'catalog'>; text: string }> {
    const query = wanted.configuration['query'] as Json | undefined
    const given = query?.['query']
    if (typeof given !== 'string' || given.trim() === '') throw new Fault('INVALID_ARGUMENT', 'required', 'Required parameter is missing: query')
    const text = given.replace(/^\s*#standardSQL\b/i, '')
    if (/^\s*#legacySQL\b/i.test(text)) throw invalid('Legacy SQL is not supported; use GoogleSQL.', 'query')
    if (query!['useLegacySql'] === true) throw new Fault('INVALID_ARGUMENT', 'invalid', 'Legacy SQL is not supported; set useLegacySql to false and write GoogleSQL.', { details: { location: 'query' } })
    if (query!['createSession'] === true || sessionOf(query!)) throw new Fault('UNIMPLEMENTED', 'notImplemented', 'jobs.insert (sessions) is not implemented.')
    const parameters = readParameters(query!['queryParameters'], query!['parameterMode'] as string | undefined)
    const dataset = query!['defaultDataset'] as { projectId?: string; datasetId?: string } | undefined
    const defaultDataset = dataset?.datasetId ? { projectId: dataset.projectId ?? wanted.projectId, datasetId: dataset.datasetId } : undefined
    // The moment belongs to the compiled text only where the text asks for it; all others are compiled once.
    const moment = /\bSYSTEM_TIME\b/i.test(text) ? { now_us: this.clock.now_ms() * 1000 } : {}
    const options = { projectId: wanted.projectId, javascript: true, ...moment, ...(defaultDataset && { defaultDataset }), ...(parameters && { parameters }) }
    const statement = await this.compiler.compile(text, { ...options, catalog: this.catalog.for({ projectId: wanted.projectId, user: wanted.user, exactBytes: dryRun }) })
    const billed_max = Number(query!['maximumBytesBilled'] ?? 0)
    if (billed_max > 0 && statement.bytesEstimate > billed_max) {
      throw new Fault('INVALID_ARGUMENT', 'bytesBilledLimitExceeded', `Query exceeded limit for bytes billed: ${billed_max}. ${statement.bytesEstimate} or higher required.`)
    }
    return { statement, options, text }
  }

  /** A job runs where its tables are. */
  private async locationOf(statement: Statement): Promise<string> {
    const first = statement.referencedTables[0]
    return (first && (await this.shelf.dataset(first))?.location) ?? LOCATION
  }
}

function sessionOf(query: Json): boolean {
  return ((query['connectionProperties'] ?? []) as { key?: string }[]).some(({ key }) => key === 'session_id')
}
