/**
 * Jobs: begun once under an id, run side by side, waited for, cancelled, and remembered. A job that changes data is in the ledger before
 * it begins; one that only reads is written down when it has ended, since running it again harms nobody.
 */
import type { Clock } from '#ground/clock.ts'
import { asFault, Fault, type FaultCode } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import type { Statement } from '#ground/ledger.ts'
import type { Log } from '#ground/telemetry.ts'
import type { LoadMistake } from './engine/messages.ts'
import { invalid, jobTaken, noJob } from './faults.ts'
import { JOB_ID_CHARS_MAX, JOB_MS_MAX, JOBS_RUNNING_MAX, LOAD_ERRORS_MAX } from './limits.ts'
import type { JobFilter, JobShelf } from './shelf.jobs.ts'
import type { ErrorProto, Job, JobKind, JobRef, Json } from './types.ts'

/** Jobs that have ended and are still at hand without the ledger. */
const RECENT_MAX = 2000

export interface NewJob {
  projectId: string
  jobId: string | undefined
  location: string
  kind: JobKind
  configuration: Json
  statistics?: Json
  user: string
  parent?: string
  timeout_ms?: number
  /** Whether it may change data. */
  changes: boolean
}

export interface RunningJob {
  job: Job
  signal: AbortSignal
  /** `project:job`, as the engine notes it. */
  readonly key: string
  /** Ledger statements already written together with what the job did; its end is then part of them. */
  finishing(): Statement[]
}

interface Live extends RunningJob {
  abort: AbortController
  done: Promise<Job>
  /** Its end, written together with what it did; nobody hears of it before that write is done. */
  written: Job | undefined
}

export class Jobs {
  private readonly shelf: JobShelf
  private readonly clock: Clock
  private readonly ids: Ids
  private readonly log: Log
  private readonly live = new Map<string, Live>()
  private readonly recent = new Map<string, Job>()
  private readonly written = new Set<Promise<void>>()

  constructor(parts: { shelf: JobShelf; clock: Clock; ids: Ids; log: Log }) {
    this.shelf = parts.shelf
    this.clock = parts.clock
    this.ids = parts.ids
    this.log = parts.log
  }

  /** Returns when it has begun; its end is `wait`'s. */
  async begin(wanted: NewJob, run: (running: RunningJob) => Promise<void>): Promise<Job> {
    const jobId = wanted.jobId ?? `job_${this.ids.next()}`
    if (!/^[\w-]+$/.test(jobId) || jobId.length > JOB_ID_CHARS_MAX) throw invalid(`Invalid job ID "${jobId.slice(0, 100)}": letters, digits, dashes and underscores are allowed, at most ${JOB_ID_CHARS_MAX}.`, 'jobReference.jobId')
    const key = `${wanted.projectId}:${jobId}`
    if (this.live.has(key) || this.recent.has(key)) throw jobTaken({ projectId: wanted.projectId, jobId })
    if (this.live.size >= JOBS_RUNNING_MAX) throw new Fault('RESOURCE_EXHAUSTED', 'rateLimitExceeded', `Exceeded rate limits: ${JOBS_RUNNING_MAX} jobs are running already.`, { httpStatus: 403 })
    const now_ms = this.clock.now_ms()
    const job: Job = {
      projectId: wanted.projectId, jobId, location: wanted.location, kind: wanted.kind, state: 'RUNNING', created_ms: now_ms, started_ms: now_ms, ended_ms: null, user: wanted.user,
      configuration: wanted.configuration, statistics: wanted.statistics ?? {}, error: null, errors: [], parent: wanted.parent ?? null,
    }
    const abort = new AbortController()
    const live: Live = { job, abort, signal: abort.signal, key, done: Promise.resolve(job), written: undefined, finishing: () => this.finishing(live) }
    // Taken before the first wait: two requests with one id must not both begin.
    this.live.set(key, live)
    try {
      if (wanted.changes) await this.shelf.add(job)
      else if (await this.shelf.get(job)) throw jobTaken(job)
    } catch (thrown) {
      this.live.delete(key)
      throw thrown
    }
    live.done = this.run(live, wanted, run)
    return job
  }

  async get(ref: JobRef): Promise<Job> {
    const job = this.live.get(keyOf(ref))?.job ?? this.recent.get(keyOf(ref)) ?? (await this.shelf.get(ref))
    if (!job) throw noJob(ref)
    return job
  }

  /** The job at its end, or as it stands when the time is up. */
  async wait(ref: JobRef, timeout_ms: number, signal: AbortSignal): Promise<Job> {
    const live = this.live.get(keyOf(ref))
    if (!live) return this.get(ref)
    const leave = new AbortController()
    await Promise.race([live.done, this.clock.sleep(timeout_ms, AbortSignal.any([signal, leave.signal])).catch(() => undefined)])
    leave.abort()
    return live.job
  }

  async cancel(ref: JobRef): Promise<Job> {
    this.live.get(keyOf(ref))?.abort.abort(stopped())
    return this.wait(ref, 500, new AbortController().signal)
  }

  async list(projectId: string, filter: JobFilter): Promise<Job[]> {
    await Promise.all(this.written)
    const running = [...this.live.values()].map(({ job }) => job).filter((job) => job.projectId === projectId && matches(job, filter))
    const stored = (await this.shelf.list(projectId, filter)).filter((job) => !running.some((each) => each.jobId === job.jobId))
    return [...running, ...stored].sort((a, b) => b.created_ms - a.created_ms || (a.jobId < b.jobId ? 1 : -1)).slice(0, filter.limit)
  }

  async remove(ref: JobRef): Promise<void> {
    const job = await this.get(ref)
    if (job.state !== 'DONE') throw invalid(`Job ${job.projectId}:${job.jobId} has not ended yet; only jobs that have ended can be deleted.`)
    await Promise.all(this.written)
    await this.shelf.remove(ref)
    this.recent.delete(keyOf(ref))
  }

  async stop(): Promise<void> {
    for (const { abort } of this.live.values()) abort.abort(new Fault('UNAVAILABLE', 'backendError', 'The house is stopping.'))
    await Promise.all([...this.live.values()].map(({ done }) => done))
    await Promise.all(this.written)
  }

  private async run(live: Live, wanted: NewJob, run: (running: RunningJob) => Promise<void>): Promise<Job> {
    const cancelTimer = this.clock.after(Math.min(wanted.timeout_ms ?? JOB_MS_MAX, JOB_MS_MAX), () => live.abort.abort(timedOut(wanted.timeout_ms ?? JOB_MS_MAX)))
    try {
      await run(live)
      live.job = live.written ?? this.ended(live.job)
    } catch (thrown) {
      const fault = live.signal.aborted && !(thrown instanceof Fault && thrown.code !== 'CANCELLED') ? asFault(live.signal.reason) : asFault(thrown)
      if (fault.code === 'INTERNAL') this.log.error({ err: thrown, job: live.key }, 'a job met an error of the house')
      live.job = { ...this.ended(live.job), ...errorsOf(fault) }
      live.written = undefined
    } finally {
      cancelTimer()
    }
    if (!live.written) await this.settle(live, wanted.changes)
    this.recent.set(live.key, live.job)
    if (this.recent.size > RECENT_MAX) this.recent.delete(this.recent.keys().next().value!)
    this.live.delete(live.key)
    return live.job
  }

  private ended(job: Job): Job {
    return { ...job, state: 'DONE', ended_ms: this.clock.now_ms() }
  }

  private finishing(live: Live): Statement[] {
    live.written = this.ended(live.job)
    return [this.shelf.put(live.written), this.shelf.finished(live.written)]
  }

  /** Reads are written behind; what changed data is written before anyone hears of its end. */
  private async settle({ job }: Live, changes: boolean): Promise<void> {
    const writing = this.shelf.finish(job).catch((thrown) => this.log.error({ err: thrown, job: job.jobId }, 'the end of a job could not be recorded'))
    if (changes) return writing
    this.written.add(writing)
    void writing.finally(() => this.written.delete(writing))
  }
}

const keyOf = ({ projectId, jobId }: JobRef): string => `${projectId}:${jobId}`

function matches(job: Job, filter: JobFilter): boolean {
  if (filter.states && !filter.states.includes(job.state)) return false
  if (filter.user !== undefined && filter.user !== job.user) return false
  if ((filter.parent ?? null) !== job.parent) return false
  if (filter.minCreated_ms !== undefined && job.created_ms < filter.minCreated_ms) return false
  if (filter.maxCreated_ms !== undefined && job.created_ms > filter.maxCreated_ms) return false
  return !filter.before || job.created_ms < filter.before.created_ms || (job.created_ms === filter.before.created_ms && job.jobId < filter.before.jobId)
}

const stopped = () => new Fault('CANCELLED', 'stopped', 'Job execution was cancelled: User requested cancellation', { httpStatus: 400 })

const timedOut = (timeout_ms: number) => new Fault('DEADLINE_EXCEEDED', 'timeout', `Operation timed out after ${(timeout_ms / 1000).toFixed(1)} seconds.`, { httpStatus: 400 })

export function errorsOf(fault: Fault): { error: ErrorProto; errors: ErrorProto[] } {
  const location = fault.details['location']
  const message = fault.hint === undefined ? fault.message : `${fault.message} ${fault.hint}`
  const error: ErrorProto = { reason: fault.reason, message, ...(typeof location === 'string' && { location }) }
  const mistakes = fault.details['mistakes'] as LoadMistake[] | undefined
  if (!mistakes) return { error, errors: [error] }
  const errors = mistakes.slice(0, LOAD_ERRORS_MAX).map((mistake) => ({ reason: 'invalid', message: mistake.message, ...(mistake.file !== undefined && { location: mistake.file }) }))
  return { error: { ...error, ...(errors[0]?.location !== undefined && { location: errors[0].location }) }, errors: errors.length > 0 ? errors : [error] }
}

const CODES: Record<string, [FaultCode, number]> = {
  notFound: ['NOT_FOUND', 404], duplicate: ['ALREADY_EXISTS', 409], accessDenied: ['PERMISSION_DENIED', 403], forbidden: ['PERMISSION_DENIED', 403], notImplemented: ['UNIMPLEMENTED', 501],
  backendError: ['UNAVAILABLE', 503], internalError: ['INTERNAL', 500], rateLimitExceeded: ['RESOURCE_EXHAUSTED', 403], stopped: ['CANCELLED', 400], timeout: ['DEADLINE_EXCEEDED', 400],
}

/** How a failed job is told to those who ask for its rows. */
export function faultOfJob({ error }: Job): Fault | undefined {
  if (!error) return undefined
  const [code, httpStatus] = CODES[error.reason] ?? ['INVALID_ARGUMENT', 400]
  return new Fault(code, error.reason, error.message, { httpStatus, ...(error.location !== undefined && { details: { location: error.location } }) })
}
