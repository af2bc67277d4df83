/** The state of a failed execution, set to a step of `main`, so that it can go on from there with the variables it had. */
import type { Program } from '../language/program.ts'
import { MAIN_THREAD } from './machine.ts'
import type { MachineState } from './state.ts'

/** Undefined when `main` has no such step outside of loops, try blocks and branches, or the state has no main thread. */
export function resumedAt(program: Program, state: MachineState, step: string): MachineState | undefined {
  const main = state.threads[MAIN_THREAD]
  const frame = main?.frames[0]
  const node = program.routines.get('main')!.nodes.find(({ name, depth, type }) => name === step && depth === 0 && type !== undefined)
  if (!main || !frame || !node) return undefined
  const fresh = { ...frame, at: node.id, progress: 0, blocks: [], called: null, awaits: null, entry: 0 }
  return { ...state, threads: { [MAIN_THREAD]: { ...main, frames: [fresh], wait: null } }, joins: {}, callbacks: {}, steps_run: 0, outcome: null }
}
