/**
 * Regular expressions where RE2 in DuckDB cannot serve: patterns that are not constant, groups that may take no part, positions, BYTES.
 * The language is RE2's and the time linear in both. BYTES are matched as Latin-1 text: a byte is a character.
 */
import { BadPattern, regexOf, scan, TooMuchWork, type Match, type Regex } from '#ground/regex/regex.ts'
import { REGEX_STEPS_MAX } from '../../limits.ts'
import type { ScalarFunction } from '../scalar.ts'

const points = (text: string): string[] => [...text]

function compiled(source: string): Regex {
  try {
    return regexOf(source)
  } catch (thrown) {
    if (!(thrown instanceof BadPattern)) throw thrown
    throw new Error(`Cannot parse regular expression: ${thrown.message}`)
  }
}

function* matches(text: string, regex: Regex, matches_max = Infinity): Generator<Match> {
  try {
    yield* scan(text, regex, { matches_max, steps_max: REGEX_STEPS_MAX })
  } catch (thrown) {
    if (!(thrown instanceof TooMuchWork)) throw thrown
    throw new Error('The regular expression takes too long on this text.')
  }
}

/** Extraction takes the only group where there is one. */
function extracting(source: string): { regex: Regex; group: number } {
  const regex = compiled(source)
  if (regex.groups > 1) throw new Error('Regular expressions passed into extraction functions must not have more than 1 capturing group')
  return { regex, group: regex.groups }
}

/** The rest of a text from a position that counts characters from 1. */
function from(text: string, position: bigint): { rest: string; skipped: number } | undefined {
  if (position <= 0n) throw new Error('Position must be positive')
  const all = points(text)
  if (position > BigInt(all.length) + 1n) return undefined
  const head = all.slice(0, Number(position) - 1)
  return { rest: text.slice(head.join('').length), skipped: head.length }
}

function nth(text: string, regex: Regex, occurrence: bigint): Match | undefined {
  let left = occurrence
  for (const match of matches(text, regex)) if (--left === 0n) return match
  return undefined
}

const contains = (text: string, source: string): boolean => !matches(text, compiled(source), 1).next().done

function extract(text: string, source: string, position: bigint, occurrence: bigint): string | null {
  if (occurrence <= 0n) throw new Error('Occurrence must be positive')
  const { regex, group } = extracting(source)
  const part = from(text, position)
  return (part && nth(part.rest, regex, occurrence)?.groups[group]) ?? null
}

function extractAll(text: string, source: string): (string | null)[] {
  const { regex, group } = extracting(source)
  return [...matches(text, regex)].map((match) => match.groups[group] ?? null)
}

/** Whole matches, for the analyzers of SEARCH. */
export const allMatches = (text: string, source: string): string[] => [...matches(text, compiled(source))].map((match) => match.groups[0]!)

function extractGroups(text: string, source: string): (string | null)[] | null {
  const [match] = [...matches(text, compiled(source), 1)]
  return match ? match.groups.slice(1).map((each) => each ?? null) : null
}

function instr(text: string, source: string, position: bigint, occurrence: bigint, after: bigint): bigint {
  if (occurrence <= 0n) throw new Error('Occurrence must be positive')
  if (after !== 0n && after !== 1n) throw new Error('Occurrence position must be 0 or 1')
  const { regex, group } = extracting(source)
  const part = from(text, position)
  if (!part || source === '' || part.rest === '') return 0n
  const span = nth(part.rest, regex, occurrence)?.span(group)
  return span ? BigInt(part.skipped + points(part.rest.slice(0, span[Number(after)])).length + 1) : 0n
}

/** In a replacement \0 to \9 are groups, \\ is a backslash. */
function replace(text: string, source: string, replacement: string): string {
  const regex = compiled(source)
  const pieces = replacement.match(/\\[\s\S]?|[^\\]+/g) ?? []
  for (const piece of pieces) {
    if (piece[0] !== '\\') continue
    if (!/^\\[\d\\]$/.test(piece)) throw new Error(`Invalid REGEXP_REPLACE pattern: Rewrite schema error: '\\' must be followed by a digit or '\\'.`)
    if (/\d/.test(piece) && Number(piece[1]) > regex.groups) throw new Error(`Invalid REGEXP_REPLACE pattern: Rewrite schema requests ${piece[1]} matches, but the regexp only has ${regex.groups} parenthesized subexpressions.`)
  }
  const written = (match: Match) => pieces.map((piece) => (piece[0] !== '\\' ? piece : piece[1] === '\\' ? '\\' : (match.groups[Number(piece[1])] ?? ''))).join('')
  let result = ''
  let at = 0
  for (const match of matches(text, regex)) {
    result += text.slice(at, match.start) + written(match)
    at = match.end
  }
  return result + text.slice(at)
}

const latin = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
const back = (text: string | null): Uint8Array | null => (text === null ? null : Buffer.from(text, 'latin1'))

export const regexps: ScalarFunction[] = [
  { name: 'gs_regexp_contains', parameters: ['VARCHAR', 'VARCHAR'], returns: 'BOOLEAN', run: contains },
  { name: 'gs_regexp_extract', parameters: ['VARCHAR', 'VARCHAR', 'BIGINT', 'BIGINT'], returns: 'VARCHAR', run: extract },
  { name: 'gs_regexp_extract_all', parameters: ['VARCHAR', 'VARCHAR'], returns: 'VARCHAR[]', run: extractAll },
  { name: 'gs_regexp_groups', parameters: ['VARCHAR', 'VARCHAR'], returns: 'VARCHAR[]', run: extractGroups },
  { name: 'gs_regexp_instr', parameters: ['VARCHAR', 'VARCHAR', 'BIGINT', 'BIGINT', 'BIGINT'], returns: 'BIGINT', run: instr },
  { name: 'gs_regexp_replace', parameters: ['VARCHAR', 'VARCHAR', 'VARCHAR'], returns: 'VARCHAR', run: replace },
  { name: 'gs_bytes_regexp_contains', parameters: ['BLOB', 'BLOB'], returns: 'BOOLEAN', run: (a: Uint8Array, b: Uint8Array) => contains(latin(a), latin(b)) },
  { name: 'gs_bytes_regexp_extract', parameters: ['BLOB', 'BLOB', 'BIGINT', 'BIGINT'], returns: 'BLOB', run: (a: Uint8Array, b: Uint8Array, p: bigint, o: bigint) => back(extract(latin(a), latin(b), p, o)) },
  { name: 'gs_bytes_regexp_extract_all', parameters: ['BLOB', 'BLOB'], returns: 'BLOB[]', run: (a: Uint8Array, b: Uint8Array) => extractAll(latin(a), latin(b)).map(back) },
  { name: 'gs_bytes_regexp_replace', parameters: ['BLOB', 'BLOB', 'BLOB'], returns: 'BLOB', run: (a: Uint8Array, b: Uint8Array, c: Uint8Array) => back(replace(latin(a), latin(b), latin(c))) },
  { name: 'gs_bytes_regexp_instr', parameters: ['BLOB', 'BLOB', 'BIGINT', 'BIGINT', 'BIGINT'], returns: 'BIGINT', run: (a: Uint8Array, b: Uint8Array, p: bigint, o: bigint, w: bigint) => instr(latin(a), latin(b), p, o, w) },
]
