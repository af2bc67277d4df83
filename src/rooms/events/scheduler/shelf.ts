/** Persistence of scheduled jobs. */
import { Fault } from '#ground/fault.ts'
import type { Ledger, Migration, Statement } from '#ground/ledger.ts'
import type { RetryConfig, ScheduledJob, Target } from './types.ts'

interface JobRow {
  name: string
  project: string
  location: string
  state: string
  next_ms: number | null
  created_ms: number
  updated_ms: number
  last_attempt_ms: number | null
  status: string | null
  config: string
}

export const scheduleMigrations: Migration[] = [
  {
    number: 1,
    name: 'schedules',
    up: (db) => [
      db.schema
        .createTable('schedules')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('project', 'text', (column) => column.notNull())
        .addColumn('location', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('next_ms', 'bigint')
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('updated_ms', 'bigint', (column) => column.notNull())
        .addColumn('last_attempt_ms', 'bigint')
        .addColumn('status', 'text')
        .addColumn('config', 'text', (column) => column.notNull()),
      db.schema.createIndex('schedules_next').on('schedules').column('next_ms'),
    ],
  },
]

export class ScheduleShelf {
  private readonly ledger: Ledger
  private readonly db

  constructor(ledger: Ledger) {
    this.ledger = ledger
    this.db = ledger.builder<{ schedules: JobRow }>()
  }

  async find(name: string): Promise<ScheduledJob | undefined> {
    const row = await this.ledger.first(this.db.selectFrom('schedules').selectAll().where('name', '=', name))
    return row && asJob(row)
  }

  async list(project: string, location: string, after: string, limit: number): Promise<ScheduledJob[]> {
    const query = this.db.selectFrom('schedules').selectAll().where('project', '=', project).where('location', '=', location).where('name', '>', after).orderBy('name').limit(limit)
    return (await this.ledger.read(query)).map(asJob)
  }

  async soonest(limit: number): Promise<ScheduledJob[]> {
    return (await this.ledger.read(this.db.selectFrom('schedules').selectAll().where('next_ms', 'is not', null).orderBy('next_ms').limit(limit))).map(asJob)
  }

  async add(job: ScheduledJob): Promise<void> {
    const exists = () => new Fault('ALREADY_EXISTS', 'alreadyExists', `Job ${job.name} already exists.`)
    await this.ledger.write({ query: this.db.insertInto('schedules').values(asRow(job)).onConflict((conflict) => conflict.doNothing()), rows: 1, otherwise: exists })
  }

  async change(job: ScheduledJob): Promise<void> {
    await this.ledger.write(this.db.updateTable('schedules').set(asRow(job)).where('name', '=', job.name))
  }

  async remove(name: string): Promise<void> {
    await this.ledger.write(this.db.deleteFrom('schedules').where('name', '=', name))
  }

  /** Its run and its next time are one write: a kill in between loses no run and makes no second one. */
  async advance({ name, next_ms }: ScheduledJob, after_ms: number | null, run: Statement | undefined): Promise<void> {
    const moved = { query: this.db.updateTable('schedules').set({ next_ms: after_ms }).where('name', '=', name).where('next_ms', '=', next_ms), rows: 1 }
    await this.ledger.write(moved, ...(run ? [run] : []))
  }

  async attempted(name: string, at_ms: number, status: ScheduledJob['status'], again: Statement | undefined): Promise<void> {
    const noted = this.db.updateTable('schedules').set({ last_attempt_ms: at_ms, status: status && JSON.stringify(status) }).where('name', '=', name)
    await this.ledger.write(noted, ...(again ? [again] : []))
  }
}

interface Config {
  description: string
  schedule: string
  timeZone: string
  target: Target
  retry: RetryConfig
  attemptDeadline_ms: number
}

function asRow({ name, project, location, state, next_ms, created_ms, updated_ms, lastAttempt_ms, status, ...config }: ScheduledJob): JobRow {
  return { name, project, location, state, next_ms, created_ms, updated_ms, last_attempt_ms: lastAttempt_ms, status: status && JSON.stringify(status), config: JSON.stringify(config satisfies Config) }
}

function asJob({ state, last_attempt_ms, status, config, ...row }: JobRow): ScheduledJob {
  return { ...row, state: state as ScheduledJob['state'], lastAttempt_ms: last_attempt_ms, status: status === null ? null : JSON.parse(status), ...(JSON.parse(config) as Config) }
}
