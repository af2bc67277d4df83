/** Jobs in the ledger. */
import type { Facts } from '#ground/facts.ts'
import type { Ledger, Statement } from '#ground/ledger.ts'
import { jobTaken } from './faults.ts'
import type { Job, JobRef } from './types.ts'

interface JobRow {
  project: string
  job: string
  location: string
  kind: string
  state: string
  created_ms: number
  started_ms: number | null
  ended_ms: number | null
  caller: string
  configuration: string
  statistics: string
  error: string | null
  errors: string
  parent: string | null
}

interface Tables {
  warehouse_jobs: JobRow
}

export interface JobFilter {
  states?: readonly string[]
  user?: string
  parent?: string
  minCreated_ms?: number
  maxCreated_ms?: number
  /** Jobs created before this one, for the next page. */
  before?: { created_ms: number; jobId: string }
  limit: number
}

export class JobShelf {
  private readonly ledger: Ledger
  private readonly facts: Facts
  private readonly db

  constructor(ledger: Ledger, facts: Facts) {
    this.ledger = ledger
    this.facts = facts
    this.db = ledger.builder<Tables>()
  }

  async get({ projectId, jobId }: JobRef): Promise<Job | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('warehouse_jobs').selectAll().where('project', '=', projectId).where('job', '=', jobId))
    return row && asJob(row)
  }

  /** The newest first. */
  async list(projectId: string, filter: JobFilter): Promise<Job[]> {
    let query = this.db.selectFrom('warehouse_jobs').selectAll().where('project', '=', projectId).orderBy('created_ms', 'desc').orderBy('job', 'desc').limit(filter.limit)
    if (filter.states) query = query.where('state', 'in', [...filter.states])
    if (filter.user !== undefined) query = query.where('caller', '=', filter.user)
    query = filter.parent === undefined ? query.where('parent', 'is', null) : query.where('parent', '=', filter.parent)
    if (filter.minCreated_ms !== undefined) query = query.where('created_ms', '>=', filter.minCreated_ms)
    if (filter.maxCreated_ms !== undefined) query = query.where('created_ms', '<=', filter.maxCreated_ms)
    const { before } = filter
    if (before) query = query.where((where) => where.or([where('created_ms', '<', before.created_ms), where.and([where('created_ms', '=', before.created_ms), where('job', '<', before.jobId)])]))
    return (await this.ledger.read(query)).map(asJob)
  }

  async unfinished(): Promise<Job[]> {
    return (await this.ledger.read(this.db.selectFrom('warehouse_jobs').selectAll().where('state', '!=', 'DONE'))).map(asJob)
  }

  async add(job: Job): Promise<void> {
    await this.ledger.write({ query: this.db.insertInto('warehouse_jobs').values(jobRow(job)).onConflict((conflict) => conflict.doNothing()), rows: 1, otherwise: jobTaken(job) })
  }

  put(job: Job): Statement {
    const row = jobRow(job)
    return { query: this.db.insertInto('warehouse_jobs').values(row).onConflict((conflict) => conflict.columns(['project', 'job']).doUpdateSet(row)) }
  }

  async finish(job: Job, statements: readonly Statement[] = []): Promise<void> {
    await this.ledger.write(...statements, this.put(job), this.finished(job))
  }

  finished(job: Job): Statement {
    const query = job.statistics['query'] as { referencedTables?: unknown } | undefined
    return this.facts.append({
      type: 'warehouse.job.finished',
      subject: `projects/${job.projectId}/jobs/${job.jobId}`,
      data: {
        project: job.projectId, job: job.jobId, kind: job.kind, user: job.user, parent: job.parent, error: job.error, created_ms: job.created_ms, ended_ms: job.ended_ms,
        read: query?.referencedTables ?? sourcesOf(job), written: destinationOf(job), sourceUris: (job.configuration['load'] as { sourceUris?: unknown } | undefined)?.sourceUris ?? [],
      },
    })
  }

  async remove({ projectId, jobId }: JobRef): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('warehouse_jobs').where('project', '=', projectId).where((where) => where.or([where('job', '=', jobId), where('parent', '=', jobId)])))
  }

  async prune(before_ms: number): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('warehouse_jobs').where('state', '=', 'DONE').where('created_ms', '<', before_ms))
  }
}

function destinationOf({ configuration }: Job): unknown {
  for (const kind of ['load', 'copy', 'query']) {
    const destination = (configuration[kind] as { destinationTable?: unknown } | undefined)?.destinationTable
    if (destination) return destination
  }
  return null
}

function sourcesOf({ configuration }: Job): unknown[] {
  const copy = configuration['copy'] as { sourceTable?: unknown; sourceTables?: unknown[] } | undefined
  const extract = configuration['extract'] as { sourceTable?: unknown } | undefined
  if (copy) return copy.sourceTables ?? (copy.sourceTable ? [copy.sourceTable] : [])
  return extract?.sourceTable ? [extract.sourceTable] : []
}

function asJob({ project, job, caller, kind, state, configuration, statistics, error, errors, ...same }: JobRow): Job {
  return {
    ...same, projectId: project, jobId: job, user: caller, kind: kind as Job['kind'], state: state as Job['state'], configuration: JSON.parse(configuration), statistics: JSON.parse(statistics),
    error: error === null ? null : JSON.parse(error), errors: JSON.parse(errors),
  }
}

function jobRow({ projectId, jobId, location, kind, state, created_ms, started_ms, ended_ms, user, configuration, statistics, error, errors, parent }: Job): JobRow {
  return {
    project: projectId, job: jobId, location, kind, state, created_ms, started_ms, ended_ms, caller: user, configuration: JSON.stringify(configuration), statistics: JSON.stringify(statistics),
    error: error && JSON.stringify(error), errors: JSON.stringify(errors), parent,
  }
}
