/** One of the house's own processes from spawn to exit, and the talk with it. Restarting is `children.ts`'s. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type Ask, faultFromWire, STREAM_WINDOW_ITEMS, type Tell, WATCH_PARENT_VARIABLE } from './child-wire.ts'
import type { LifeOptions } from './children.ts'
import { Fault } from './fault.ts'
import { FramePipe } from './frames.ts'
import { eachLine } from './lines.ts'
import { signalGroup, whichProgram } from './process-group.ts'

/** What of the house's environment every child gets. */
const PASSED_VARIABLES = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'POTOROO_FAILPOINTS', 'NODE_COMPILE_CACHE', 'SYSTEMROOT']
const LINE_BYTES_MAX = 64 * 1024
const LAST_LINES_MAX = 20

export interface End {
  why: string
  /** We ended it on purpose. */
  wanted: boolean
}

interface Pending {
  onItem?: (value: unknown) => void
  onAnswer: (value: unknown) => void
  onFault: (fault: Fault) => void
}

export class Life {
  readonly ready: Promise<boolean>
  readonly ended: Promise<End>
  readonly #options: LifeOptions
  readonly #process: ChildProcess
  readonly #pipe: FramePipe
  readonly #pending = new Map<number, Pending>()
  readonly #lastLines: string[] = []
  readonly #markReady: (ready: boolean) => void
  readonly #markEnded: (end: End) => void
  #gone: Fault | undefined
  #killed: { why: string; wanted: boolean } | undefined
  #nextId = 1

  constructor(options: LifeOptions) {
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

function spawnChild({ module, args = [], env = {}, nodeFlags = [] }: LifeOptions): ChildProcess {
  const setpriv = parentDeathProgram()
  const command = [process.execPath, ...nodeFlags, moduleFile(module), ...args]
  const line = setpriv ? [setpriv, '--pdeathsig', 'KILL', ...command] : command
  const passed = PASSED_VARIABLES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  return spawn(line[0] as string, line.slice(1), {
    env: { ...Object.fromEntries(passed), ...(setpriv ? {} : { [WATCH_PARENT_VARIABLE]: String(process.pid) }), ...env },
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

export function asAbortFault(reason: unknown): Fault {
  if (reason instanceof Fault) return reason
  return new Fault('CANCELLED', 'cancelled', 'The call was cancelled.', { cause: reason })
}
