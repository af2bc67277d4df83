/** One process that holds a function's code: started in the hatch, loaded once, called until it idles, fails or is replaced. */
import type { Clock } from '#ground/clock.ts'
import type { Fault } from '#ground/fault.ts'
import type { Ending, Run } from '#ground/hatch.ts'
import { instanceEnded, loadFailed, timedOut } from '../faults.ts'
import { LOAD_MS, WAITING_MAX } from '../limits.ts'
import type { SignatureKind } from '../types.ts'
import { InstanceOutput } from './output.ts'
import type { Printed } from './output.ts'
import { readFrames, writeFrame } from './talk.ts'
import type { FromRunner, ToRunner } from './talk.ts'

export interface Sink {
  head(status: number, headers: [string, string][]): void
  chunk(bytes: Buffer): void
}

export interface RequestHead {
  method: string
  target: string
  headers: readonly (readonly [string, string])[]
  host: string
  scheme: string
  client: string
}

export interface Work {
  /** Names the run in logs and records. */
  execution: string
  /** Absent for an event. */
  request?: RequestHead
  body: Uint8Array
  sink?: Sink
  timeout_ms: number
}

export interface Done {
  /** What the function itself failed with; its instance goes on. */
  error?: string
  /** The same, where an answer was sent that says so. */
  crash?: string
}

interface Pending {
  work: Work
  settle: PromiseWithResolvers<Done>
  cancel: () => void
}

export interface InstanceOptions {
  /** Starts the process; the output goes to `onLine`. */
  start(onLine: (line: string, stream: 'stdout' | 'stderr') => void): Promise<Run>
  init: Omit<Extract<ToRunner, { t: 'init' }>, 't'>
  generation: 1 | 2
  clock: Clock
  print(entry: Printed): void
}

export class Instance {
  readonly #options: InstanceOptions
  readonly #output: InstanceOutput
  readonly #pending = new Map<number, Pending>()
  #run!: Run
  #calls = 0
  #last: string | undefined
  #kind: SignatureKind | undefined
  /** Why it takes no more calls. */
  #over: Fault | undefined
  readonly ended: Promise<Ending>
  idleSince_ms = 0

  /** Resolves when its code is loaded; a Fault with the code's own words where it cannot be. */
  static async start(options: InstanceOptions): Promise<Instance> {
    const output = new InstanceOutput(options.clock, options.print)
    let instance: Instance | undefined
    const run = await options.start((line, stream) => output.line(line, stream, instance?.execution))
    instance = new Instance(options, output, run)
    await instance.#load()
    return instance
  }

  private constructor(options: InstanceOptions, output: InstanceOutput, run: Run) {
    this.#options = options
    this.#output = output
    this.#run = run
    this.ended = run.ended.then((ending) => this.#gone(ending))
  }

  get kind(): SignatureKind {
    return this.#kind!
  }

  get busy(): number {
    return this.#pending.size
  }

  get alive(): boolean {
    return this.#over === undefined
  }

  get memory_bytes(): number {
    return this.#run.memory_bytes_max
  }

  /** The run that its output belongs to, where only one can be meant. */
  get execution(): string | undefined {
    return this.#options.init.concurrency === 1 ? this.#last : undefined
  }

  async call(work: Work): Promise<Done> {
    if (this.#over) throw this.#over
    if (this.#pending.size >= WAITING_MAX) throw instanceEnded('has too many calls')
    const id = ++this.#calls
    const settle = Promise.withResolvers<Done>()
    const cancel = this.#options.clock.after(work.timeout_ms, () => this.#late(work.timeout_ms))
    this.#pending.set(id, { work, settle, cancel })
    this.#last = work.execution
    writeFrame(this.#run.talk!.output, { t: 'call', id, ...work.request }, work.body)
    return settle.promise
  }

  async stop(): Promise<void> {
    this.#over ??= instanceEnded('was stopped')
    await this.#run.stop()
  }

  async kill(why: string): Promise<void> {
    this.#over ??= instanceEnded(why)
    await this.#run.kill(why)
  }

  async #load(): Promise<void> {
    const { clock, init } = this.#options
    const loaded = Promise.withResolvers<SignatureKind>()
    loaded.promise.catch(() => {}) // also when its end was heard of first
    const { input, output } = this.#run.talk!
    output.on('error', () => output.destroy())
    const cancel = clock.after(LOAD_MS, () => loaded.reject(loadFailed(`The code was not loaded within ${LOAD_MS / 1000} seconds.`)))
    readFrames(
      input,
      (head, body) => {
        if (head.t === 'ready') loaded.resolve(head.kind)
        else if (head.t === 'failed') loaded.reject(loadFailed(head.message))
        else this.#hear(head, body)
      },
      () => void this.kill('sent what is no answer'),
    )
    void this.ended.then(({ message }) => loaded.reject(loadFailed(`The instance ended while it loaded the code: it ${message}.`)))
    writeFrame(output, { t: 'init', ...init })
    try {
      this.#kind = await loaded.promise
    } catch (fault) {
      this.#over = fault as Fault
      await this.#run.kill('it could not load its code')
      throw fault
    } finally {
      cancel()
    }
  }

  #hear(head: Extract<FromRunner, { id: number }>, body: Buffer): void {
    const pending = this.#pending.get(head.id)
    if (!pending) return
    if (head.t === 'head') pending.work.sink?.head(head.status, head.headers)
    else if (head.t === 'chunk') pending.work.sink?.chunk(body)
    else this.#settle(head.id, pending, { ...(head.error !== undefined && { error: head.error }), ...(head.crash !== undefined && { crash: head.crash }) })
  }

  /** What it printed just before it answered may still be on its way: one turn later it is here. */
  #settle(id: number, { settle, cancel }: Pending, done: Done): void {
    this.#pending.delete(id)
    cancel()
    setImmediate(() => {
      this.#output.flush()
      settle.resolve(done)
    })
  }

  #late(timeout_ms: number): void {
    const fault = timedOut(timeout_ms / 1000, this.#options.generation)
    this.#over = fault
    void this.#run.kill(`ran longer than ${timeout_ms / 1000} seconds`)
  }

  #gone(ending: Ending): Ending {
    this.#output.flush()
    this.#over ??= instanceEnded(ending.message)
    for (const { settle, cancel } of this.#pending.values()) {
      cancel()
      settle.reject(this.#over)
    }
    this.#pending.clear()
    return ending
  }
}
