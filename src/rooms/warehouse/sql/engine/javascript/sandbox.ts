/**
 * A JavaScript machine of its own (QuickJS as WebAssembly) for users' functions: it has its own memory and its own clock of steps, and nothing
 * of this process, no file, no socket, no timer, is in its world. It answers synchronously, as the engine's callbacks need it.
 */
import variant from '@jitl/quickjs-ng-wasmfile-release-sync'
import { newQuickJSWASMModuleFromVariant, type QuickJSContext, type QuickJSHandle, type QuickJSRuntime, type QuickJSSyncVariant, type QuickJSWASMModule } from 'quickjs-emscripten-core'
import type { Clock } from '#ground/clock.ts'
import { JS_CALL_MS_MAX, JS_CONTEXTS_MAX, JS_EXHAUSTED_MS, JS_MEMORY_BYTES_MAX, JS_STACK_BYTES_MAX } from '../../limits.ts'

export interface Program {
  /** Tells programs apart: equal ids are equal texts. */
  id: string
  /** Run in order before the first call; the last one's value must be a function from text to text. */
  scripts: readonly { name: string; text: string }[]
}

interface Loaded {
  runtime: QuickJSRuntime
  context: QuickJSContext
  run: QuickJSHandle
}

export class Sandbox {
  readonly #module: QuickJSWASMModule
  readonly #clock: Pick<Clock, 'elapsed_ms'>
  readonly #loaded = new Map<string, Loaded>()
  #until_ms = 0
  /** The engine tries a call with constant arguments several times; what exhausted a limit once would do so each time. */
  #exhausted: { id: string; input: string; error: Error; at_ms: number } | undefined

  /** True once a program broke the machine itself; another one must be opened then. */
  broken = false

  static async open(clock: Pick<Clock, 'elapsed_ms'>): Promise<Sandbox> {
    return new Sandbox(await newQuickJSWASMModuleFromVariant(variant as unknown as QuickJSSyncVariant), clock)
  }

  private constructor(module: QuickJSWASMModule, clock: Pick<Clock, 'elapsed_ms'>) {
    this.#module = module
    this.#clock = clock
  }

  /** Throws an Error whose message is for the user. */
  call(program: Program, input: string): string {
    if (this.broken) throw new Error('A JavaScript function broke the machine that runs it; run the query again.')
    const now_ms = this.#clock.elapsed_ms()
    const exhausted = this.#exhausted
    if (exhausted && exhausted.id === program.id && exhausted.input === input && now_ms - exhausted.at_ms < JS_EXHAUSTED_MS) throw exhausted.error
    this.#until_ms = now_ms + JS_CALL_MS_MAX
    const { context, run } = this.#loaded.get(program.id) ?? this.#load(program)
    const given = context.newString(input)
    const result = context.callFunction(run, context.undefined, given)
    given.dispose()
    if (result.error) {
      const error = this.#failed(program.id, context, result.error)
      if (!this.#loaded.has(program.id)) this.#exhausted = { id: program.id, input, error, at_ms: this.#clock.elapsed_ms() }
      throw error
    }
    const text = context.getString(result.value)
    result.value.dispose()
    return text
  }

  #load(program: Program): Loaded {
    if (this.#loaded.size >= JS_CONTEXTS_MAX) this.#unload(this.#loaded.keys().next().value!)
    const runtime = this.#module.newRuntime()
    runtime.setMemoryLimit(JS_MEMORY_BYTES_MAX)
    runtime.setMaxStackSize(JS_STACK_BYTES_MAX)
    runtime.setInterruptHandler(() => this.#clock.elapsed_ms() > this.#until_ms)
    const context = runtime.newContext()
    let run = context.undefined
    for (const { name, text } of program.scripts) {
      const result = context.evalCode(text, name)
      if (result.error) {
        const failure = this.#failed(undefined, context, result.error)
        this.#dispose({ runtime, context, run })
        throw failure
      }
      run.dispose()
      run = result.value
    }
    const loaded = { runtime, context, run }
    this.#loaded.set(program.id, loaded)
    return loaded
  }

  /** What a stopped or exhausted program left behind is not used again. */
  #failed(id: string | undefined, context: QuickJSContext, error: QuickJSHandle): Error {
    const { name = 'Error', message = '', stack = '' } = described(context.dump(error))
    error.dispose()
    const lost = name === 'InternalError'
    if (lost && id !== undefined) this.#unload(id)
    if (lost && message === 'interrupted') return new Error('UDF out of time: A JavaScript function ran for too long.')
    if (lost && message === 'out of memory') return new Error('UDF out of memory: A JavaScript function used too much memory.')
    const line = /\budf:(\d+):(\d+)/.exec(stack)
    return new Error(`${name}: ${message}${line ? ` at line ${Number(line[1]) - 1}, column ${line[2]}` : ''}`)
  }

  #unload(id: string): void {
    const loaded = this.#loaded.get(id)
    this.#loaded.delete(id)
    if (loaded) this.#dispose(loaded)
  }

  #dispose({ run, context, runtime }: Loaded): void {
    try {
      run.dispose()
      context.dispose()
      runtime.dispose()
    } catch {
      // The machine asserts that nothing is left of a program; one that ran out of memory may leave something.
      this.broken = true
    }
  }
}

/** Anything can be thrown, not only an Error. */
const described = (thrown: unknown): { name?: string; message?: string; stack?: string } => (typeof thrown === 'object' && thrown !== null ? thrown : { name: 'Error', message: String(thrown) })
