/** One call of a function, whoever makes it: an instance is taken, the outcome is noted. Rows about runs are written together. */
import type { Clock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import type { Log } from '#ground/telemetry.ts'
import type { Fleet } from './fleet.ts'
import { RUNS_FLUSH_MS, RUNS_HELD_MAX } from './limits.ts'
import type { Done, RequestHead, Sink } from './runtime/instance.ts'
import type { EventShelf } from './shelf.events.ts'
import { fullName } from './types.ts'
import type { DeployedFunction, RunRecord, SignatureKind } from './types.ts'

export interface CallOrder {
  trigger: 'http' | 'event' | 'call' | 'replay'
  /** What is sent, once it is known how the code wants it. */
  send(kind: SignatureKind): { request?: RequestHead; body: Uint8Array; sink?: Sink }
  /** Just before the function is called. */
  begin?(): Promise<void>
  execution?: string
}

export interface Ran extends Done {
  execution: string
  duration_ms: number
}

export interface RunParts {
  fleet: Fleet
  shelf: EventShelf
  clock: Clock
  ids: Ids
  log: Log
  onRun(found: DeployedFunction, run: RunRecord): void
}

export class Runs {
  private readonly parts: RunParts
  private held: RunRecord[] = []
  private flushing: Promise<void> = Promise.resolve()
  private cancelFlush: (() => void) | undefined

  constructor(parts: RunParts) {
    this.parts = parts
  }

  /** Throws where the function did not come to an end of its own: time, memory, crash, no instance. */
  async call(found: DeployedFunction, order: CallOrder): Promise<Ran> {
    const { fleet, clock, ids } = this.parts
    const { revision, pool } = await fleet.serving(found)
    const execution = order.execution ?? ids.next()
    return pool.with(async (instance) => {
      await order.begin?.()
      const started_ms = clock.now_ms()
      const since = clock.elapsed_ms()
      const note = (outcome: RunRecord['outcome'], error: string | null) => {
        const duration_ms = Math.round(clock.elapsed_ms() - since)
        this.note(found, { id: execution, function: found.id, revision: revision.id, trigger: order.trigger, started_ms, duration_ms, memory_bytes: instance.memory_bytes, outcome, error })
        return duration_ms
      }
      try {
        const done = await instance.call({ execution, ...order.send(instance.kind), timeout_ms: revision.config.timeout_s * 1000 })
        const duration_ms = note((done.error ?? done.crash) === undefined ? 'ok' : 'error', done.error ?? done.crash ?? null)
        return { ...done, execution, duration_ms }
      } catch (thrown) {
        const fault = thrown as Fault
        note(fault.reason === 'timeout' ? 'timeout' : /memory/.test(fault.message) ? 'memory' : 'crash', fault.message)
        throw thrown
      }
    })
  }

  async stop(): Promise<void> {
    this.cancelFlush?.()
    this.flush()
    await this.flushing
  }

  private note(found: DeployedFunction, run: RunRecord): void {
    this.parts.onRun(found, run)
    if (this.held.length >= RUNS_HELD_MAX) this.held.shift()
    this.held.push(run)
    this.cancelFlush ??= this.parts.clock.after(RUNS_FLUSH_MS, () => this.flush())
  }

  private flush(): void {
    this.cancelFlush = undefined
    const runs = this.held
    this.held = []
    if (runs.length === 0) return
    const { shelf, log } = this.parts
    this.flushing = this.flushing.then(() => shelf.addRuns(runs)).catch((thrown) => log.error({ err: thrown, runs: runs.length }, 'records of runs could not be written'))
  }
}

export const runText = (found: DeployedFunction, { duration_ms, outcome, error }: RunRecord): string => {
  const end = outcome === 'ok' ? "'ok'" : outcome === 'timeout' ? "'timeout'" : outcome === 'error' ? "'error'" : `'crash': ${error ?? ''}`
  return `Function execution took ${duration_ms} ms, finished with status: ${end}${outcome === 'error' && error !== null ? ` (${fullName(found.name)}: ${error})` : ''}`
}
