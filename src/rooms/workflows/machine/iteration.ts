/** What a loop goes over: a list, or the numbers of a range with both ends. */
import { binary } from '../language/expressions/operators.ts'
import type { Env } from '../language/expressions/compile.ts'
import type { Iteration } from '../language/program.ts'
import { raised } from '../language/raised.ts'
import { isList, isNumber, toNumber, typeWord, type Value } from '../language/values.ts'
import type { IterationSource } from './state.ts'

export function iterationSource(iteration: Iteration, env: Env): IterationSource {
  if (iteration.items) {
    const items = iteration.items.run(env)
    if (!isList(items)) throw raised('TypeError', `'in' must be a list, not '${typeWord(items)}'`)
    return { items }
  }
  const range = iteration.range!.run(env)
  if (!isList(range) || range.length !== 2) throw raised('TypeError', "'range' must be a list of two numbers")
  const [first, last] = [range[0]!, range[1]!]
  if (!isNumber(first) || !isNumber(last)) throw raised('TypeError', "'range' must be a list of two numbers")
  return { first, count: Math.max(0, Math.floor(toNumber(last) - toNumber(first)) + 1) }
}

export const sourceLength = (source: IterationSource): number => ('items' in source ? source.items.length : source.count)

export const sourceItem = (source: IterationSource, i: number): Value =>
  'items' in source ? source.items[i]! : i === 0 ? source.first : binary('+', source.first, i)
