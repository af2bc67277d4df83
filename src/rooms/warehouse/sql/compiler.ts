/**
 * The compiler as the warehouse sees it, in main: a client of the analyzer child, with a cache of compiled texts. A hit costs the
 * catalog look-ups that prove it is still right, and no message to the child.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '#ground/clock.ts'
import type { Dice } from '#ground/dice.ts'
import { Child } from '#ground/children.ts'
import { asFault, Fault } from '#ground/fault.ts'
import type { AnalyzerCalls } from './analyzer/child.ts'
import type { CompileRequest, CompileResponse } from './analyzer/compile.ts'
import { needKey, type Answer, type Defaults, type Need } from './analyzer/needs.ts'
import { ANALYZE_MS, CACHE_CHARS_MAX, IDLE_MS, QUERY_CHARS_MAX, ROUNDS_MAX } from './limits.ts'
import type { ScriptTree } from './script/tree.ts'
import type { CatalogRoutine, CatalogSource, CompileOptions, Compiler, SqlType, Statement, TypedValue } from './types.ts'

/** What the interpreter asks beyond `Compiler`: variables and functions of the script, and the script's tree. */
export interface ScriptCompiler extends Compiler {
  compileWith(text: string, options: CompileOptions, scope: Scope): Promise<Compiled>
  script(text: string, options: CompileOptions): Promise<ScriptTree>
}

export interface Scope {
  variables?: Readonly<Record<string, SqlType>>
  functions?: readonly CatalogRoutine[]
}

export interface Compiled {
  statement: Statement
  tempFunctions?: readonly CatalogRoutine[]
}

export interface CompilerParts {
  clock: Clock
  dice: Dice
  /** Where scripts/fetch-analyzer.mjs put the analyzer. */
  folder: string
  onState?: (state: string, why: string) => void
}

interface CacheEntry {
  compiled: Compiled
  /** What was looked up, and the version that it had. */
  needs: readonly { need: Need; version: string }[]
  chars: number
}

export function createCompiler(parts: CompilerParts): ScriptCompiler {
  return new CachedCompiler(parts)
}

class CachedCompiler implements ScriptCompiler {
  readonly #clock: Clock
  readonly #child: Child<AnalyzerCalls>
  readonly #cache = new Map<string, CacheEntry>()
  #chars = 0
  #cancelIdle: (() => void) | undefined
  #running: Promise<void> | undefined
  #busy = 0

  constructor({ clock, dice, folder, onState }: CompilerParts) {
    this.#clock = clock
    this.#child = new Child<AnalyzerCalls>({
      name: 'analyzer', module: new URL('./analyzer/child.ts', import.meta.url), args: [folder], clock, dice,
      // A deep tree needs a deep stack; the memory bound covers the trees, not the module. The module is optimized after few calls, not after many.
      nodeFlags: ['--stack-size=4000', '--max-old-space-size=256', '--no-warnings', '--wasm-tiering-budget=1000000'],
      ...(onState ? { onState } : {}),
    })
  }

  async warm(): Promise<void> {
    await (this.#running ??= this.#child.start())
    this.#rest()
  }

  async stop(): Promise<void> {
    this.#cancelIdle?.()
    await this.#child.stop()
    this.#running = undefined
  }

  async compile(text: string, options: CompileOptions): Promise<Statement> {
    return (await this.compileWith(text, options, {})).statement
  }

  async compileWith(text: string, options: CompileOptions, scope: Scope): Promise<Compiled> {
    if (text.length > QUERY_CHARS_MAX) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', 'The query is too large. The maximum query length is 1024.00K characters, including comments and white space characters.')
    const request = requestOf(text, options, scope)
    const key = createHash('sha1').update(JSON.stringify(request)).digest('base64')
    const hit = this.#cache.get(key)
    if (hit && (await stillRight(hit, options.catalog))) {
      this.#cache.delete(key)
      this.#cache.set(key, hit)
      return hit.compiled
    }
    const needs: Need[] = []
    let answers: Record<string, Answer> = {}
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const response: CompileResponse = await this.#call('compile', { ...request, answers }, options)
      if ('statement' in response) {
        this.#remember(key, response, needs, answers)
        return response
      }
      answers = { ...answers }
      for (const need of response.needs) {
        needs.push(need)
        answers[needKey(need)] = await answerOf(need, options.catalog)
      }
    }
    throw new Fault('INVALID_ARGUMENT', 'invalidQuery', 'The views of this query are nested too deeply.')
  }

  async script(text: string, options: CompileOptions): Promise<ScriptTree> {
    if (text.length > QUERY_CHARS_MAX) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', 'The query is too large. The maximum query length is 1024.00K characters, including comments and white space characters.')
    return this.#call('script', { text, defaults: defaultsOf(options) }, options)
  }

  async #call<M extends 'compile' | 'script'>(method: M, body: Parameters<AnalyzerCalls[M]>[0], options: CompileOptions): Promise<ReturnType<AnalyzerCalls[M]>> {
    this.#busy++
    this.#cancelIdle?.()
    let restart = true
    try {
      for (;;) {
        await (this.#running ??= this.#child.start())
        // The child answers one call at a time: waiting in its queue does not count against the one that is stuck.
        const late = new AbortController()
        const cancel = this.#clock.after((options.deadline_ms ?? ANALYZE_MS) + this.#busy * 200, () => late.abort(new Fault('DEADLINE_EXCEEDED', 'timeout', 'The query could not be analyzed in the time allowed.', { httpStatus: 400 })))
        try {
          return (await this.#child.call(method, body as never, { signal: options.signal ? AbortSignal.any([options.signal, late.signal]) : late.signal })) as ReturnType<AnalyzerCalls[M]>
        } catch (thrown) {
          if (late.signal.aborted) {
            this.#child.kill('did not analyze a text in time')
            throw asFault(late.signal.reason)
          }
          // Killed because of another call: once more.
          if (restart && thrown instanceof Fault && thrown.reason === 'childEnded') {
            restart = false
            continue
          }
          throw thrown
        } finally {
          cancel()
        }
      }
    } finally {
      this.#busy--
      this.#rest()
    }
  }

  /** Memory goes back when nobody has asked for a while. */
  #rest(): void {
    this.#cancelIdle?.()
    this.#cancelIdle = this.#clock.after(IDLE_MS, () => {
      if (this.#busy > 0) return this.#rest()
      this.#running = undefined
      void this.#child.stop()
    })
  }

  #remember(key: string, compiled: Compiled, needs: readonly Need[], answers: Readonly<Record<string, Answer>>): void {
    // FOR SYSTEM_TIME AS OF depends on the moment.
    if (needs.some((need) => need.at_us !== undefined)) return
    const chars = JSON.stringify(compiled).length
    const before = this.#cache.get(key)
    if (before) {
      this.#cache.delete(key)
      this.#chars -= before.chars
    }
    this.#cache.set(key, { compiled, needs: needs.map((need) => ({ need, version: versionOf(answers[needKey(need)]!) })), chars })
    this.#chars += chars
    while (this.#chars > CACHE_CHARS_MAX) {
      const [oldest, entry] = this.#cache.entries().next().value!
      this.#cache.delete(oldest)
      this.#chars -= entry.chars
    }
  }
}

async function answerOf(need: Need, catalog: CatalogSource): Promise<Answer> {
  const { ref } = need
  if (need.kind === 'relation') return { relation: await catalog.relation(ref, need.at_us) }
  if (need.kind === 'routine') return { routine: await catalog.routine(ref) }
  return { wildcard: await catalog.wildcard(ref.projectId, ref.datasetId ?? '', ref.id) }
}

function versionOf(answer: Answer): string {
  if ('wildcard' in answer) return answer.wildcard.map((table) => `${table.path.tableId}@${table.version}`).join()
  if ('relation' in answer) return answer.relation ? `${answer.relation.kind}:${answer.relation.version}:${answer.relation.path.datasetId}` : ''
  return 'routine' in answer && answer.routine ? answer.routine.version : ''
}

async function stillRight(entry: CacheEntry, catalog: CatalogSource): Promise<boolean> {
  const checks = await Promise.all(entry.needs.map(async ({ need, version }) => versionOf(await answerOf(need, catalog)) === version))
  return checks.every(Boolean)
}

const defaultsOf = (options: CompileOptions): Defaults => ({ projectId: options.projectId, ...(options.defaultDataset ? { dataset: options.defaultDataset } : {}), ...(options.now_us ? { now_us: options.now_us } : {}) })

const typesOf = (values: Readonly<Record<string, TypedValue>>): Record<string, SqlType> => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.type]))

function requestOf(text: string, options: CompileOptions, scope: Scope): Omit<CompileRequest, 'answers'> {
  const { parameters, systemVariables } = options
  return {
    text,
    defaults: defaultsOf(options),
    ...(parameters?.mode === 'named' ? { named: typesOf(parameters.values) } : {}),
    ...(parameters?.mode === 'positional' ? { positional: parameters.values.map((value) => value.type) } : {}),
    ...(systemVariables ? { systemVariables: typesOf(systemVariables) } : {}),
    ...(options.javascript ? { javascript: true } : {}),
    ...(scope.variables ? { variables: scope.variables } : {}),
    ...(scope.functions?.length ? { functions: scope.functions } : {}),
  }
}
