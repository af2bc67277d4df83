/**
 * Runs a program step by step over plain state, until every thread waits for something outside or the execution ends.
 * It never waits itself and touches nothing outside: whoever drives it (driver.ts) writes the state down, does what the
 * waits ask for, and settles them.
 */
import { CallNeeded, type PendingCall } from '../language/expressions/compile.ts'
import type { Label, Node, Program, Routine } from '../language/program.ts'
import { overLimit, Raised, raised } from '../language/raised.ts'
import { newMap, type Value, type ValueMap } from '../language/values.ts'
import { writeJson } from '../language/json.ts'
import { CALL_DEPTH_MAX, STEPS_RUN_MAX } from '../limits.ts'
import { completeWait, startConnector } from './call-step.ts'
import { History } from './history.ts'
import type { LogLine, MachineHost } from './host.ts'
import type { HttpOutcome } from './http-response.ts'
import { execute } from './operations.ts'
import { endBranch, spawnBranches } from './parallel.ts'
import { STATE_VERSION, type Block, type Frame, type MachineState, type Thread, type Wait } from './state.ts'
import { fail, predicateAnswered, retryNow } from './unwinding.ts'
import { Variables } from './variables.ts'

export const MAIN_THREAD = 1

export class Machine {
  readonly program: Program
  readonly state: MachineState
  readonly host: MachineHost
  readonly variables: Variables
  readonly history = new History()
  readonly logs: LogLine[] = []

  constructor(program: Program, state: MachineState, host: MachineHost) {
    this.program = program
    this.state = state
    this.host = host
    this.variables = new Variables(program, state, host)
  }

  /** A machine at the first step of `main`. */
  static begin(program: Program, argument: Value, host: MachineHost): Machine {
    const state: MachineState = {
      version: STATE_VERSION, threads: {}, joins: {}, callbacks: {}, next_id: MAIN_THREAD + 1, steps_run: 0, memory_bytes: 0, outcome: null,
    }
    const machine = new Machine(program, state, host)
    const main = program.routines.get('main')!
    const param = main.params[0]
    const thread: Thread = { id: MAIN_THREAD, frames: [], join: null, branch: 0, outer_calls: 0, parallel_depth: 0, wait: null }
    state.threads[MAIN_THREAD] = thread
    thread.frames.push(machine.frame(main, param && argument !== null ? { [param.name]: argument } : {}, 0))
    machine.fillDefaults(thread, main, argument === null ? null : undefined)
    return machine
  }

  /** Runs up to `steps` steps. `blocked`: all that is left waits; see `waits`. */
  run(steps: number): 'more' | 'blocked' | 'ended' {
    let left = steps
    while (this.state.outcome === null) {
      const thread = this.ready()
      if (!thread) return 'blocked'
      while (thread.wait === null && this.state.outcome === null && this.state.threads[thread.id] === thread) {
        if (left-- <= 0) return 'more'
        this.step(thread)
      }
    }
    return 'ended'
  }

  private ready(): Thread | undefined {
    for (const id in this.state.threads) if (this.state.threads[id]!.wait === null) return this.state.threads[id]
    return undefined
  }

  private step(thread: Thread): void {
    const frame = thread.frames.at(-1)!
    const node = this.node(frame)
    try {
      if (node.type && frame.entry === 0) this.enter(thread, frame, node)
      execute(this, thread, frame, node)
    } catch (error) {
      if (error instanceof Raised) fail(this, thread, error)
      else if (error instanceof CallNeeded) this.guarded(thread, () => this.callInExpression(thread, frame, error.site, error.call))
      else throw error
    }
  }

  /** Does what may raise on behalf of a thread outside of its own steps. */
  guarded(thread: Thread, work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof Raised)) throw error
      fail(this, thread, error)
    }
  }

  private enter(thread: Thread, frame: Frame, node: Node): void {
    if (++this.state.steps_run > STEPS_RUN_MAX) throw overLimit(`more than ${STEPS_RUN_MAX} steps in one execution`)
    frame.entry = this.nextId()
    this.history.begin({
      id: frame.entry, parent: frame.blocks.findLast(({ entry }) => entry !== 0)?.entry ?? frame.under, thread: thread.id, routine: frame.routine,
      step: node.name, type: node.type!, at: node.at, state: 'STATE_IN_PROGRESS', opened_ms: this.host.now_ms(), closed_ms: null,
    })
  }

  // ----- waits -----

  waits(): { thread: Thread; wait: Wait }[] {
    return Object.values(this.state.threads).flatMap((thread) => (thread.wait && thread.wait.kind !== 'join' ? [{ thread, wait: thread.wait }] : []))
  }

  private waiting(id: number): Thread | undefined {
    return Object.values(this.state.threads).find((thread) => thread.wait?.id === id)
  }

  /** An http answer, or its absence. Ids that nobody waits for any more are ignored: the answer came twice, or too late. */
  settleHttp(id: number, outcome: HttpOutcome): void {
    const thread = this.waiting(id)
    if (thread?.wait?.kind === 'http') completeWait(this, thread, thread.wait, outcome)
  }

  /** Everything that is due by now. */
  wake(): void {
    const now_ms = this.host.now_ms()
    for (const { thread, wait } of this.waits()) {
      if (!('due_ms' in wait) || wait.due_ms > now_ms) continue
      const block = thread.frames.at(-1)!.blocks.at(-1)
      if (wait.kind === 'timer' && wait.connector === null && block?.kind === 'try' && block.phase === 'backoff') retryNow(this, thread, block)
      else completeWait(this, thread, wait, 'woke')
    }
  }

  /** A request at a callback's URL. */
  deliverCallback(id: string, request: ValueMap): 'accepted' | 'pending' | 'unknown' {
    const callback = this.state.callbacks[id]
    if (!callback || this.state.outcome !== null) return 'unknown'
    if (callback.arrived) return 'pending'
    callback.arrived = request
    const found = this.waits().find(({ wait }) => wait.kind === 'callback' && wait.callback === id)
    if (found) completeWait(this, found.thread, found.wait, 'arrived')
    return 'accepted'
  }

  cancel(): void {
    if (this.state.outcome !== null) return
    this.state.outcome = { state: 'CANCELLED' }
    this.state.threads = {}
    this.state.joins = {}
  }

  // ----- control flow; used by operations, calls, unwinding and parallel -----

  nextId(): number {
    return this.state.next_id++
  }

  routine(frame: Frame): Routine {
    return this.program.routines.get(frame.routine)!
  }

  node(frame: Frame): Node {
    return this.routine(frame).nodes[frame.at]!
  }

  /** Closes the blocks that are deeper than the target, and goes there. */
  goto(frame: Frame, label: Label): void {
    const target = this.routine(frame).nodes[label.id]!
    while (frame.blocks.length > target.depth) this.closeBlock(frame)
    frame.at = label.id
    frame.progress = 0
    frame.called = null
  }

  /** The step is done. */
  leave(thread: Thread, frame: Frame, node: Node): void {
    this.endEntry(thread, frame.entry)
    frame.entry = 0
    this.goto(frame, node.after)
  }

  closeBlock(frame: Frame, failed?: Value): void {
    const block = frame.blocks.pop()!
    if (block.kind !== 'try') this.variables.drop(block.vars)
    if (block.entry !== 0) this.endEntry(undefined, block.entry, failed)
  }

  endEntry(thread: Thread | undefined, id: number, failed?: Value): void {
    if (id === 0) return
    const closing = { state: failed === undefined ? ('STATE_SUCCEEDED' as const) : ('STATE_FAILED' as const), closed_ms: this.host.now_ms() }
    const variables = this.host.detailed && thread ? { variables: writeJson(this.variables.inView(thread)) } : {}
    this.history.end(id, { ...closing, ...variables, ...(failed === undefined ? {} : { exception: writeJson(failed) }) })
  }

  pushBlock(frame: Frame, block: Block): void {
    frame.blocks.push(block)
    frame.entry = 0
    frame.called = null
    frame.progress = 0
  }

  frame(routine: Routine, args: Readonly<Record<string, Value>>, under: number): Frame {
    return { routine: routine.name, at: 0, progress: 0, vars: this.variables.scope(args), blocks: [], called: null, awaits: null, entry: 0, under }
  }

  call(thread: Thread, routine: Routine, args: Readonly<Record<string, Value>>): void {
    if (thread.frames.length + thread.outer_calls >= CALL_DEPTH_MAX) throw raised('RecursionError', `calls nested deeper than ${CALL_DEPTH_MAX}`)
    thread.frames.push(this.frame(routine, args, thread.frames.at(-1)!.entry))
    this.fillDefaults(thread, routine)
  }

  /** Parameters that were not given, with their defaults. */
  private fillDefaults(thread: Thread, routine: Routine, otherwise?: Value): void {
    const { vars } = thread.frames.at(-1)!
    const env = this.variables.of(thread)
    for (const param of routine.params) {
      if (param.name in vars) continue
      const value = param.default ? param.default.run(env) : otherwise
      if (value !== undefined) env.assign(param.name, [], value)
    }
  }

  private callInExpression(thread: Thread, frame: Frame, site: number, { kind, name, args }: PendingCall): void {
    frame.awaits = { what: 'site', site }
    if (kind === 'connector') {
      const names = this.host.connectors.parameters(name)!
      startConnector(this, thread, name, Object.fromEntries(args.map((arg, i) => [names[i] ?? `argument ${i + 1}`, arg])))
      return
    }
    const routine = this.program.routines.get(name)!
    this.call(thread, routine, Object.fromEntries(args.map((arg, i) => [routine.params[i]!.name, arg])))
  }

  /** A value that the thread's innermost frame waited for. */
  deliver(thread: Thread, value: Value): void {
    const frame = thread.frames.at(-1)!
    const { awaits } = frame
    frame.awaits = null
    thread.wait = null
    if (awaits?.what === 'site') {
      frame.called ??= newMap()
      frame.called[awaits.site] = value
      return
    }
    if (awaits?.what === 'predicate') return predicateAnswered(this, thread, value)
    const node = this.node(frame)
    const { operation } = node
    this.guarded(thread, () => {
      if (operation.op === 'call' && operation.result) this.variables.of(thread).assign(operation.result, [], value)
      this.leave(thread, frame, node)
    })
  }

  /** The innermost call ends with a value. */
  return(thread: Thread, value: Value): void {
    const frame = thread.frames.at(-1)!
    this.endEntry(thread, frame.entry)
    frame.entry = 0
    while (frame.blocks.length > 0) this.closeBlock(frame)
    if (thread.frames.length === 1) {
      this.state.outcome = { state: 'SUCCEEDED', result: value }
      return
    }
    this.variables.drop(frame.vars)
    thread.frames.pop()
    this.deliver(thread, value)
  }

  branchEnded(thread: Thread): void {
    endBranch(this, thread)
    spawnBranches(this)
  }

  log(thread: Thread, severity: string, payload: Value): void {
    const frame = thread.frames.at(-1)!
    this.logs.push({ at_ms: this.host.now_ms(), severity, payload, routine: frame.routine, step: this.node(frame).name })
  }
}

