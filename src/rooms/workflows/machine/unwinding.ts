/** The way of an error: out through frames and blocks to a `try` that retries or excepts it, or to the end of its thread. */
import type { Node, Operation } from '../language/program.ts'
import { Raised, raised } from '../language/raised.ts'
import { writeJson } from '../language/json.ts'
import { isNumber, toNumber, typeWord, type Value } from '../language/values.ts'
import { delay_s, PREDICATES } from '../stdlib/retry.ts'
import type { Machine } from './machine.ts'
import { branchFailed } from './parallel.ts'
import type { Failure, Frame, Thread, TryBlock } from './state.ts'
import { contextOf, traceOf } from './trace.ts'

export function fail(machine: Machine, thread: Thread, error: Raised): void {
  thread.wait = null
  unwind(machine, thread, { value: error.value, trace: traceOf(machine.program, thread) }, error.fatal)
}

function unwind(machine: Machine, thread: Thread, failure: Failure, fatal = false): void {
  for (;;) {
    const frame = thread.frames.at(-1)!
    machine.endEntry(thread, frame.entry, failure.value)
    frame.entry = 0
    frame.called = null
    frame.progress = 0
    frame.awaits = null
    for (let block = frame.blocks.at(-1); block; block = frame.blocks.at(-1)) {
      if (block.kind === 'try' && !fatal && caught(machine, thread, frame, block, failure)) return
      machine.closeBlock(frame, failure.value)
    }
    if (thread.frames.length === 1) return threadFailed(machine, thread, failure)
    machine.variables.drop(frame.vars)
    thread.frames.pop()
  }
}

function threadFailed(machine: Machine, thread: Thread, failure: Failure): void {
  const context = contextOf(failure.value, failure.trace)
  if (thread.join === null) machine.state.outcome = { state: 'FAILED', error: failure.value, context, trace: failure.trace }
  else branchFailed(machine, thread, failure.value, { context, payload: writeJson(failure.value) })
}

function tryOf(machine: Machine, frame: Frame, block: TryBlock): { node: Node; operation: Operation & { op: 'try' } } {
  const node = machine.routine(frame).nodes[block.node]!
  if (node.operation.op !== 'try') throw new Error(`node ${block.node} of ${frame.routine} is no try: the state belongs to another revision`)
  return { node, operation: node.operation }
}

/** Whether the try block takes the error: to ask its predicate, to wait and run again, or into its except. */
function caught(machine: Machine, thread: Thread, frame: Frame, block: TryBlock, failure: Failure): boolean {
  const { operation } = tryOf(machine, frame, block)
  frame.at = block.node
  // An error of the predicate itself is not retried: it goes on in place of the one it was asked about.
  if (block.phase !== 'body' || !operation.retry) return excepted(machine, frame, block, failure)
  const { retry } = operation
  let retries_max: number
  try {
    retries_max = policyNumber(retry.max_retries.run(machine.variables.of(thread)), 'max_retries')
  } catch (error) {
    if (!(error instanceof Raised)) throw error
    return excepted(machine, frame, block, { value: error.value, trace: traceOf(machine.program, thread) })
  }
  if (block.retries >= retries_max) return excepted(machine, frame, block, failure)
  block.failure = failure
  block.phase = 'predicate'
  if ('library' in retry.predicate) {
    verdict(machine, thread, frame, block, PREDICATES[retry.predicate.library](failure.value))
    return true
  }
  const routine = machine.program.routines.get(retry.predicate.routine)!
  frame.awaits = { what: 'predicate' }
  machine.guarded(thread, () => machine.call(thread, routine, { [routine.params[0]!.name]: failure.value }))
  return true
}

function excepted(machine: Machine, frame: Frame, block: TryBlock, failure: Failure): boolean {
  const { except } = tryOf(machine, frame, block).operation
  if (!except) return false
  frame.blocks.pop()
  machine.pushBlock(frame, { kind: 'except', node: block.node, vars: machine.variables.scope(except.as ? { [except.as]: failure.value } : {}), entry: block.entry })
  frame.at = except.body.id
  return true
}

export function predicateAnswered(machine: Machine, thread: Thread, answer: Value): void {
  const frame = thread.frames.at(-1)!
  const block = frame.blocks.at(-1) as TryBlock
  machine.guarded(thread, () => {
    if (typeof answer !== 'boolean') throw raised('TypeError', `a retry predicate must return a boolean, not '${typeWord(answer)}'`)
    verdict(machine, thread, frame, block, answer)
  })
}

function verdict(machine: Machine, thread: Thread, frame: Frame, block: TryBlock, again: boolean): void {
  const failure = block.failure!
  if (!again) {
    if (excepted(machine, frame, block, failure)) return
    machine.closeBlock(frame, failure.value)
    return unwind(machine, thread, failure)
  }
  machine.guarded(thread, () => {
    const retry = tryOf(machine, frame, block).operation.retry!
    const env = machine.variables.of(thread)
    const number = (name: 'initial_delay' | 'max_delay' | 'multiplier') => policyNumber(retry[name].run(env), name)
    const wait_s = delay_s(block.retries + 1, number('initial_delay'), number('max_delay'), number('multiplier'))
    block.retries++
    block.phase = 'backoff'
    block.failure = null
    if (wait_s === 0) return retryNow(machine, thread, block)
    thread.wait = { kind: 'timer', id: machine.nextId(), due_ms: machine.host.now_ms() + wait_s * 1000, connector: null }
  })
}

function policyNumber(value: Value, name: string): number {
  if (!isNumber(value)) throw raised('TypeError', `${name} must be a number, not '${typeWord(value)}'`)
  return toNumber(value)
}

/** The back-off is over: the whole body runs again. */
export function retryNow(machine: Machine, thread: Thread, block: TryBlock): void {
  const frame = thread.frames.at(-1)!
  thread.wait = null
  block.phase = 'body'
  machine.goto(frame, tryOf(machine, frame, block).operation.body)
}
