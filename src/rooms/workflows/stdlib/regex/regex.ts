/** Regular expressions as the library uses them: find all, test, replace. Bad patterns raise ValueError, endless work a ResourceLimitError. */
import { raised } from '../../language/raised.ts'
import { compile, type Instruction } from './compile.ts'
import { newBudget, search, TooMuchWork } from './match.ts'
import { BadPattern, parsePattern } from './syntax.ts'

interface Compiled {
  code: Instruction[]
  groups: number
}

const CACHE_MAX = 200
const cache = new Map<string, Compiled>()

function compiled(source: string): Compiled {
  const known = cache.get(source)
  if (known) return known
  try {
    const { pattern, groups } = parsePattern(source)
    const made = { code: compile(pattern), groups }
    if (cache.size >= CACHE_MAX) cache.delete(cache.keys().next().value!)
    cache.set(source, made)
    return made
  } catch (error) {
    if (!(error instanceof BadPattern)) throw error
    throw raised('ValueError', `invalid regular expression ${JSON.stringify(source)}: ${error.message}`)
  }
}

/** Offsets are UTF-16 ones, into the text as JS has it. */
export interface Match {
  start: number
  end: number
  groups: (string | undefined)[]
}

export const matches = (text: string, pattern: string): boolean => [...scan(text, pattern, false, 1)].length > 0

/** The longest of the matches that start at one place, as the documentation of find_all_regex says. */
export const findAll = (text: string, pattern: string): Match[] => [...scan(text, pattern, true)]

/** `\1` … `\9` (and `\0`) in the replacement stand for groups, `\\` for a backslash. */
export function replaceAll(text: string, pattern: string, replacement: string): string {
  let result = ''
  let from = 0
  for (const match of scan(text, pattern, false)) {
    result += text.slice(from, match.start) + replacement.replace(/\\([0-9\\])/g, (_, ref: string) => (ref === '\\' ? '\\' : (match.groups[Number(ref)] ?? '')))
    from = match.end
  }
  return result + text.slice(from)
}

function* scan(text: string, pattern: string, longest: boolean, count_max = Infinity): Generator<Match> {
  const { code, groups } = compiled(pattern)
  const chars = [...text]
  const codes = chars.map((char) => char.codePointAt(0)!)
  const offsets = [0]
  for (const char of chars) offsets.push(offsets.at(-1)! + char.length)
  const budget = newBudget()
  let found = 0
  let previousEnd = -1
  for (let from = 0; from <= codes.length && found < count_max; ) {
    const slots = bounded(() => search(code, codes, from, longest, budget))
    if (!slots) return
    const [start, end] = [slots[0]!, slots[1]!]
    // An empty match right behind the last match is not one.
    if (end > start || start !== previousEnd) {
      found++
      previousEnd = end
      const part = (i: number) => (slots[2 * i] === undefined || slots[2 * i + 1] === undefined ? undefined : chars.slice(slots[2 * i], slots[2 * i + 1]).join(''))
      yield { start: offsets[start]!, end: offsets[end]!, groups: Array.from({ length: groups + 1 }, (_, i) => part(i)) }
    }
    from = end > start ? end : end + 1
  }
}

function bounded<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof TooMuchWork) throw raised('ResourceLimitError', 'the regular expression takes too long on this text')
    throw error
  }
}
