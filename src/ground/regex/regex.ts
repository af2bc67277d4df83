/**
 * Regular expressions in RE2's language, matched in linear time. For patterns that come from users; ours may use JavaScript's own.
 * Bad patterns throw BadPattern, work beyond the caller's bound TooMuchWork.
 */
import { compile, type Instruction } from './compile.ts'
import { PATTERNS_KEPT_MAX } from './limits.ts'
import { search } from './match.ts'
import { parsePattern } from './syntax.ts'

export { TooMuchWork } from './match.ts'
export { BadPattern } from './syntax.ts'

export interface Regex {
  code: readonly Instruction[]
  /** Capturing groups. */
  groups: number
}

/** Offsets are UTF-16 ones, into the text as JavaScript has it. */
export interface Match {
  start: number
  end: number
  /** The whole match first. */
  groups: (string | undefined)[]
  /** Where a group begins and ends. */
  span(group: number): [number, number] | undefined
}

export interface ScanOptions {
  /** The longest of the matches that start at one place, not the first in the pattern's order. */
  longest?: boolean
  matches_max?: number
  steps_max: number
}

const kept = new Map<string, Regex>()

export function regexOf(source: string): Regex {
  const known = kept.get(source)
  if (known) return known
  const { pattern, groups } = parsePattern(source)
  const made = { code: compile(pattern), groups }
  if (kept.size >= PATTERNS_KEPT_MAX) kept.delete(kept.keys().next().value!)
  kept.set(source, made)
  return made
}

/** Matches from left to right that do not overlap. */
export function* scan(text: string, { code, groups }: Regex, { longest = false, matches_max = Infinity, steps_max }: ScanOptions): Generator<Match> {
  const chars = [...text]
  const codes = chars.map((char) => char.codePointAt(0)!)
  const offsets = [0]
  for (const char of chars) offsets.push(offsets.at(-1)! + char.length)
  const budget = { steps: steps_max }
  let found = 0
  let previousEnd = -1
  for (let from = 0; from <= codes.length && found < matches_max; ) {
    const slots = search(code, codes, from, longest, budget)
    if (!slots) return
    const [start, end] = [slots[0]!, slots[1]!]
    // An empty match right behind the last match is not one.
    if (end > start || start !== previousEnd) {
      found++
      previousEnd = end
      const span = (i: number): [number, number] | undefined => (slots[2 * i] === undefined || slots[2 * i + 1] === undefined ? undefined : [offsets[slots[2 * i]!]!, offsets[slots[2 * i + 1]!]!])
      yield { start: offsets[start]!, end: offsets[end]!, span, groups: Array.from({ length: groups + 1 }, (_, i) => { const at = span(i); return at && text.slice(...at) }) }
    }
    from = end > start ? end : end + 1
  }
}
