/** What each kind of node does to its thread. */
import { truth } from '../language/expressions/operators.ts'
import type { Node } from '../language/program.ts'
import { Raised } from '../language/raised.ts'
import type { Value } from '../language/values.ts'
import { runCall } from './call-step.ts'
import { iterationSource, sourceItem, sourceLength } from './iteration.ts'
import type { Machine } from './machine.ts'
import { beginParallel } from './parallel.ts'
import type { ForBlock, Frame, Thread } from './state.ts'

export function execute(machine: Machine, thread: Thread, frame: Frame, node: Node): void {
  const { operation } = node
  switch (operation.op) {
    case 'assign': {
      for (; frame.progress < operation.entries.length; frame.progress++) {
        const entry = operation.entries[frame.progress]!
        const env = machine.variables.of(thread)
        const value = entry.value.run(env)
        const path: Value[] = entry.path.map((key) => key(env))
        env.assign(entry.name, path, value)
        frame.called = null
      }
      return machine.leave(thread, frame, node)
    }
    case 'switch': {
      for (; frame.progress < operation.cases.length; frame.progress++) {
        const { condition, then } = operation.cases[frame.progress]!
        const holds = truth(condition.run(machine.variables.of(thread)), 'a condition')
        frame.called = null
        if (!holds) continue
        machine.endEntry(thread, frame.entry)
        frame.entry = 0
        return machine.goto(frame, then)
      }
      return machine.leave(thread, frame, node)
    }
    case 'call':
      return runCall(machine, thread, frame, operation)
    case 'for': {
      const source = iterationSource(operation, machine.variables.of(thread))
      machine.pushBlock(frame, { kind: 'for', node: node.id, vars: machine.variables.scope(), source, done: 0, entry: frame.entry })
      frame.at = operation.next.id
      return
    }
    case 'forNext':
      return nextIteration(machine, thread, frame, node)
    case 'parallel':
      return beginParallel(machine, thread, frame, node, operation)
    case 'try':
      machine.pushBlock(frame, { kind: 'try', node: node.id, retries: 0, phase: 'body', failure: null, entry: frame.entry })
      return machine.goto(frame, operation.body)
    case 'raise':
      throw new Raised(operation.value.run(machine.variables.of(thread)))
    case 'return':
      return machine.return(thread, operation.value.run(machine.variables.of(thread)))
    case 'enter':
      return machine.goto(frame, operation.body)
    case 'jump':
      return machine.leave(thread, frame, node)
    case 'tryEnd':
    case 'exceptEnd':
      return machine.goto(frame, node.after)
    case 'branchEnd':
      return machine.branchEnded(thread)
    case 'routineEnd':
      return machine.return(thread, null)
  }
}

function nextIteration(machine: Machine, thread: Thread, frame: Frame, node: Node): void {
  const block = frame.blocks.at(-1) as ForBlock
  if (block.done >= sourceLength(block.source)) return machine.goto(frame, node.after)
  const { operation } = machine.routine(frame).nodes[block.node]!
  if (operation.op !== 'for') throw new Error(`node ${block.node} of ${frame.routine} is no loop: the state belongs to another revision`)
  const position = block.done++
  const env = machine.variables.of(thread)
  env.declare(block.vars, operation.value, sourceItem(block.source, position))
  if (operation.index) env.declare(block.vars, operation.index, position)
  machine.goto(frame, operation.body)
}
