/**
 * The inside of one of the house's own processes: `serve(handlers)` answers the calls that `children.ts` sends.
 * It ends when the house does, however the house ends. Never for user code, which is `hatch.ts`'s.
 */
import { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { type Ask, CONTROL_IN_FD, CONTROL_OUT_FD, faultToWire, STREAM_WINDOW_ITEMS, type Tell, WATCH_PARENT_VARIABLE } from './child-wire.ts'
import { asFault, Fault } from './fault.ts'
import { FramePipe } from './frames.ts'

export interface CallContext {
  /** Aborted when the caller gave up. */
  signal: AbortSignal
}

/** A handler per method: a value or promise for `call`, an async iterable (a generator, mostly) for `stream`. */
export type Handlers<C> = { [M in keyof C]: C[M] extends (body: infer B) => infer A ? (body: B, context: CallContext) => A | Promise<Awaited<A>> : never }

export interface ServeOptions {
  /** Awaited before the house is told that this child is ready. */
  open?: () => Promise<void>
  /** Awaited when the house asks it to stop; the house's patience is `stop_ms`. */
  close?: () => Promise<void>
}

export async function serve<C>(handlers: Handlers<C>, options: ServeOptions = {}): Promise<void> {
  const input = new Socket({ fd: CONTROL_IN_FD, readable: true, writable: false })
  const output = new Socket({ fd: CONTROL_OUT_FD, readable: false, writable: true })
  const pipe = new FramePipe(input, output)
  const calls = new CallsUnderWay(pipe, handlers as Record<string, Handler>)
  const parent = process.env[WATCH_PARENT_VARIABLE]
  if (parent) watchParent(Number(parent))

  pipe.listen(
    (message) => {
      const ask = message as Ask
      if (ask.kind === 'stop') void leave(options)
      else calls.take(ask)
    },
    () => process.exit(0),
    () => process.exit(1),
  )
  await opened(options)
  await pipe.send({ kind: 'ready' } satisfies Tell)
}

type Handler = (body: unknown, context: CallContext) => unknown

interface CallUnderWay {
  abort: AbortController
  window: Window
}

class CallsUnderWay {
  readonly #pipe: FramePipe
  readonly #handlers: Record<string, Handler>
  readonly #calls = new Map<number, CallUnderWay>()

  constructor(pipe: FramePipe, handlers: Record<string, Handler>) {
    this.#pipe = pipe
    this.#handlers = handlers
  }

  take(ask: Exclude<Ask, { kind: 'stop' }>): void {
    switch (ask.kind) {
      case 'call':
        void this.#run(ask.id, ask.method, ask.body)
        return
      case 'cancel':
        this.#calls.get(ask.id)?.abort.abort(new Fault('CANCELLED', 'cancelled', 'The caller gave up.'))
        return
      case 'more':
        this.#calls.get(ask.id)?.window.grant(ask.items)
        return
      case 'ping':
        void this.#tell({ kind: 'answer', id: ask.id, value: true })
    }
  }

  async #run(id: number, method: string, body: unknown): Promise<void> {
    const call: CallUnderWay = { abort: new AbortController(), window: new Window(STREAM_WINDOW_ITEMS) }
    const { signal } = call.abort
    signal.addEventListener('abort', () => call.window.grant(1), { once: true })
    this.#calls.set(id, call)
    try {
      const handler = Object.hasOwn(this.#handlers, method) ? this.#handlers[method] : undefined
      if (!handler) throw new Fault('UNIMPLEMENTED', 'notImplemented', `This process has no method ${method}.`)
      const answer = await handler(body, { signal })
      if (!isStream(answer)) return await this.#tell({ kind: 'answer', id, value: answer })
      for await (const value of answer) {
        await call.window.take()
        signal.throwIfAborted()
        await this.#tell({ kind: 'item', id, value })
      }
      await this.#tell({ kind: 'end', id })
    } catch (thrown) {
      // A bug's own text belongs into the log, which is where stderr goes; the caller gets the general sentence.
      if (!(thrown instanceof Fault)) console.error(thrown)
      await this.#tell({ kind: 'fault', id, fault: faultToWire(asFault(thrown)) })
    } finally {
      this.#calls.delete(id)
    }
  }

  #tell(tell: Tell): Promise<void> {
    return this.#pipe.send(tell)
  }
}

/** How many items may still be sent before the reader has to take some. */
class Window {
  #room: number
  #wake: (() => void) | undefined

  constructor(room: number) {
    this.#room = room
  }

  grant(items: number): void {
    this.#room += items
    this.#wake?.()
    this.#wake = undefined
  }

  async take(): Promise<void> {
    while (this.#room <= 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    this.#room -= 1
  }
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

/** What keeps it from starting is its last line, and so what the house is told. */
async function opened({ open }: ServeOptions): Promise<void> {
  try {
    await open?.()
  } catch (reason) {
    if (!(reason instanceof Fault)) throw reason
    console.error(reason.hint === undefined ? reason.message : `${reason.message} ${reason.hint}`)
    process.exit(1)
  }
}

async function leave({ close }: ServeOptions): Promise<void> {
  try {
    await close?.()
    process.exit(0)
  } catch (reason) {
    console.error(reason)
    process.exit(1)
  }
}

/**
 * The end of the control pipe is only seen by an idle loop. A child in a long synchronous call has this second thread,
 * for systems without a parent-death signal.
 */
function watchParent(parent: number): void {
  // The house tells its own pid: whoever is asked for it here may already have another parent.
  const watch = `setInterval(() => { if (process.ppid !== ${parent}) process.kill(process.pid, 'SIGKILL') }, 300)`
  new Worker(watch, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref()
}
