/**
 * Drives one machine: runs it to where everything waits, writes the state down, and only then does what the waits ask
 * for. When nothing but time or a callback is waited for it lets go, so that a sleeping execution is a row and nothing else.
 */
import type { Clock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import type { ValueMap } from '../language/values.ts'
import { HISTORY_BATCH, SLICE_STEPS } from '../limits.ts'
import type { HttpOutcome } from './http-response.ts'
import type { Machine } from './machine.ts'
import type { Batch, HttpCaller, Journal } from './ports.ts'
import type { HttpWait } from './state.ts'
import { writeState } from './state-json.ts'

export interface DriverPorts {
  clock: Pick<Clock, 'now_ms' | 'after'>
  http: HttpCaller
  journal: Journal
  /** Lets other work of the process have its turn. */
  breathe(): Promise<void>
}

/** The same time for every step with a request under way, so that an index on it stays untouched from step to step. */
const AT_ONCE_MS = 0

export type Rest = { rest: 'ended' } | { rest: 'asleep'; wake_at_ms: number | null } | { rest: 'left' }

export class Driver {
  private readonly machine: Machine
  private readonly id: string
  private readonly ports: DriverPorts
  private readonly inFlight = new Map<number, AbortController>()
  private readonly arrived: { wait: number; outcome: HttpOutcome }[] = []
  private stirred: (() => void) | null = null
  private cancelled = false
  private leaving = false
  /** A callback came since the last look. */
  private called = false
  private unwritten: { resolve(): void; reject(reason: unknown): void }[] = []
  private isRunning = false

  constructor(machine: Machine, executionId: string, ports: DriverPorts) {
    this.machine = machine
    this.id = executionId
    this.ports = ports
  }

  async run(): Promise<Rest> {
    this.isRunning = true
    try {
      for (;;) {
        if (this.leaving) return { rest: 'left' }
        if (this.cancelled) this.machine.cancel()
        this.called = false
        this.takeArrivals()
        this.machine.wake()
        if (this.machine.run(SLICE_STEPS) === 'more') {
          // Between any two steps the state can be written down; a long run without a wait does so now and then.
          if (this.machine.history.size >= HISTORY_BATCH) await this.write()
          await this.ports.breathe()
          continue
        }
        await this.write()
        if (this.machine.state.outcome) return { rest: 'ended' }
        this.send()
        const due_ms = this.due_ms()
        if (this.inFlight.size === 0 && this.arrived.length === 0 && !this.cancelled && !this.leaving && !this.called) {
          if (due_ms === null || due_ms > this.ports.clock.now_ms()) return { rest: 'asleep', wake_at_ms: due_ms }
          continue
        }
        await this.stir(due_ms)
      }
    } finally {
      this.isRunning = false
      for (const { reject } of this.unwritten.splice(0)) reject(new Fault('UNAVAILABLE', 'backendError', 'The house is stopping.'))
      for (const controller of this.inFlight.values()) controller.abort()
    }
  }

  cancel(): void {
    this.cancelled = true
    this.stirred?.()
  }

  /** Lets go where it stands: the journal has all that counts, and requests under way are sent again by the next driver. */
  leave(): void {
    this.leaving = true
    this.stirred?.()
  }

  /** Ends an execution that nobody runs. */
  async cancelAtRest(): Promise<void> {
    this.machine.cancel()
    await this.ports.journal.append(this.batch())
  }

  /** Whether somebody still runs it; a driver that has gone to rest takes no more events. */
  get running(): boolean {
    return this.isRunning
  }

  /** Resolves once the request is written down, for only then may its sender hear that it was taken. */
  async deliverCallback(id: string, request: ValueMap): Promise<ReturnType<Machine['deliverCallback']>> {
    const answer = this.machine.deliverCallback(id, request)
    if (answer !== 'accepted') return answer
    if (!this.isRunning) {
      await this.ports.journal.append(this.batch())
      return answer
    }
    this.called = true
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.unwritten.push({ resolve, reject })
    this.stirred?.()
    await promise
    return answer
  }

  private async write(): Promise<void> {
    const told = this.unwritten.splice(0)
    try {
      await this.ports.journal.append(this.batch())
      for (const { resolve } of told) resolve()
    } catch (error) {
      for (const { reject } of told) reject(error)
      throw error
    }
  }

  private batch(): Batch {
    const { state, history, logs } = this.machine
    const kept = state.outcome === null || state.outcome.state === 'FAILED'
    const busy = Object.values(state.threads).some(({ wait }) => wait === null || wait.kind === 'http')
    return {
      state: kept ? writeState(state) : null, outcome: state.outcome, ...history.take(), logs: logs.splice(0),
      wake_at_ms: busy ? AT_ONCE_MS : this.due_ms(),
    }
  }

  private due_ms(): number | null {
    const due = this.machine.waits().flatMap(({ wait }) => ('due_ms' in wait ? [wait.due_ms] : []))
    return due.length === 0 ? null : Math.min(...due)
  }

  private send(): void {
    for (const { wait } of this.machine.waits()) {
      if (wait.kind === 'http' && !this.inFlight.has(wait.id)) void this.sendOne(wait)
    }
  }

  private async sendOne(wait: HttpWait): Promise<void> {
    const controller = new AbortController()
    this.inFlight.set(wait.id, controller)
    const outcome = await this.ports.http.send(wait.request, `${this.id}-${wait.id}`, controller.signal)
    this.inFlight.delete(wait.id)
    this.arrived.push({ wait: wait.id, outcome })
    this.stirred?.()
  }

  private takeArrivals(): void {
    for (const { wait, outcome } of this.arrived.splice(0)) this.machine.settleHttp(wait, outcome)
  }

  /** Waits until an answer, a callback, a cancellation or the next due time stirs the execution. */
  private async stir(due_ms: number | null): Promise<void> {
    if (this.arrived.length > 0 || this.cancelled || this.leaving || this.called) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.stirred = resolve
    const cancel = due_ms === null ? undefined : this.ports.clock.after(due_ms - this.ports.clock.now_ms(), resolve)
    await promise
    cancel?.()
    this.stirred = null
  }
}
