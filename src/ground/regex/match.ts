/** Runs compiled instructions over a text, all threads in step (Pike's machine): time is text times pattern, whatever the pattern. */
import { isWord } from './classes.ts'
import type { Instruction } from './compile.ts'

export class TooMuchWork extends Error {}

type Slots = number[]
interface Thread {
  at: number
  slots: Slots
}

export interface Budget {
  steps: number
}

/** The leftmost match at or after `from`, as slot offsets; `longest` prefers the longest of those that start there. */
export function search(code: readonly Instruction[], codes: readonly number[], from: number, longest: boolean, budget: Budget): Slots | undefined {
  let best: Slots | undefined
  let current: Thread[] = []
  for (let at = from; at <= codes.length; at++) {
    const seen = new Set<number>(current.map((thread) => thread.at))
    if (!best) add(code, codes, current, seen, { at: 0, slots: [] }, at, budget)
    if (current.length === 0) {
      if (best) return best
      continue
    }
    const next: Thread[] = []
    const nextSeen = new Set<number>()
    for (const thread of current) {
      if (--budget.steps < 0) throw new TooMuchWork()
      const instruction = code[thread.at]!
      if (instruction.op === 'match') {
        if (!best || !longest || isBetter(thread.slots, best)) best = thread.slots
        // Threads after this one have a lower priority: under leftmost-first they are beaten.
        if (!longest) break
      } else if (instruction.op === 'char' && at < codes.length && instruction.test(codes[at]!)) {
        if (best && thread.slots[0]! > best[0]!) continue
        add(code, codes, next, nextSeen, { at: thread.at + 1, slots: thread.slots }, at + 1, budget)
      }
    }
    current = next
  }
  return best
}

const isBetter = (slots: Slots, best: Slots) => slots[0]! < best[0]! || (slots[0] === best[0] && slots[1]! > best[1]!)

/** Adds a thread and all that it reaches without reading a character; a stack of its own, so that patterns cannot overflow ours. */
function add(code: readonly Instruction[], codes: readonly number[], list: Thread[], seen: Set<number>, start: Thread, position: number, budget: Budget): void {
  const stack: Thread[] = [start]
  while (stack.length > 0) {
    const { at, slots } = stack.pop()!
    if (seen.has(at)) continue
    if (--budget.steps < 0) throw new TooMuchWork()
    seen.add(at)
    const instruction = code[at]!
    switch (instruction.op) {
      case 'jump':
        stack.push({ at: instruction.to, slots })
        break
      case 'split':
        stack.push({ at: instruction.second, slots }, { at: instruction.first, slots })
        break
      case 'save': {
        const saved = slots.slice()
        saved[instruction.slot] = position
        stack.push({ at: at + 1, slots: saved })
        break
      }
      case 'assert':
        if (holds(instruction.what, codes, position)) stack.push({ at: at + 1, slots })
        break
      default:
        list.push({ at, slots })
    }
  }
}

function holds(what: (Instruction & { op: 'assert' })['what'], codes: readonly number[], at: number): boolean {
  switch (what) {
    case 'start':
      return at === 0
    case 'end':
      return at === codes.length
    case 'lineStart':
      return at === 0 || codes[at - 1] === 10
    case 'lineEnd':
      return at === codes.length || codes[at] === 10
    default: {
      const before = at > 0 && isWord(codes[at - 1]!)
      const after = at < codes.length && isWord(codes[at]!)
      return (before !== after) === (what === 'word')
    }
  }
}
