/** Regular expressions as the library uses them: find all, test, replace. Bad patterns raise ValueError, endless work a ResourceLimitError. */
import { BadPattern, type Match, regexOf, scan, type ScanOptions, TooMuchWork } from '#ground/regex/regex.ts'
import { raised } from '../language/raised.ts'
import { REGEX_STEPS_MAX } from '../limits.ts'

export const matches = (text: string, pattern: string): boolean => found(text, pattern, { matches_max: 1 }).length > 0

/** The longest of the matches that start at one place, as the documentation of find_all_regex says. */
export const findAll = (text: string, pattern: string): Match[] => found(text, pattern, { longest: true })

/** `\1` … `\9` (and `\0`) in the replacement stand for groups, `\\` for a backslash. */
export function replaceAll(text: string, pattern: string, replacement: string): string {
  let result = ''
  let from = 0
  for (const match of found(text, pattern, {})) {
    result += text.slice(from, match.start) + replacement.replace(/\\([0-9\\])/g, (_, ref: string) => (ref === '\\' ? '\\' : (match.groups[Number(ref)] ?? '')))
    from = match.end
  }
  return result + text.slice(from)
}

function found(text: string, source: string, options: Omit<ScanOptions, 'steps_max'>): Match[] {
  try {
    return [...scan(text, regexOf(source), { ...options, steps_max: REGEX_STEPS_MAX })]
  } catch (error) {
    if (error instanceof BadPattern) throw raised('ValueError', `invalid regular expression ${JSON.stringify(source)}: ${error.message}`)
    if (error instanceof TooMuchWork) throw raised('ResourceLimitError', 'the regular expression takes too long on this text')
    throw error
  }
}
