/**
 * The house's own processes (engine, analyzer, model runtimes): started, probed, restarted with back-off, ended with us.
 * A crash loop makes one child `degraded`; the rest of the house keeps serving. User code is `hatch.ts`'s, never this.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type Ask, type Calls, faultFromWire, STREAM_WINDOW_ITEMS, type Tell, WATCH_PARENT_VARIABLE } from './child-wire.ts'
import type { Clock } from './clock.ts'
import { backoff_ms, type Dice } from './dice.ts'
import { Fault } from './fault.ts'
import { FramePipe } from './frames.ts'
import { eachLine } from './lines.ts'
import { signalGroup, whichProgram } from './process-group.ts'

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

/** What of the house's environment every child gets. */
const PASSED_VARIABLES = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'POTOROO_FAILPOINTS', 'NODE_COMPILE_CACHE', 'SYSTEMROOT']
const LINE_BYTES_MAX = 64 * 1024
const LAST_LINES_MAX = 20

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
  readonly #options: ChildOptions & typeof DEFAULTS
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

interface End {
  why: string
  /** We ended it on purpose. */
  wanted: boolean
}

interface Pending {
  onItem?: (value: unknown) => void
  onAnswer: (value: unknown) => void
  onFault: (fault: Fault) => void
}

/** One process from spawn to exit. */
class Life {
  readonly ready: Promise<boolean>
  readonly ended: Promise<End>
  readonly #options: ChildOptions & typeof DEFAULTS
  readonly #process: ChildProcess
  readonly #pipe: FramePipe
  readonly #pending = new Map<number, Pending>()
  readonly #lastLines: string[] = []
  readonly #markReady: (ready: boolean) => void
  readonly #markEnded: (end: End) => void
  #gone: Fault | undefined
  #killed: { why: string; wanted: boolean } | undefined
  #nextId = 1

  constructor(options: ChildOptions & typeof DEFAULTS) {
    this.#options = options
    ;({ promise: this.ready, resolve: this.#markReady } = Promise.withResolvers<boolean>())
    ;({ promise: this.ended, resolve: this.#markEnded } = Promise.withResolvers<End>())
    this.#process = spawnChild(options)
    const [, stdout, stderr, control_in, control_out] = this.#process.stdio as unknown as [null, Readable, Readable, Writable, Readable]
    const printed = Promise.all([this.#log(stdout, 'stdout'), this.#log(stderr, 'stderr')])
    this.#pipe = new FramePipe(control_out, control_in)
    this.#pipe.listen(
      (message) => this.#hear(message as Tell),
      () => {},
      () => this.#kill('broke the protocol of its control pipe', false),
    )
    const cancelReadyLimit = options.clock.after(options.ready_ms, () => this.#kill(`was not ready within ${options.ready_ms} ms`, false))
    void this.ready.then((ready) => {
      cancelReadyLimit()
      if (ready) this.#probe()
    })
    this.#process.once('error', (error) => this.#end(`could not be started: ${error.message}`))
    this.#process.once('exit', (code, signal) => {
      if (this.pid !== undefined) signalGroup(this.pid, 'SIGKILL')
      const why = this.#killed?.why ?? (signal ? `ended by ${signal}` : `ended with exit code ${code}`)
      // Its last words tell why; a grandchild that holds the pipe open must not delay the restart.
      void Promise.race([printed, options.clock.sleep(200)]).then(() => this.#end(why))
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  call(method: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const release = this.#open(method, body, signal, {
        onAnswer: (value) => (release(), resolve(value)),
        onFault: (fault) => (release(), reject(fault)),
      })
    })
  }

  async *stream(method: string, body: unknown, signal: AbortSignal | undefined): AsyncGenerator<unknown> {
    const items: unknown[] = []
    let finished: { fault?: Fault } | undefined
    let wake: (() => void) | undefined
    const stir = () => (wake?.(), (wake = undefined))
    const id = this.#nextId
    const release = this.#open(method, body, signal, {
      onItem: (value) => (items.push(value), stir()),
      onAnswer: () => ((finished = {}), stir()),
      onFault: (fault) => ((finished = { fault }), stir()),
    })
    try {
      let taken = 0
      for (;;) {
        if (items.length > 0) {
          yield items.shift()
          taken += 1
          if (taken < STREAM_WINDOW_ITEMS / 2) continue
          await this.#pipe.send({ kind: 'more', id, items: taken } satisfies Ask)
          taken = 0
          continue
        }
        if (finished?.fault) throw finished.fault
        if (finished) return
        await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      release()
      if (!finished) await this.#pipe.send({ kind: 'cancel', id } satisfies Ask)
    }
  }

  kill(why: string): void {
    this.#kill(why, true)
  }

  async stop(stop_ms: number): Promise<void> {
    void this.#pipe.send({ kind: 'stop' } satisfies Ask)
    const cancel = this.#options.clock.after(stop_ms, () => this.#kill(`did not stop within ${stop_ms} ms`, true))
    await this.ended
    cancel()
  }

  /** Registers and sends one call; the returned function forgets it. */
  #open(method: string, body: unknown, signal: AbortSignal | undefined, pending: Pending): () => void {
    const id = this.#nextId++
    const onAbort = () => {
      void this.#pipe.send({ kind: 'cancel', id } satisfies Ask)
      pending.onFault(asAbortFault(signal?.reason))
    }
    const release = () => {
      this.#pending.delete(id)
      signal?.removeEventListener('abort', onAbort)
    }
    // The promise in `call` needs `release` before it may fail, hence the microtask.
    const fail = (fault: Fault) => void queueMicrotask(() => pending.onFault(fault))
    if (this.#gone) fail(this.#gone)
    else if (signal?.aborted) fail(asAbortFault(signal.reason))
    else if (this.#pending.size >= this.#options.calls_max) fail(this.#tooMany())
    else {
      this.#pending.set(id, pending)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#pipe.send({ kind: 'call', id, method, body } satisfies Ask).catch((reason) => pending.onFault(asAbortFault(reason)))
    }
    return release
  }

  #hear(tell: Tell): void {
    if (tell.kind === 'ready') return this.#markReady(true)
    const pending = this.#pending.get(tell.id)
    if (!pending) return // given up meanwhile
    switch (tell.kind) {
      case 'item':
        return pending.onItem?.(tell.value)
      case 'answer':
        return pending.onAnswer(tell.value)
      case 'end':
        return pending.onAnswer(undefined)
      case 'fault':
        return pending.onFault(faultFromWire(tell.fault))
    }
  }

  #probe(): void {
    const { probe, clock } = this.#options
    if (!probe) return
    const ask = () => {
      if (this.#gone) return
      const id = this.#nextId++
      const cancel = clock.after(probe.timeout_ms, () => this.#kill(`gave no sign of life for ${probe.timeout_ms} ms`, false))
      const done = () => {
        this.#pending.delete(id)
        cancel()
      }
      this.#pending.set(id, { onAnswer: () => (done(), void clock.after(probe.every_ms, ask)), onFault: done })
      void this.#pipe.send({ kind: 'ping', id } satisfies Ask)
    }
    clock.after(probe.every_ms, ask)
  }

  #kill(why: string, wanted: boolean): void {
    if (this.#gone || this.#killed || this.pid === undefined) return
    this.#killed = { why, wanted }
    signalGroup(this.pid, 'SIGKILL')
  }

  #end(why: string): void {
    if (this.#gone) return
    const { name } = this.#options
    this.#gone = new Fault('UNAVAILABLE', 'childEnded', `The ${name} process ${why} before it answered this call.`, {
      hint: 'It is being restarted; the call can be tried again.',
      details: { lastLines: this.#lastLines },
    })
    this.#pipe.close()
    this.#markReady(false)
    for (const pending of [...this.#pending.values()]) pending.onFault(this.#gone)
    this.#pending.clear()
    this.#markEnded({ why: [why, ...this.#lastLines.slice(-3)].join(' · '), wanted: this.#killed?.wanted ?? false })
  }

  #log(stream: Readable, from: 'stdout' | 'stderr'): Promise<unknown> {
    return eachLine(stream, { line_bytes_max: LINE_BYTES_MAX }, (line) => {
      this.#options.onLine?.(line, from)
      if (from === 'stdout') return
      this.#lastLines.push(line)
      if (this.#lastLines.length > LAST_LINES_MAX) this.#lastLines.shift()
    })
  }

  #tooMany(): Fault {
    const { name, calls_max } = this.#options
    return new Fault('RESOURCE_EXHAUSTED', 'tooManyCalls', `The ${name} process already works on ${calls_max} calls.`)
  }
}

let setprivProgram: string | undefined | null = null

/** Where `setpriv` can ask Linux to end the child with its parent. Looked up once. */
function parentDeathProgram(): string | undefined {
  if (setprivProgram === null) setprivProgram = process.platform === 'linux' ? whichProgram('setpriv') : undefined
  return setprivProgram
}

function spawnChild({ module, args = [], env = {}, nodeFlags = [] }: ChildOptions): ChildProcess {
  const setpriv = parentDeathProgram()
  const command = [process.execPath, ...nodeFlags, moduleFile(module), ...args]
  const line = setpriv ? [setpriv, '--pdeathsig', 'KILL', ...command] : command
  const passed = PASSED_VARIABLES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  return spawn(line[0] as string, line.slice(1), {
    env: { ...Object.fromEntries(passed), ...(setpriv ? {} : { [WATCH_PARENT_VARIABLE]: '1' }), ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C in the terminal is the house's to handle, and the whole group can be ended at once.
    detached: true,
  })
}

/** `tsc` emits `.js` and leaves URLs as they are written: an emitted house runs emitted children. */
export function moduleFile(module: URL, house = import.meta.url): string {
  const file = fileURLToPath(module)
  return house.endsWith('.js') ? file.replace(/\.ts$/, '.js') : file
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

function asAbortFault(reason: unknown): Fault {
  if (reason instanceof Fault) return reason
  return new Fault('CANCELLED', 'cancelled', 'The call was cancelled.', { cause: reason })
}
