/**
 * The house's own processes (engine, analyzer, model runtimes): started, probed, restarted with back-off, ended with us.
 * A crash loop makes one child `degraded`; the rest of the house keeps serving. User code is `hatch.ts`'s, never this.
 */
import { asAbortFault, type End, Life } from './child-life.ts'
import type { Calls } from './child-wire.ts'
import type { Clock } from './clock.ts'
import { backoff_ms, type Dice } from './dice.ts'
import { Fault } from './fault.ts'

export type ChildState = 'stopped' | 'starting' | 'ready' | 'resting' | 'degraded' | 'stopping'

export interface ChildOptions {
  /** In logs and faults: `engine`, `analyzer`, `runtime-3`. */
  name: string
  /** The child's own module: `new URL('./engine-child.ts', import.meta.url)`. In an emitted package its `.js` twin is run. */
  module: URL
  clock: Clock
  dice: Dice
  args?: readonly string[]
  /** Added to the few variables that every child has; nothing else of the house's environment is passed on. */
  env?: Readonly<Record<string, string>>
  /** For Node itself, such as `--max-old-space-size=512`. */
  nodeFlags?: readonly string[]
  /** Asks the child's loop for a sign of life; one that stays silent is killed and restarted. None by default. */
  probe?: { every_ms: number; timeout_ms: number }
  restart?: { base_ms: number; max_ms: number }
  /** This many unwanted ends within this time make a crash loop. */
  crash_loop?: { ends_max: number; within_ms: number }
  /** From start to its ready message. */
  ready_ms?: number
  /** From the polite request to SIGKILL. */
  stop_ms?: number
  calls_max?: number
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void
  onState?: (state: ChildState, why: string) => void
}

export interface CallOptions {
  signal?: AbortSignal
  timeout_ms?: number
}

/** Every bound set. */
export type LifeOptions = ChildOptions & typeof DEFAULTS

const DEFAULTS = {
  restart: { base_ms: 100, max_ms: 10_000 },
  crash_loop: { ends_max: 5, within_ms: 60_000 },
  ready_ms: 20_000,
  stop_ms: 5_000,
  calls_max: 4_096,
}

type Answer<C, M extends keyof C> = C[M] extends (body: never) => infer A ? Awaited<A> : never
type Item<C, M extends keyof C> = Answer<C, M> extends AsyncIterable<infer I> ? I : never
type Body<C, M extends keyof C> = C[M] extends (body: infer B) => unknown ? B : never

/** `C` is an interface of the child's methods, the same that its `serve<C>` fulfils. */
export class Child<C extends Calls<C>> {
  readonly #options: LifeOptions
  readonly #waiting = new Set<PromiseWithResolvers<void>>()
  #life: Life | undefined
  #state: ChildState = 'stopped'
  #ends_ms: number[] = []
  #cancelRest: (() => void) | undefined
  #restarts = 0

  constructor(options: ChildOptions) {
    this.#options = { ...DEFAULTS, ...options }
  }

  get name(): string {
    return this.#options.name
  }

  get state(): ChildState {
    return this.#state
  }

  get pid(): number | undefined {
    return this.#life?.pid
  }

  get restarts(): number {
    return this.#restarts
  }

  /** Resolves when it is ready; rejects when it turned out to be a crash loop. Later restarts happen by themselves. */
  async start(): Promise<void> {
    if (this.#state === 'stopped') this.#begin()
    await this.#untilReady({})
  }

  /** One answer. Waits while the child (re)starts; fails with UNAVAILABLE when it ends during the call. */
  async call<M extends keyof C & string>(method: M, body: Body<C, M>, options: CallOptions = {}): Promise<Answer<C, M>> {
    const limit = deadline(options, this.#options, method)
    try {
      const life = await this.#untilReady(limit)
      return (await life.call(method, body, limit.signal)) as Answer<C, M>
    } finally {
      limit.done()
    }
  }

  /** Many answers, taken at the reader's pace. Leaving the loop early cancels the call in the child. */
  async *stream<M extends keyof C & string>(method: M, body: Body<C, M>, options: CallOptions = {}): AsyncGenerator<Item<C, M>> {
    const limit = deadline(options, this.#options, method)
    try {
      const life = await this.#untilReady(limit)
      yield* life.stream(method, body, limit.signal) as AsyncGenerator<Item<C, M>>
    } finally {
      limit.done()
    }
  }

  /** SIGKILL now, and a fresh start at once: for a child that is known to be stuck. Not counted as a crash. */
  kill(why: string): void {
    this.#life?.kill(why)
  }

  /** Asks it to stop, and ends its whole group after the grace. Resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#cancelRest?.()
    const life = this.#life
    this.#become('stopping', 'asked to stop')
    this.#release(this.#unavailable('is stopping'))
    await life?.stop(this.#options.stop_ms)
    this.#become('stopped', 'asked to stop')
  }

  #begin(): void {
    this.#become('starting', this.#restarts ? 'restart' : 'start')
    const life = new Life(this.#options)
    this.#life = life
    void life.ready.then((ready) => {
      if (!ready || this.#state !== 'starting') return
      this.#become('ready', 'answered')
      this.#release()
    })
    void life.ended.then((end) => this.#afterEnd(life, end))
  }

  #afterEnd(life: Life, end: End): void {
    if (this.#life === life) this.#life = undefined
    if (this.#state === 'stopping' || this.#state === 'stopped') return
    const { clock, dice, restart, crash_loop } = this.#options
    this.#restarts += 1
    if (end.wanted) return this.#begin()

    const now_ms = clock.elapsed_ms()
    this.#ends_ms = [...this.#ends_ms.filter((at) => now_ms - at < crash_loop.within_ms), now_ms]
    const looping = this.#ends_ms.length >= crash_loop.ends_max
    this.#become(looping ? 'degraded' : 'resting', end.why)
    if (looping) this.#release(this.#unavailable(`is degraded: it ended ${this.#ends_ms.length} times, the last time because it ${end.why}`))
    // A degraded child is still tried again, slowly: what broke it may pass (memory, a disk that was full).
    const rest_ms = looping ? restart.max_ms : backoff_ms(this.#ends_ms.length - 1, restart.base_ms, restart.max_ms, dice)
    this.#cancelRest = clock.after(rest_ms, () => this.#begin())
  }

  async #untilReady({ signal }: { signal?: AbortSignal }): Promise<Life> {
    if (signal?.aborted) throw asAbortFault(signal.reason)
    if (this.#state === 'ready' && this.#life) return this.#life
    if (this.#state === 'degraded') throw this.#unavailable('is degraded: it keeps ending')
    if (this.#state === 'stopped' || this.#state === 'stopping') throw this.#unavailable('is not running')
    const turn = Promise.withResolvers<void>()
    const onAbort = () => turn.reject(asAbortFault(signal?.reason))
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiting.add(turn)
    try {
      await turn.promise
    } finally {
      this.#waiting.delete(turn)
      signal?.removeEventListener('abort', onAbort)
    }
    if (!this.#life) throw this.#unavailable('ended as it became ready')
    return this.#life
  }

  #release(fault?: Fault): void {
    for (const turn of this.#waiting) fault ? turn.reject(fault) : turn.resolve()
    this.#waiting.clear()
  }

  #become(state: ChildState, why: string): void {
    this.#state = state
    this.#options.onState?.(state, why)
  }

  #unavailable(what: string): Fault {
    return new Fault('UNAVAILABLE', 'childUnavailable', `The ${this.name} process ${what}.`, {
      hint: `The house's log has the lines that ${this.name} printed.`,
    })
  }
}

interface Limit {
  signal?: AbortSignal
  done(): void
}

/** The caller's signal and time-out as one signal. */
function deadline({ signal, timeout_ms }: CallOptions, { clock, name }: ChildOptions, method: string): Limit {
  if (timeout_ms === undefined) return { ...(signal ? { signal } : {}), done: () => {} }
  const late = new AbortController()
  const done = clock.after(timeout_ms, () => {
    late.abort(new Fault('DEADLINE_EXCEEDED', 'deadlineExceeded', `${name}.${method} took longer than ${timeout_ms} ms.`))
  })
  return { signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal, done }
}
