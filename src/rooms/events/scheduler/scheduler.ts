/**
 * Runs jobs at their times. What a house missed while it was not up is run once when it is up again, if it is not long ago;
 * older times are passed over.
 */
import type { CourierAnswer, CourierRequest } from '#ground/courier.ts'
import type { Clock } from '#ground/clock.ts'
import { failpoint } from '#ground/failpoint.ts'
import { Fault, GRPC_STATUS, asFault } from '#ground/fault.ts'
import type { Job, Jobs } from '#ground/jobs.ts'
import type { Ledger } from '#ground/ledger.ts'
import type { Log } from '#ground/telemetry.ts'
import { ScheduleShelf } from './shelf.ts'
import { nextTime } from './timetable.ts'
import type { HttpTarget, ScheduledJob } from './types.ts'

export interface SchedulePorts {
  courier: { send(request: CourierRequest): Promise<Pick<CourierAnswer, 'status' | 'bytes'>> }
  tokens: { access(email: string, scopes: readonly string[]): Promise<string>; identity(email: string, audience: string): Promise<string> }
  /** False where there is no such topic. */
  publish(topic: string, message: { data: Buffer; attributes: Record<string, string> }): Promise<boolean>
  /** The account of jobs that name none. */
  defaultAccount(project: string): string
}

export interface SchedulerParts {
  ledger: Ledger
  jobs: Jobs
  clock: Clock
  log: Log
  ports: SchedulePorts
}

const QUEUE = 'events.schedules'
const CONCURRENCY = 20
/** What was due while the house was down longer ago than this is not made up for. */
export const MISFIRE_MS = 3600_000
const DUE_BATCH = 100
const ANSWER_BYTES_MAX = 1024 * 1024
/** The longest the loop sleeps. */
const LOOK_MS = 60_000
const CLOUD_SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

interface RunPayload {
  name: string
  scheduled_ms: number
  attempt: number
  first_ms: number
}

export class Scheduler {
  readonly shelf: ScheduleShelf
  private readonly parts: SchedulerParts
  private cancelTimer: () => void = () => {}
  private looking: Promise<void> | undefined
  private lookAgain = false
  private open = false

  constructor(parts: SchedulerParts) {
    this.parts = parts
    this.shelf = new ScheduleShelf(parts.ledger)
  }

  /** Begins to run what is due. */
  begin(): void {
    this.open = true
    this.parts.jobs.work(QUEUE, { concurrency: CONCURRENCY }, (job, signal) => this.run(job, signal))
    this.look()
  }

  async stop(): Promise<void> {
    this.open = false
    this.cancelTimer()
    await this.looking
  }

  /** A job was added, changed or resumed: the next time may be sooner now. */
  look(): void {
    if (!this.open) return
    if (this.looking) {
      this.lookAgain = true
      return
    }
    this.looking = this.lookOnce()
      .catch((thrown) => {
        this.parts.log.error({ err: thrown }, 'schedules could not be looked at; tried again')
        this.after(LOOK_MS)
      })
      .finally(() => {
        this.looking = undefined
        if (!this.lookAgain) return
        this.lookAgain = false
        this.look()
      })
  }

  /** Now, whatever its schedule says. */
  async runNow(job: ScheduledJob): Promise<void> {
    const now_ms = this.parts.clock.now_ms()
    await this.parts.ledger.write(this.enqueue({ name: job.name, scheduled_ms: now_ms, attempt: 1, first_ms: now_ms }, now_ms))
  }

  private async lookOnce(): Promise<void> {
    const { clock } = this.parts
    const soonest = await this.shelf.soonest(DUE_BATCH)
    const now_ms = clock.now_ms()
    for (const job of soonest.filter(({ next_ms }) => next_ms! <= now_ms)) await this.fire(job, now_ms)
    const next = (await this.shelf.soonest(1))[0]
    this.after(Math.max(0, Math.min(LOOK_MS, (next?.next_ms ?? Infinity) - clock.now_ms())))
  }

  private async fire(job: ScheduledJob, now_ms: number): Promise<void> {
    const due_ms = job.next_ms!
    const after_ms = nextTime(job.schedule, job.timeZone, now_ms, job.created_ms)
    const missed = now_ms - due_ms > MISFIRE_MS
    await failpoint('schedules.before-fire')
    await this.shelf.advance(job, after_ms, missed ? undefined : this.enqueue({ name: job.name, scheduled_ms: due_ms, attempt: 1, first_ms: now_ms }, now_ms))
  }

  private enqueue(payload: RunPayload, run_at_ms: number) {
    return this.parts.jobs.enqueue({ queue: QUEUE, payload, run_at_ms, tries_max: 2 })
  }

  private after(delay_ms: number): void {
    this.cancelTimer()
    if (this.open) this.cancelTimer = this.parts.clock.after(delay_ms, () => this.look())
  }

  private async run({ payload }: Job, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.parts
    const run = payload as RunPayload
    const job = await this.shelf.find(run.name)
    if (!job) return
    const at_ms = clock.now_ms()
    try {
      await this.send(job, run, signal)
      await this.shelf.attempted(job.name, at_ms, null, undefined)
    } catch (thrown) {
      if (signal.aborted) throw thrown
      const fault = asFault(thrown)
      log.warn({ schedule: job.name, attempt: run.attempt, err: fault.cause ?? fault }, 'a scheduled job failed')
      await this.shelf.attempted(job.name, at_ms, { code: GRPC_STATUS[fault.code], message: fault.message }, this.again(job, run))
    }
  }

  /** By the count, and where one is given by the time as well. */
  private again({ retry }: ScheduledJob, run: RunPayload) {
    const now_ms = this.parts.clock.now_ms()
    const byCount = run.attempt <= retry.retryCount
    const byTime = retry.maxRetry_ms > 0 && now_ms - run.first_ms < retry.maxRetry_ms
    if (!(retry.retryCount > 0 ? byCount && (retry.maxRetry_ms === 0 || byTime) : byTime)) return undefined
    const delay_ms = Math.min(retry.maxBackoff_ms, retry.minBackoff_ms * 2 ** Math.min(run.attempt - 1, retry.maxDoublings))
    return this.enqueue({ ...run, attempt: run.attempt + 1 }, now_ms + delay_ms)
  }

  private async send(job: ScheduledJob, run: RunPayload, signal: AbortSignal): Promise<void> {
    const { target } = job
    if (target.kind === 'pubsub') {
      const { topicName, data = '', attributes = {} } = target.pubsub
      if (!(await this.parts.ports.publish(topicName, { data: Buffer.from(data, 'base64'), attributes }))) throw new Fault('NOT_FOUND', 'notFound', `Topic ${topicName} does not exist.`)
      return
    }
    const { http } = target
    const answer = await this.parts.ports.courier.send({
      url: http.uri,
      method: http.httpMethod,
      headers: {
        ...http.headers,
        'user-agent': 'Google-Cloud-Scheduler',
        'x-cloudscheduler': 'true',
        'x-cloudscheduler-jobname': job.name.slice(job.name.lastIndexOf('/') + 1),
        'x-cloudscheduler-scheduletime': new Date(run.scheduled_ms).toISOString(),
        ...(await this.authorization(job, http)),
      },
      ...(http.body !== undefined && { body: Buffer.from(http.body, 'base64') }),
      timeout_ms: job.attemptDeadline_ms,
      response_bytes_max: ANSWER_BYTES_MAX,
      redirects_max: 0,
      signal,
    })
    await answer.bytes()
    if (answer.status < 200 || answer.status >= 300) throw new Fault('UNAVAILABLE', 'badAnswer', `${http.uri} answered ${answer.status}.`)
  }

  private async authorization({ project }: ScheduledJob, { oidcToken, oauthToken, uri }: HttpTarget): Promise<Record<string, string>> {
    const { tokens, defaultAccount } = this.parts.ports
    if (oidcToken) return { authorization: `Bearer ${await tokens.identity(oidcToken.serviceAccountEmail || defaultAccount(project), oidcToken.audience || uri)}` }
    if (oauthToken) return { authorization: `Bearer ${await tokens.access(oauthToken.serviceAccountEmail || defaultAccount(project), [oauthToken.scope || CLOUD_SCOPE])}` }
    return {}
  }
}
