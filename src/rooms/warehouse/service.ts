/** The warehouse room's meaning as one thing: what its doors call, and what other rooms are given through their ports. */
import type { Clock } from '#ground/clock.ts'
import type { Resource } from '#ground/door.ts'
import { Fault } from '#ground/fault.ts'
import type { Ground } from '#ground/room.ts'
import { Catalog } from './catalog.ts'
import { Copies } from './copy.ts'
import { Datasets, refusePublic } from './datasets.ts'
import { Engine } from './engine/engine.ts'
import { Extracts } from './extract.ts'
import { required } from './faults.ts'
import { Files, type ObjectsPort, type SourceFile } from './files.ts'
import { InformationSchema } from './information-schema.ts'
import { Jobs, type RunningJob } from './jobs.ts'
import { Loads } from './load.ts'
import { PublicData } from './public-data.ts'
import { Queries } from './queries.ts'
import { ReadSessions } from './read-sessions.ts'
import { Results } from './results.ts'
import { RowPolicies } from './row-policies.ts'
import { JobShelf } from './shelf.jobs.ts'
import { WarehouseShelf } from './shelf.ts'
import type { ScriptCompiler } from './sql/compiler.ts'
import { TableData } from './tabledata.ts'
import { Tables } from './tables.ts'
import type { Job, JobKind, Json } from './types.ts'
import { Uploads } from './uploads.ts'
import { Writer } from './writer.ts'

/** Who may do what on a resource: kept by the identity room for all rooms. */
export interface PolicyPort {
  read(resource: Resource): Promise<Record<string, unknown>>
  write(resource: Resource, policy: Record<string, unknown>): Promise<Record<string, unknown>>
}

export interface WarehousePorts {
  objects: ObjectsPort
  policies: PolicyPort
}

const LOCATION = 'US'

export class WarehouseService {
  readonly clock: Clock
  readonly shelf: WarehouseShelf
  readonly jobShelf: JobShelf
  readonly engine: Engine
  readonly writer: Writer
  readonly results: Results
  readonly publicData: PublicData
  readonly catalog: Catalog
  readonly compiler: ScriptCompiler
  readonly files: Files
  readonly datasets: Datasets
  readonly tables: Tables
  readonly tabledata: TableData
  readonly policies: RowPolicies
  readonly jobs: Jobs
  readonly queries: Queries
  readonly loads: Loads
  readonly extracts: Extracts
  readonly copies: Copies
  readonly uploads: Uploads
  readonly readSessions: ReadSessions

  constructor({ ledger, facts, disk, ids, clock, dice, log }: Ground, ports: WarehousePorts, options: { compiler: ScriptCompiler; durable: boolean }) {
    this.clock = clock
    this.compiler = options.compiler
    this.shelf = new WarehouseShelf(ledger, facts)
    this.jobShelf = new JobShelf(ledger, facts)
    this.engine = new Engine({ clock, dice, disk, log, durable: options.durable })
    const { shelf, jobShelf, engine, compiler } = this
    this.writer = new Writer({ shelf, engine, clock, ids })
    this.results = new Results(engine, clock)
    const { writer, results } = this
    this.publicData = new PublicData({ shelf, writer, clock })
    const information = new InformationSchema({ shelf, jobShelf, clock })
    this.catalog = new Catalog({ shelf, results, information, publicData: this.publicData })
    const { catalog, publicData } = this
    this.files = new Files({ disk, ids, objects: ports.objects })
    const { files } = this
    this.datasets = new Datasets({ shelf, engine, clock, publicData })
    this.tables = new Tables({ shelf, writer, clock, compiler, catalog, publicData, results })
    const { tables } = this
    this.tabledata = new TableData({ engine, shelf, writer, tables, compiler, catalog, results, ids })
    this.policies = new RowPolicies({ shelf, tables, compiler, catalog, clock })
    this.jobs = new Jobs({ shelf: jobShelf, clock, ids, log })
    this.loads = new Loads({ engine, shelf, writer, files, catalog })
    this.extracts = new Extracts({ engine, shelf, files })
    this.copies = new Copies({ shelf, writer, catalog })
    this.queries = new Queries({
      jobs: this.jobs, engine, shelf, jobShelf, writer, catalog, results, compiler, clock, ids,
      files: {
        exportQuery: (sql, query, given, running) => this.extracts.query(sql, query, given, running),
        load: (configuration, running) => this.loads.run(configuration, running, undefined),
      },
    })
    this.uploads = new Uploads({ files, clock, ids })
    this.readSessions = new ReadSessions({ engine, tables, catalog, compiler, results, clock, ids })
    engine.onRestart(() => results.clear())
  }

  /** jobs.insert, for every kind of job. `file` is what the client uploaded with it. */
  async begin(projectId: string, body: Json, user: string, file: SourceFile | undefined): Promise<Job> {
    try {
      return await this.beginKind(projectId, body, user, file)
    } catch (thrown) {
      if (file) await this.files.discard([file])
      throw thrown
    }
  }

  /** What can be refused before the bytes arrive. */
  checkUpload(body: Json): void {
    const { load } = configurationOf(body)
    if (!load) throw new Fault('INVALID_ARGUMENT', 'invalid', 'Only load jobs take uploads.')
    this.loads.check(load as Json, true)
  }

  private async beginKind(projectId: string, body: Json, user: string, file: SourceFile | undefined): Promise<Job> {
    const configuration = configurationOf(body)
    const reference = (body['jobReference'] ?? {}) as { projectId?: string; jobId?: string; location?: string }
    if (reference.projectId !== undefined && reference.projectId !== projectId) throw new Fault('INVALID_ARGUMENT', 'invalid', `Value ${reference.projectId.slice(0, 100)} in the job reference does not agree with ${projectId} in the URL.`)
    const jobId = reference.jobId === '' ? undefined : reference.jobId
    if (configuration['query']) {
      const wanted = { projectId, jobId, location: reference.location, configuration, user }
      return configuration['dryRun'] === true ? this.queries.dryRun(wanted) : this.queries.begin(wanted)
    }
    const kind = (['load', 'extract', 'copy'] as const).find((each) => configuration[each])
    if (!kind) throw required('configuration.query, configuration.load, configuration.extract or configuration.copy')
    const job = configuration[kind] as Json
    if (kind === 'load') this.loads.check(job, file !== undefined)
    else if (kind === 'extract') this.extracts.check(job)
    else this.copies.check(job)
    const destination = job['destinationTable'] as { projectId?: string; datasetId?: string } | undefined
    if (destination?.projectId) refusePublic(destination.projectId)
    const dataset = (destination ?? job['sourceTable']) as { projectId: string; datasetId: string } | undefined
    const location = reference.location ?? (dataset && (await this.shelf.dataset(dataset))?.location) ?? LOCATION
    const timeout = Number(configuration['jobTimeoutMs'] ?? 0)
    const wanted = { projectId, jobId, location, kind: kind.toUpperCase() as JobKind, configuration: { ...configuration, jobType: kind.toUpperCase() }, user, changes: true, ...(timeout > 0 && { timeout_ms: timeout }) }
    return this.jobs.begin(wanted, (running) => this.run(kind, job, running, file))
  }

  private async run(kind: 'load' | 'extract' | 'copy', configuration: Json, running: RunningJob, file: SourceFile | undefined): Promise<void> {
    if (kind === 'load') await this.loads.run(configuration, running, file)
    else if (kind === 'extract') await this.extracts.run(configuration, running)
    else await this.copies.run(configuration, running)
  }
}

function configurationOf(body: Json): Json {
  const configuration = body['configuration']
  if (typeof configuration !== 'object' || configuration === null) throw required('configuration')
  return configuration as Json
}
