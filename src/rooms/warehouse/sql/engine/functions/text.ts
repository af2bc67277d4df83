/** STRING functions that DuckDB has not, or has otherwise. Positions count characters (code points). */
import { remembered, type ScalarFunction } from '../scalar.ts'
import { general, doubleText } from './numbers.ts'
import { formatText } from './format.ts'

const CHARS_MAX = 1_048_576

/** Code points; plain ASCII is its own array of positions. */
const isAscii = (text: string) => /^[\x00-\x7f]*$/.test(text)
const points = (text: string): string[] => (isAscii(text) ? text.split('') : Array.from(text))

function substring(text: string, position: bigint, length: bigint): string {
  if (length < 0n) throw new Error('Third argument in SUBSTR() cannot be negative')
  const all = isAscii(text) ? text : Array.from(text)
  const size = BigInt(all.length)
  let start = position
  if (start < 0n) start = start + size < 0n ? 0n : start + size
  else if (start > 0n) start -= 1n
  const end = start + length > size ? size : start + length
  if (start >= size) return ''
  const part = all.slice(Number(start), Number(end))
  return typeof part === 'string' ? part : part.join('')
}

function pad(left: boolean) {
  return (text: string, size: bigint, fill: string): string => {
    const word = left ? 'LPAD' : 'RPAD'
    if (size < 0n) throw new Error(`Second argument (output size) for ${word} cannot be negative`)
    if (size > BigInt(CHARS_MAX)) throw new Error(`Output of ${word} exceeds max allowed output size of 1MB`)
    if (fill === '') throw new Error(`Third argument (pad pattern) for ${word} cannot be empty`)
    const all = points(text)
    const width = Number(size)
    if (all.length >= width) return all.slice(0, width).join('')
    const filler = points(fill)
    const extra = Array.from({ length: width - all.length }, (_, i) => filler[i % filler.length]).join('')
    return left ? extra + text : text + extra
  }
}

function instr(text: string, part: string, position: bigint, occurrence: bigint): bigint {
  if (position === 0n) throw new Error('Third argument (position) for INSTR cannot be 0')
  if (occurrence <= 0n) throw new Error('Fourth argument (occurrence) for INSTR must be positive')
  const all = points(text)
  const wanted = points(part)
  const matches = (at: number) => wanted.every((char, i) => all[at + i] === char)
  let left = occurrence
  if (position > 0n) {
    for (let at = Number(position) - 1; at + wanted.length <= all.length; at++) if (matches(at) && --left === 0n) return BigInt(at + 1)
  } else {
    for (let at = all.length + Number(position); at >= 0; at--) if (at + wanted.length <= all.length && matches(at) && --left === 0n) return BigInt(at + 1)
  }
  return 0n
}

function codePoint(value: bigint | null, what: string): string {
  if (value === null || value < 0n || value > 0x10ffffn || (value >= 0xd800n && value <= 0xdfffn)) throw new Error(`Invalid codepoint ${value}${what}`)
  return String.fromCodePoint(Number(value))
}

/** American Soundex. */
function soundex(text: string): string {
  const codes: Record<string, string> = { B: '1', F: '1', P: '1', V: '1', C: '2', G: '2', J: '2', K: '2', Q: '2', S: '2', X: '2', Z: '2', D: '3', T: '3', L: '4', M: '5', N: '5', R: '6' }
  let out = ''
  let last = ''
  for (const char of text) {
    if (!/[A-Za-z]/.test(char)) continue
    const code = codes[char.toUpperCase()] ?? ''
    if (!out) out = char
    else if (code && code !== last) out += code
    // Letters without a code do not part equal codes.
    if (code) last = code
    if (out.length === 4) break
  }
  return out && out.padEnd(4, '0')
}

export function editDistance<T>(a: readonly T[], b: readonly T[], max: bigint | null): bigint {
  if (max !== null && max < 0n) throw new Error('max_distance must be non-negative')
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let k = 1; k <= b.length; k++) next[k] = Math.min(row[k]! + 1, next[k - 1]! + 1, row[k - 1]! + (a[i - 1] === b[k - 1] ? 0 : 1))
    row = next
  }
  const found = BigInt(row[b.length]!)
  return max !== null && found > max ? max : found
}

function translate(text: string, from: string, to: string): string {
  const source = points(from)
  const target = points(to)
  const map = new Map<string, string>()
  source.forEach((char, i) => {
    if (map.has(char)) throw new Error(`Duplicate character "${char}" in TRANSLATE source characters`)
    map.set(char, target[i] ?? '')
  })
  return points(text).map((char) => map.get(char) ?? char).join('')
}

function initcap(text: string, delimiters: string): string {
  const set = new Set(points(delimiters))
  let start = true
  return points(text).map((char) => {
    const delimiter = set.has(char)
    const out = delimiter ? char : start ? char.toUpperCase() : char.toLowerCase()
    start = delimiter
    return out
  }).join('')
}

function splitSubstr(text: string, separator: string, start: bigint, count: bigint): string {
  if (separator === '') throw new Error('The delimiter of SPLIT_SUBSTR must not be empty')
  if (count < 0n) throw new Error('The count argument of SPLIT_SUBSTR must be non-negative')
  const parts = text.split(separator)
  let from = start > 0n ? Number(start) - 1 : start === 0n ? 0 : parts.length + Number(start)
  if (from < 0) from = 0
  return parts.slice(from, count > 1_000_000_000n ? undefined : from + Number(count)).join(separator)
}

const normalized = (text: string, form: string, fold: boolean) => {
  const made = text.normalize(form as 'NFC')
  return fold ? made.toLowerCase().replaceAll('ß', 'ss').normalize(form as 'NFC') : made
}

export const text: ScalarFunction[] = [
  { name: 'gs_substr', parameters: ['VARCHAR', 'BIGINT', 'BIGINT'], returns: 'VARCHAR', run: substring },
  {
    name: 'gs_left', parameters: ['VARCHAR', 'BIGINT'], returns: 'VARCHAR',
    run(value: string, size: bigint) {
      if (size < 0n) throw new Error('Second argument in LEFT() cannot be negative')
      return size > BigInt(value.length) ? value : points(value).slice(0, Number(size)).join('')
    },
  },
  {
    name: 'gs_right', parameters: ['VARCHAR', 'BIGINT'], returns: 'VARCHAR',
    run(value: string, size: bigint) {
      if (size < 0n) throw new Error('Second argument in RIGHT() cannot be negative')
      const all = points(value)
      return size >= BigInt(all.length) ? value : all.slice(all.length - Number(size)).join('')
    },
  },
  { name: 'gs_lpad', parameters: ['VARCHAR', 'BIGINT', 'VARCHAR'], returns: 'VARCHAR', run: pad(true) },
  { name: 'gs_rpad', parameters: ['VARCHAR', 'BIGINT', 'VARCHAR'], returns: 'VARCHAR', run: pad(false) },
  { name: 'gs_split_chars', parameters: ['VARCHAR'], returns: 'VARCHAR[]', run: points },
  { name: 'gs_instr', parameters: ['VARCHAR', 'VARCHAR', 'BIGINT', 'BIGINT'], returns: 'BIGINT', run: instr },
  { name: 'gs_initcap', parameters: ['VARCHAR', 'VARCHAR'], returns: 'VARCHAR', run: initcap },
  { name: 'gs_reverse', parameters: ['VARCHAR'], returns: 'VARCHAR', run: (value: string) => points(value).reverse().join('') },
  {
    name: 'gs_repeat', parameters: ['VARCHAR', 'BIGINT'], returns: 'VARCHAR',
    run(value: string, count: bigint) {
      if (count < 0n) throw new Error('Second argument in REPEAT() cannot be negative')
      if (BigInt(value.length) * count > BigInt(CHARS_MAX)) throw new Error('Output of REPEAT exceeds max allowed output size of 1MB')
      return value.repeat(Number(count))
    },
  },
  { name: 'gs_translate', parameters: ['VARCHAR', 'VARCHAR', 'VARCHAR'], returns: 'VARCHAR', run: translate },
  {
    name: 'gs_ascii', parameters: ['VARCHAR'], returns: 'BIGINT',
    run(value: string) {
      const code = value.codePointAt(0) ?? 0
      if (code > 127) throw new Error('Input to ASCII is not a valid ASCII character')
      return BigInt(code)
    },
  },
  { name: 'gs_chr', parameters: ['BIGINT'], returns: 'VARCHAR', run: (value: bigint) => (value === 0n ? '' : codePoint(value, ' in CHR')) },
  { name: 'gs_unicode', parameters: ['VARCHAR'], returns: 'BIGINT', run: (value: string) => BigInt(value.codePointAt(0) ?? 0) },
  { name: 'gs_to_code_points', parameters: ['VARCHAR'], returns: 'BIGINT[]', run: (value: string) => Array.from(value, (char) => BigInt(char.codePointAt(0)!)) },
  { name: 'gs_code_points_to_string', parameters: ['BIGINT[]'], returns: 'VARCHAR', run: (value: (bigint | null)[]) => (value.includes(null) ? null : value.map((each) => codePoint(each, '')).join('')) },
  { name: 'gs_soundex', parameters: ['VARCHAR'], returns: 'VARCHAR', run: soundex },
  {
    name: 'gs_edit_distance', parameters: ['VARCHAR', 'VARCHAR', 'BIGINT'], returns: 'BIGINT', nulls: true,
    run: (a: string | null, b: string | null, max: bigint | null) => (a === null || b === null ? null : editDistance(points(a), points(b), max)),
  },
  { name: 'gs_normalize', parameters: ['VARCHAR', 'VARCHAR', 'BOOLEAN'], returns: 'VARCHAR', run: normalized },
  { name: 'gs_split_substr', parameters: ['VARCHAR', 'VARCHAR', 'BIGINT', 'BIGINT'], returns: 'VARCHAR', run: splitSubstr },
  {
    name: 'gs_max_length', parameters: ['VARCHAR', 'BIGINT'], returns: 'VARCHAR',
    run(value: string, size: bigint) {
      if (BigInt(value.length) > size && BigInt(points(value).length) > size) throw new Error(`maximum length ${size} exceeded for value of length ${points(value).length}`)
      return value
    },
  },
  { name: 'gs_format', parameters: ['VARCHAR', 'TAGGED[]'], returns: 'VARCHAR', run: formatText },
]

export { doubleText, general }
