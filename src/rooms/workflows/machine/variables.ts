/** Reading and writing variables through the scopes of a thread, with the memory they take. */
import type { LibraryHost } from '../stdlib/library.ts'
import { CallNeeded, type Env, type PendingCall } from '../language/expressions/compile.ts'
import { replaced } from '../language/expressions/operators.ts'
import type { Program } from '../language/program.ts'
import { overLimit, raised } from '../language/raised.ts'
import { measure, newMap, type NewMap, type Value } from '../language/values.ts'
import { VALUE_DEPTH_MAX, VARIABLES_BYTES_MAX } from '../limits.ts'
import type { Block, Frame, Join, MachineState, Thread } from './state.ts'

export class Variables implements Env {
  readonly host: LibraryHost
  private readonly program: Program
  private readonly state: MachineState
  private thread!: Thread
  private frame!: Frame

  constructor(program: Program, state: MachineState, host: LibraryHost) {
    this.program = program
    this.state = state
    this.host = host
  }

  /** The env of the thread's innermost frame. */
  of(thread: Thread): this {
    this.thread = thread
    this.frame = thread.frames.at(-1)!
    return this
  }

  read(name: string): Value | undefined {
    return this.holder(name)?.[name]
  }

  called(site: number, call: PendingCall): Value {
    const value = this.frame.called?.[site]
    if (value === undefined) throw new CallNeeded(site, call)
    return value
  }

  assign(name: string, path: readonly Value[], value: Value): void {
    const holder = this.holder(name, true) ?? innermost(this.frame)
    const old = holder[name]
    const next = path.length === 0 ? value : replaced(old, path, 0, value)
    const { bytes, depth } = measure(next)
    if (depth > VALUE_DEPTH_MAX) throw raised('ResourceLimitError', `a value nested deeper than ${VALUE_DEPTH_MAX} levels`)
    this.state.memory_bytes += bytes - (old === undefined ? 0 : measure(old).bytes)
    holder[name] = next
    if (this.state.memory_bytes > VARIABLES_BYTES_MAX) {
      // The variable goes back to what it was, so that an `except` has room to work in.
      if (old === undefined) delete holder[name]
      else holder[name] = old
      this.state.memory_bytes -= bytes - (old === undefined ? 0 : measure(old).bytes)
      throw raised('ResourceLimitError', 'Memory usage limit exceeded')
    }
  }

  /** The variables of a scope that begins with these values. */
  scope(values: Readonly<Record<string, Value>> = {}): NewMap {
    const vars = newMap()
    for (const name in values) {
      vars[name] = values[name]!
      this.state.memory_bytes += measure(values[name]!).bytes
    }
    if (this.state.memory_bytes > VARIABLES_BYTES_MAX * 2) throw overLimit('Memory usage limit exceeded')
    return vars
  }

  /** A loop's own variable, in the loop's scope whatever its name is outside. */
  declare(vars: NewMap, name: string, value: Value): void {
    this.state.memory_bytes += measure(value).bytes - (name in vars ? measure(vars[name]!).bytes : 0)
    vars[name] = value
  }

  drop(vars: NewMap): void {
    for (const name in vars) this.state.memory_bytes -= measure(vars[name]!).bytes
  }

  /** All variables in view, inner ones before outer ones of the same name. */
  inView(thread: Thread): NewMap {
    const view = newMap()
    this.of(thread)
    for (const vars of this.scopes()) for (const name in vars) view[name] ??= vars[name]!
    return view
  }

  private holder(name: string, toWrite = false): NewMap | undefined {
    const { frame } = this
    for (let i = frame.blocks.length - 1; i >= 0; i--) {
      const vars = blockVars(frame.blocks[i]!)
      if (vars && name in vars) return vars
    }
    if (name in frame.vars) return frame.vars
    if (this.thread.join === null || this.thread.frames.length > 1) return undefined
    for (const vars of this.scopes(toWrite ? name : undefined)) if (name in vars) return vars
    return undefined
  }

  /**
   * Innermost first; a branch goes on in the frame of the thread that waits for it. For a variable to be written it goes
   * on only where the parallel step shares that variable.
   */
  private *scopes(written?: string): Generator<NewMap> {
    let thread: Thread = this.thread
    for (;;) {
      const frame = thread.frames.at(-1)!
      for (const block of frame.blocks.toReversed()) {
        const vars = blockVars(block)
        if (vars) yield vars
      }
      yield frame.vars
      if (thread.join === null || thread.frames.length > 1) return
      const join = this.state.joins[thread.join]!
      if (written !== undefined && !this.shares(join, written)) return
      thread = this.state.threads[join.thread]!
    }
  }

  private shares(join: Join, name: string): boolean {
    const { routine } = this.state.threads[join.thread]!.frames.at(-1)!
    const { operation } = this.program.routines.get(routine)!.nodes[join.node]!
    return operation.op === 'parallel' && operation.shared.includes(name)
  }
}

const blockVars = (block: Block): NewMap | undefined => (block.kind === 'try' ? undefined : block.vars)

function innermost(frame: Frame): NewMap {
  for (let i = frame.blocks.length - 1; i >= 0; i--) {
    const vars = blockVars(frame.blocks[i]!)
    if (vars) return vars
  }
  return frame.vars
}
