/**
 * The house's side of the engine: the supervised process, who may use it when (by memory), and what became of a change whose
 * answer did not arrive. What is asked of it is in `messages.ts`.
 */
import { totalmem, availableParallelism } from 'node:os'
import { Child, type ChildState } from '#ground/children.ts'
import type { Clock } from '#ground/clock.ts'
import type { Dice } from '#ground/dice.ts'
import type { Disk } from '#ground/disk.ts'
import { Fault } from '#ground/fault.ts'
import type { Log } from '#ground/telemetry.ts'
import { engineEnded } from '../faults.ts'
import { ENGINE_READY_MS, MEMORY_MIN_BYTES, MEMORY_SHARE, QUERIES_WAITING_MAX, QUERY_MEMORY_MIN_BYTES } from '../limits.ts'
import { Admission } from './admission.ts'
import type { AppliedEntry, ApplyAnswer, ApplyRequest, EngineCalls, InsertRowsAnswer, InsertRowsRequest, QueryAnswer, QueryRequest } from './messages.ts'

const WAL_FILE = 'tables.duckdb.wal'

export interface EngineParts {
  clock: Clock
  dice: Dice
  disk: Disk
  log: Log
  durable: boolean
}

export interface Work {
  signal?: AbortSignal
  timeout_ms?: number
  /** How much memory it may take, as far as is known. */
  bytes?: number
}

export class Engine {
  readonly #parts: EngineParts
  readonly #memory_bytes = Math.max(MEMORY_MIN_BYTES, Math.floor(totalmem() * MEMORY_SHARE))
  readonly #admission: Admission
  readonly #child: Child<EngineCalls>
  #why = ''
  #begun = false
  #restarted: () => void = () => {}

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.#admission = new Admission(this.#memory_bytes, QUERIES_WAITING_MAX)
    this.#child = this.#make('engine', 5, (state, why) => this.#hear(state, why))
  }

  get state(): ChildState {
    return this.#child.state
  }

  get why(): string {
    return this.#why
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Called after each start but the first: results are gone, the rest is as it was. */
  onRestart(listener: () => void): void {
    this.#restarted = listener
  }

  /** Opens the database. A log that cannot be replayed is set aside, never deleted; returns where it was put. */
  async start(): Promise<string | undefined> {
    const aside = await this.#tryLog()
    await this.#child.start()
    this.#begun = true
    return aside
  }

  stop(): Promise<void> {
    return this.#child.stop()
  }

  /** For what costs little: pages, counts, bookkeeping. */
  call<M extends Plain>(method: M, body: Parameters<EngineCalls[M]>[0], work: Work = {}): Promise<Awaited<ReturnType<EngineCalls[M]>>> {
    return this.#asked(() => this.#child.call(method, body as never, limits(work)) as Promise<Awaited<ReturnType<EngineCalls[M]>>>)
  }

  query(request: QueryRequest, work: Work): Promise<QueryAnswer> {
    return this.#admitted(work, () => this.#asked(() => this.#child.call('query', request, limits(work))))
  }

  stream(body: Parameters<EngineCalls['arrow']>[0], work: Work) {
    return this.#child.stream('arrow', body, limits(work))
  }

  async apply(request: ApplyRequest, work: Work): Promise<ApplyAnswer> {
    return this.#admitted(work, async () => {
      try {
        return await this.#child.call('apply', request, limits(work))
      } catch (thrown) {
        const entries = await this.#appliedAfterAll(thrown, request.job, request.touched)
        const outcome = JSON.parse(entries[0]!.outcome) as Omit<ApplyAnswer, 'tables'>
        return { ...outcome, tables: entries.map(({ physical, rows, bytes }) => ({ physical, rows, bytes })) }
      }
    })
  }

  async insertRows(request: InsertRowsRequest, work: Work): Promise<InsertRowsAnswer> {
    try {
      return await this.#child.call('insertRows', request, limits(work))
    } catch (thrown) {
      const [entry] = await this.#appliedAfterAll(thrown, request.job, [request])
      return { errors: [], inserted: (JSON.parse(entry!.outcome) as { changed: number }).changed, rows: entry!.rows, bytes: entry!.bytes }
    }
  }

  /** The engine ended before it answered: its notes tell whether it had committed. If not, the call has failed. */
  async #appliedAfterAll(thrown: unknown, job: string, touched: readonly { physical: string; generation: number }[]): Promise<AppliedEntry[]> {
    if (!(thrown instanceof Fault) || thrown.reason !== 'childEnded') throw thrown
    const all = touched.length === 0 ? [] : await this.#child.call('applied', null)
    const mine = touched.map(({ physical, generation }) => all.find((entry) => entry.job === job && entry.physical === physical && entry.generation === generation))
    if (mine.length === 0 || mine.some((entry) => entry === undefined)) throw engineEnded(this.#why)
    return mine as AppliedEntry[]
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.reason === 'childEnded') throw engineEnded(this.#why)
      throw thrown
    }
  }

  async #admitted<T>(work: Work, run: () => Promise<T>): Promise<T> {
    const leave = await this.#admission.enter(Math.max(work.bytes ?? 0, QUERY_MEMORY_MIN_BYTES), work.signal)
    try {
      return await run()
    } finally {
      leave()
    }
  }

  #make(name: string, ends_max: number, onState?: (state: ChildState, why: string) => void): Child<EngineCalls> {
    const { clock, dice, disk, durable, log } = this.#parts
    const failpoints = process.env['POTOROO_FAILPOINTS']
    return new Child<EngineCalls>({
      name, module: new URL('./child.ts', import.meta.url), clock, dice,
      args: [disk.root, durable ? '1' : '0', String(this.#memory_bytes), String(availableParallelism())],
      env: failpoints === undefined ? {} : { POTOROO_FAILPOINTS: failpoints },
      nodeFlags: ['--no-warnings', '--stack-size=4000'],
      crash_loop: { ends_max, within_ms: 60_000 },
      ready_ms: ENGINE_READY_MS,
      stop_ms: 30_000,
      onLine: (line, stream) => log[stream === 'stderr' ? 'warn' : 'info']({ child: name }, line),
      ...(onState && { onState }),
    })
  }

  #hear(state: ChildState, why: string): void {
    this.#parts.log.info({ child: 'engine', state, why }, 'engine')
    if (state === 'resting' || state === 'degraded') this.#why = why
    if (state === 'ready' && this.#begun) this.#restarted()
    // It keeps failing: the log may be what it cannot read. It is set aside once, and the next try opens the last checkpoint.
    if (state === 'degraded') void this.#setAside().catch((thrown) => this.#parts.log.error({ err: thrown }, 'the engine’s log could not be set aside'))
  }

  /** After an unclean end a first process tries the log, because a failed open may break the heap of the one that tried. */
  async #tryLog(): Promise<string | undefined> {
    const { disk } = this.#parts
    if ((await disk.size('warehouse', WAL_FILE)) === undefined) return undefined
    const trial = this.#make('engine-trial', 1)
    try {
      await trial.start()
      return undefined
    } catch (thrown) {
      this.#parts.log.error({ err: thrown }, 'the engine’s log cannot be replayed; it is set aside, and the last checkpoint is opened')
      await trial.stop()
      return await this.#setAside()
    } finally {
      await trial.stop()
    }
  }

  async #setAside(): Promise<string | undefined> {
    const { disk, clock } = this.#parts
    if ((await disk.size('warehouse', WAL_FILE)) === undefined) return undefined
    return disk.quarantine(`engine-${clock.now_ms()}`, 'warehouse', WAL_FILE)
  }
}

type Plain = 'applied' | 'forget' | 'values' | 'page' | 'count' | 'sniff' | 'export' | 'arrowSchema' | 'drop' | 'tables' | 'begin' | 'end' | 'functions' | 'memory'

function limits({ signal, timeout_ms }: Work): { signal?: AbortSignal; timeout_ms?: number } {
  return { ...(signal && { signal }), ...(timeout_ms !== undefined && { timeout_ms }) }
}
