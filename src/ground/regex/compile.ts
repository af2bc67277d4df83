/** A pattern tree as instructions for the matcher: Thompson's construction. */
import { REGEX_INSTRUCTIONS_MAX } from './limits.ts'
import type { CharTest } from './classes.ts'
import { BadPattern, type Pattern } from './syntax.ts'

export type Instruction =
  | { op: 'char'; test: CharTest }
  | { op: 'assert'; what: (Pattern & { kind: 'assert' })['what'] }
  | { op: 'split'; first: number; second: number }
  | { op: 'jump'; to: number }
  | { op: 'save'; slot: number }
  | { op: 'match' }

export function compile(pattern: Pattern): Instruction[] {
  const code: Instruction[] = []
  const push = (instruction: Instruction): number => {
    if (code.length >= REGEX_INSTRUCTIONS_MAX) throw new BadPattern('the pattern is too large once its repetitions are written out')
    return code.push(instruction) - 1
  }
  const emit = (node: Pattern): void => {
    switch (node.kind) {
      case 'empty':
        return
      case 'char':
        push({ op: 'char', test: node.test })
        return
      case 'assert':
        push({ op: 'assert', what: node.what })
        return
      case 'sequence':
        return node.of.forEach(emit)
      case 'group':
        push({ op: 'save', slot: node.index * 2 })
        emit(node.of)
        push({ op: 'save', slot: node.index * 2 + 1 })
        return
      case 'either':
        return either(node.of)
      case 'repeat':
        return repeat(node)
    }
  }
  const either = (options: Pattern[]): void => {
    const ends: { op: 'jump'; to: number }[] = []
    options.forEach((option, i) => {
      if (i === options.length - 1) return emit(option)
      const split = { op: 'split' as const, first: code.length + 1, second: 0 }
      push(split)
      emit(option)
      const end = { op: 'jump' as const, to: 0 }
      push(end)
      ends.push(end)
      split.second = code.length
    })
    for (const end of ends) end.to = code.length
  }
  const branch = (greedy: boolean) => {
    const split = { op: 'split' as const, first: 0, second: 0 }
    const at = push(split)
    return {
      at,
      close(exit: number) {
        split.first = greedy ? at + 1 : exit
        split.second = greedy ? exit : at + 1
      },
    }
  }
  const repeat = ({ of, min, max, greedy }: Pattern & { kind: 'repeat' }): void => {
    for (let i = 0; i < min; i++) emit(of)
    if (max === Infinity) {
      const loop = branch(greedy)
      emit(of)
      push({ op: 'jump', to: loop.at })
      loop.close(code.length)
      return
    }
    const optional: ReturnType<typeof branch>[] = []
    for (let i = min; i < max; i++) {
      optional.push(branch(greedy))
      emit(of)
    }
    for (const one of optional) one.close(code.length)
  }
  push({ op: 'save', slot: 0 })
  emit(pattern)
  push({ op: 'save', slot: 1 })
  push({ op: 'match' })
  return code
}
