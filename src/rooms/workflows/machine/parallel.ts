/** Parallel steps: branches become threads, a few at a time, and the step ends when the last of them has. */
import type { Node, Operation } from '../language/program.ts'
import { raised, raisedWithTags } from '../language/raised.ts'
import { isInteger, mapOf, toNumber, typeWord, type Value } from '../language/values.ts'
import { BRANCH_ERRORS_MAX, PARALLEL_DEPTH_MAX, PARALLEL_RUNNING_MAX } from '../limits.ts'
import { iterationSource, sourceItem, sourceLength } from './iteration.ts'
import type { Machine } from './machine.ts'
import type { Frame, Join, Thread } from './state.ts'
import { tagsOf } from './trace.ts'
import { fail } from './unwinding.ts'

type Parallel = Operation & { op: 'parallel' }

export function beginParallel(machine: Machine, thread: Thread, frame: Frame, node: Node, operation: Parallel): void {
  if (thread.parallel_depth >= PARALLEL_DEPTH_MAX) throw raised('ParallelNestingError', `parallel steps nested deeper than ${PARALLEL_DEPTH_MAX}`)
  const env = machine.variables.of(thread)
  const limit = operation.limit ? limitOf(operation.limit.run(env)) : PARALLEL_RUNNING_MAX
  const source = operation.loop ? iterationSource(operation.loop, env) : null
  const total = source ? sourceLength(source) : operation.branches!.length
  if (total === 0) return machine.leave(thread, frame, node)
  const id = machine.nextId()
  machine.state.joins[id] = { id, thread: thread.id, node: node.id, total, begun: 0, ended: 0, limit, source, errors: [], truncated: false }
  thread.wait = { kind: 'join', id: machine.nextId(), join: id }
  spawnBranches(machine)
}

function limitOf(value: Value): number {
  if (!isInteger(value)) throw raised('TypeError', `concurrency_limit must be an integer, not '${typeWord(value)}'`)
  const limit = toNumber(value)
  if (limit < 1) throw raised('ValueError', 'concurrency_limit must be positive')
  return limit
}

/** Starts branches as far as each step's own limit and the limit of the execution allow. */
export function spawnBranches(machine: Machine): void {
  const { threads, joins } = machine.state
  // A branch that waits for branches of its own holds no place, or nested steps could starve each other.
  let running = Object.values(threads).filter(({ join, wait }) => join !== null && wait?.kind !== 'join').length
  for (const join of Object.values(joins)) {
    while (join.begun < join.total && join.begun - join.ended < join.limit && running < PARALLEL_RUNNING_MAX) {
      spawn(machine, join)
      running++
    }
  }
}

function spawn(machine: Machine, join: Join): void {
  const parent = machine.state.threads[join.thread]!
  const outer = parent.frames.at(-1)!
  const routine = machine.routine(outer)
  const { loop, branches } = routine.nodes[join.node]!.operation as Parallel
  const branch = join.begun++
  const vars: Record<string, Value> = {}
  if (loop) {
    vars[loop.value] = sourceItem(join.source!, branch)
    if (loop.index) vars[loop.index] = branch
  }
  const id = machine.nextId()
  machine.state.threads[id] = {
    id, join: join.id, branch, outer_calls: parent.outer_calls + parent.frames.length - 1, parallel_depth: parent.parallel_depth + 1, wait: null,
    frames: [{ ...machine.frame(routine, vars, outer.entry), at: (loop?.body ?? branches![branch]!.body).id }],
  }
}

export function endBranch(machine: Machine, thread: Thread): void {
  const join = machine.state.joins[thread.join!]!
  for (const frame of thread.frames) {
    while (frame.blocks.length > 0) machine.closeBlock(frame)
    machine.variables.drop(frame.vars)
  }
  delete machine.state.threads[thread.id]
  if (++join.ended < join.total) return

  delete machine.state.joins[join.id]
  const parent = machine.state.threads[join.thread]!
  const frame = parent.frames.at(-1)!
  parent.wait = null
  if (join.errors.length === 0) return machine.leave(parent, frame, machine.node(frame))
  fail(machine, parent, branchError(join))
}

export function branchFailed(machine: Machine, thread: Thread, error: Value, { context, payload }: { context: string; payload: string }): void {
  const join = machine.state.joins[thread.join!]!
  if (join.errors.length >= BRANCH_ERRORS_MAX) join.truncated = true
  else join.errors.push({ id: String(thread.branch + 1), context, payload, tags: tagsOf(error) })
  machine.branchEnded(thread)
}

function branchError(join: Join) {
  const others = new Set(join.errors.flatMap((error) => error.tags))
  others.delete('UnhandledBranchError')
  return raisedWithTags(['UnhandledBranchError', ...others], 'One or more branches or iterations encountered an unhandled runtime error', {
    branches: join.errors.map(({ id, context, payload }) => mapOf({ id, error: mapOf({ context, payload }) })),
    truncated: join.truncated,
  })
}
