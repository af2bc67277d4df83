/**
 * Durable work. A job is a row: enqueued in the transaction that wants it, leased by a worker, tried again with back-off,
 * run at its time, cancelled. It survives a restart; a handler may see a job twice and is idempotent by its id.
 */
import type { Selectable } from 'kysely'
import { sql } from 'kysely'
import { backoff_ms } from './dice.ts'
import type { Dice } from './dice.ts'
import type { Clock } from './clock.ts'
import { Fault, asFault } from './fault.ts'
import type { Ids } from './ids.ts'
import type { Ledger, Migration, Statement } from './ledger.ts'
import type { Log } from './telemetry.ts'
import { currentTrace, newTrace, withTrace } from './trace.ts'

const LEASE_MS = 30_000
const RETRY_BASE_MS = 1000
const RETRY_MAX_MS = 10 * 60_000
const TRIES_MAX = 10
/** Beside the timer for the next due job: what another node enqueued is seen after this. */
const POLL_MS = 5000

export type JobState = 'waiting' | 'running' | 'done' | 'failed' | 'cancelled'

export interface NewJob {
  queue: string
  payload: unknown
  /** At most one unfinished job of a queue has this key; a second one is not enqueued. */
  key?: string
  /** When it may run at the earliest; now by default. */
  run_at_ms?: number
  tries_max?: number
}

export interface Job {
  id: string
  queue: string
  payload: unknown
  state: JobState
  /** 1 on the first try. */
  attempt: number
  tries_max: number
  run_at_ms: number
  error: string | null
}

/** Thrown by a handler that wants to be called again at its own time, without that counting as a failed try. */
export class RunAgain extends Error {
  readonly at_ms: number
  constructor(at_ms: number) {
    super('run again')
    this.at_ms = at_ms
  }
}

export interface Jobs {
  /** The statement that enqueues it; goes into the same `ledger.write` as the change that wants it. */
  enqueue(job: NewJob): Statement & { id: string }
  work(queue: string, options: { concurrency: number; retry_base_ms?: number; retry_max_ms?: number }, handle: (job: Job, signal: AbortSignal) => Promise<void>): void
  get(id: string): Promise<Job | undefined>
  /** A waiting job never runs; a running one has its signal raised. False where it had already ended. */
  cancel(id: string): Promise<boolean>
  /** Ends of jobs older than this are forgotten. */
  prune(before_ms: number): Promise<number>
  stop(): Promise<void>
}

interface JobRow {
  id: string
  queue: string
  unique_key: string | null
  payload: string
  state: JobState
  run_at_ms: number
  lease_owner: string | null
  lease_until_ms: number | null
  tries: number
  tries_max: number
  error: string | null
  trace: string | null
  finished_ms: number | null
}
interface JobTables {
  jobs: JobRow
}

export const jobMigrations: Migration[] = [
  {
    number: 1,
    name: 'jobs',
    up: (db) => [
      db.schema
        .createTable('jobs')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('queue', 'text', (column) => column.notNull())
        .addColumn('unique_key', 'text')
        .addColumn('payload', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('run_at_ms', 'bigint', (column) => column.notNull())
        .addColumn('lease_owner', 'text')
        .addColumn('lease_until_ms', 'bigint')
        .addColumn('tries', 'integer', (column) => column.notNull())
        .addColumn('tries_max', 'integer', (column) => column.notNull())
        .addColumn('error', 'text')
        .addColumn('trace', 'text')
        .addColumn('finished_ms', 'bigint'),
      db.schema.createIndex('jobs_due').on('jobs').columns(['queue', 'state', 'run_at_ms']),
      db.schema.createIndex('jobs_unique').on('jobs').columns(['queue', 'unique_key']).unique().where(sql.ref('finished_ms'), 'is', null),
    ],
  },
]

export class LedgerJobs implements Jobs {
  private readonly ground: { ledger: Ledger; clock: Clock; ids: Ids; dice: Dice; log: Log }
  private readonly db
  private readonly owner: string
  private readonly workers = new Map<string, QueueWorker>()

  constructor(ground: { ledger: Ledger; clock: Clock; ids: Ids; dice: Dice; log: Log }) {
    this.ground = ground
    this.db = ground.ledger.builder<JobTables>()
    this.owner = ground.ids.next()
  }

  /** A house that holds its folder alone knows that whoever held a lease before is gone. */
  async releaseForeignLeases(): Promise<void> {
    await this.ground.ledger.write(
      this.db.updateTable('jobs').set({ state: 'waiting', lease_owner: null, lease_until_ms: null }).where('state', '=', 'running').where('lease_owner', '!=', this.owner),
    )
  }

  enqueue(job: NewJob): Statement & { id: string } {
    const row: JobRow = {
      id: this.ground.ids.next(),
      queue: job.queue,
      unique_key: job.key ?? null,
      payload: JSON.stringify(job.payload),
      state: 'waiting',
      run_at_ms: job.run_at_ms ?? this.ground.clock.now_ms(),
      lease_owner: null,
      lease_until_ms: null,
      tries: 0,
      tries_max: job.tries_max ?? TRIES_MAX,
      error: null,
      trace: currentTrace()?.traceId ?? null,
      finished_ms: null,
    }
    const query = this.db.insertInto('jobs').values(row).onConflict((conflict) => conflict.doNothing())
    return { id: row.id, query, topic: `jobs.${job.queue}` }
  }

  work(queue: string, options: { concurrency: number; retry_base_ms?: number; retry_max_ms?: number }, handle: (job: Job, signal: AbortSignal) => Promise<void>): void {
    if (this.workers.has(queue)) throw new Error(`the queue ${queue} has a worker already`)
    const worker = new QueueWorker(queue, options, handle, this.owner, this.ground)
    this.workers.set(queue, worker)
    worker.start()
  }

  async get(id: string): Promise<Job | undefined> {
    const row = await this.ground.ledger.first(this.db.selectFrom('jobs').selectAll().where('id', '=', id))
    return row && asJob(row)
  }

  async cancel(id: string): Promise<boolean> {
    const [cancelled] = await this.ground.ledger.write(
      this.db
        .updateTable('jobs')
        .set({ state: 'cancelled', finished_ms: this.ground.clock.now_ms(), lease_owner: null })
        .where('id', '=', id)
        .where('state', 'in', ['waiting', 'running']),
    )
    for (const worker of this.workers.values()) worker.interrupt(id)
    return cancelled?.changed === 1
  }

  async prune(before_ms: number): Promise<number> {
    const [result] = await this.ground.ledger.write(this.db.deleteFrom('jobs').where('finished_ms', '<', before_ms))
    return result?.changed ?? 0
  }

  async stop(): Promise<void> {
    await Promise.all([...this.workers.values()].map((worker) => worker.stop()))
  }
}

function asJob(row: Selectable<JobRow>): Job {
  return {
    id: row.id,
    queue: row.queue,
    payload: JSON.parse(row.payload),
    state: row.state,
    attempt: row.tries,
    tries_max: row.tries_max,
    run_at_ms: row.run_at_ms,
    error: row.error,
  }
}

/** Its earlier tries took the house down with them, or it would have come to an end by now. */
function neverEnded({ tries_max, error }: JobRow): Fault {
  return new Fault('ABORTED', 'neverEnded', `The job was begun ${tries_max} times and never came to an end${error === null ? '' : `; its last error was: ${error}`}.`)
}

class QueueWorker {
  private readonly queue: string
  private readonly options: { concurrency: number; retry_base_ms?: number; retry_max_ms?: number }
  private readonly handle: (job: Job, signal: AbortSignal) => Promise<void>
  private readonly owner: string
  private readonly ground: { ledger: Ledger; clock: Clock; dice: Dice; log: Log }
  private readonly db
  private readonly active = new Map<string, { abort: AbortController; done: Promise<void> }>()
  private stopped = false
  private looking: Promise<void> | undefined
  private lookAgain = false
  private cancelTimer: () => void = () => {}
  private unlisten: () => void = () => {}

  constructor(
    queue: string,
    options: { concurrency: number; retry_base_ms?: number; retry_max_ms?: number },
    handle: (job: Job, signal: AbortSignal) => Promise<void>,
    owner: string,
    ground: { ledger: Ledger; clock: Clock; dice: Dice; log: Log },
  ) {
    this.queue = queue
    this.options = options
    this.handle = handle
    this.owner = owner
    this.ground = ground
    this.db = ground.ledger.builder<JobTables>()
  }

  start(): void {
    this.unlisten = this.ground.ledger.onWritten(`jobs.${this.queue}`, () => this.look())
    this.look()
  }

  interrupt(id: string): void {
    this.active.get(id)?.abort.abort(new Error('the job was cancelled'))
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.unlisten()
    this.cancelTimer()
    await this.looking // What it may just have leased is begun, so that it is given back below.
    for (const { abort } of this.active.values()) abort.abort(new Error('the house is stopping'))
    await Promise.all([...this.active.values()].map(({ done }) => done))
  }

  /** Takes what is due, then sets the timer for what is next. Calls that come meanwhile are folded into one more look. */
  private look(): void {
    if (this.stopped) return
    if (this.looking) {
      this.lookAgain = true
      return
    }
    this.looking = this.lookOnce()
      .catch((thrown) => {
        this.ground.log.error({ queue: this.queue, err: thrown }, 'jobs could not be leased; tried again')
        this.lookAfter(POLL_MS)
      })
      .finally(() => {
        this.looking = undefined
        if (this.lookAgain) {
          this.lookAgain = false
          this.look()
        }
      })
  }

  private async lookOnce(): Promise<void> {
    const free = this.options.concurrency - this.active.size
    if (free > 0) (await this.lease(free)).forEach((row) => this.begin(row))
    if (this.stopped) return
    const next = await this.ground.ledger.first(
      this.db.selectFrom('jobs').select('run_at_ms').where('queue', '=', this.queue).where('state', '=', 'waiting').orderBy('run_at_ms').limit(1),
    )
    const wait_ms = next && this.active.size < this.options.concurrency ? next.run_at_ms - this.ground.clock.now_ms() : POLL_MS
    this.lookAfter(Math.min(Math.max(0, wait_ms), POLL_MS))
  }

  private lookAfter(delay_ms: number): void {
    if (this.stopped) return
    this.cancelTimer()
    this.cancelTimer = this.ground.clock.after(delay_ms, () => this.look())
  }

  private async lease(count: number): Promise<JobRow[]> {
    const now = this.ground.clock.now_ms()
    const due = this.db
      .selectFrom('jobs')
      .select('id')
      .where('queue', '=', this.queue)
      .where('run_at_ms', '<=', now)
      .where((where) => where.or([where('state', '=', 'waiting'), where.and([where('state', '=', 'running'), where('lease_until_ms', '<', now)])]))
      .orderBy('run_at_ms')
      .limit(count)
    const [taken] = await this.ground.ledger.write(
      this.db
        .updateTable('jobs')
        .set((set) => ({ state: 'running' as const, lease_owner: this.owner, lease_until_ms: now + LEASE_MS, tries: set('tries', '+', 1) }))
        .where('id', 'in', this.ground.ledger.dialect === 'postgres' ? due.forUpdate().skipLocked() : due)
        .returningAll(),
    )
    return (taken?.rows ?? []) as unknown as JobRow[]
  }

  private begin(row: JobRow): void {
    const abort = new AbortController()
    const trace = row.trace === null ? newTrace() : { ...newTrace(), traceId: row.trace }
    const done = withTrace(trace, () => this.run(row, abort.signal)).finally(() => {
      this.active.delete(row.id)
      this.look()
    })
    this.active.set(row.id, { abort, done })
  }

  private async run(row: JobRow, signal: AbortSignal): Promise<void> {
    const cancelHeartbeat = this.heartbeat(row.id)
    try {
      if (row.tries > row.tries_max) throw neverEnded(row)
      await this.handle(asJob(row), signal)
      await this.end(row, { state: 'done', error: null })
    } catch (thrown) {
      await this.failed(row, thrown, signal).catch((again) => this.ground.log.error({ job: row.id, err: again }, 'the end of a job could not be recorded'))
    } finally {
      cancelHeartbeat()
    }
  }

  private async failed(row: JobRow, thrown: unknown, signal: AbortSignal): Promise<void> {
    if (thrown instanceof RunAgain) return this.putBack(row, thrown.at_ms, row.tries - 1, null)
    // Stopping is no failure of the job: it waits for the next start.
    if (this.stopped && signal.aborted) return this.putBack(row, row.run_at_ms, row.tries - 1, row.error)
    const fault = asFault(thrown)
    const error = fault.code === 'INTERNAL' && fault.cause instanceof Error ? fault.cause.message : fault.message
    this.ground.log.warn({ queue: this.queue, job: row.id, attempt: row.tries, err: thrown }, 'a job failed')
    if (row.tries >= row.tries_max) return this.end(row, { state: 'failed', error })
    const base_ms = this.options.retry_base_ms ?? RETRY_BASE_MS
    const delay_ms = backoff_ms(row.tries - 1, base_ms, this.options.retry_max_ms ?? RETRY_MAX_MS, this.ground.dice)
    return this.putBack(row, this.ground.clock.now_ms() + delay_ms, row.tries, error)
  }

  private async putBack(row: JobRow, run_at_ms: number, tries: number, error: string | null): Promise<void> {
    await this.ground.ledger.write(
      this.mine(row.id).set({ state: 'waiting', run_at_ms, tries, error, lease_owner: null, lease_until_ms: null }),
    )
  }

  private async end(row: JobRow, outcome: { state: 'done' | 'failed'; error: string | null }): Promise<void> {
    await this.ground.ledger.write(this.mine(row.id).set({ ...outcome, finished_ms: this.ground.clock.now_ms(), lease_owner: null, lease_until_ms: null }))
  }

  /** Only while the lease is still ours: a cancelled job stays cancelled. */
  private mine(id: string) {
    return this.db.updateTable('jobs').where('id', '=', id).where('lease_owner', '=', this.owner).where('state', '=', 'running')
  }

  private heartbeat(id: string): () => void {
    let cancel = () => {}
    const beat = () => {
      const extended = this.mine(id).set({ lease_until_ms: this.ground.clock.now_ms() + LEASE_MS })
      this.ground.ledger.write(extended).catch((thrown) => this.ground.log.warn({ job: id, err: thrown }, 'a lease could not be extended'))
      cancel = this.ground.clock.after(LEASE_MS / 3, beat)
    }
    cancel = this.ground.clock.after(LEASE_MS / 3, beat)
    return () => cancel()
  }
}
