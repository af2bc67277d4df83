/** Text search, and sketches (in a form of our own: opaque bytes). */
import type { ScalarFunction } from '../scalar.ts'
import { allMatches } from './regexp.ts'

/** LOG_ANALYZER: lower case, split at delimiters. PATTERN_ANALYZER: words. NO_OP_ANALYZER: the text itself. */
function terms(text: string, analyzer: string, options: string): string[] {
  switch (analyzer.toUpperCase()) {
    case 'NO_OP_ANALYZER':
      return [text]
    case 'PATTERN_ANALYZER': {
      const settings = options ? (JSON.parse(options) as { patterns?: string[]; token_filters?: { normalizer?: { mode?: string } }[] }) : {}
      const patterns = settings.patterns ?? ['\\b\\w{2,}\\b']
      const normalized = settings.token_filters?.some((each) => each.normalizer?.mode === 'NONE') ? text : text.toLowerCase()
      return patterns.flatMap((source) => allMatches(normalized, source))
    }
    case 'LOG_ANALYZER':
    case '':
      // Han has no blanks between words: every character is a term.
      return text.toLowerCase().split(/[\s[\]<>(){}|!;,'"*&?+/:=@.\-$%\\_^~`#]+|(?<=\p{Script=Han})|(?=\p{Script=Han})/u).filter(Boolean)
    default:
      throw new Error(`Invalid analyzer: ${analyzer}`)
  }
}

/** Every term of the query must be there; back-quoted parts stand together. */
function found(texts: (string | null)[], query: string, analyzer: string, options: string): boolean {
  const bodies = texts.filter((each) => each !== null)
  if (analyzer.toUpperCase() === 'NO_OP_ANALYZER') return bodies.includes(query)
  const known = bodies.map((body) => terms(body, analyzer, options))
  const all = new Set(known.flat())
  const phrases: string[][] = []
  const rest = query.replace(/`([^`]*)`/g, (_all, phrase: string) => (phrases.push(terms(phrase, analyzer, options)), ' '))
  const wanted = terms(rest, analyzer, options)
  if (!wanted.length && !phrases.some((phrase) => phrase.length)) return false
  const follows = (body: string[], phrase: string[]) => body.some((_, i) => phrase.every((term, k) => body[i + k] === term))
  return wanted.every((term) => all.has(term)) && phrases.every((phrase) => known.some((body) => follows(body, phrase)))
}

const folded = (text: string) => text.normalize('NFKC').toLowerCase()

// ---------------------------------------------------------------- sketches

const HLL = Buffer.from('GSH1')
const KLL = Buffer.from('GSK1')
const VALUES_MAX = 4_000_000

function readHashes(sketch: Uint8Array): bigint[] {
  const bytes = Buffer.from(sketch)
  if (!bytes.subarray(0, 4).equals(HLL)) throw new Error('Invalid HLL_COUNT sketch')
  return Array.from({ length: (bytes.length - 4) / 8 }, (_, i) => bytes.readBigUInt64LE(4 + i * 8))
}

function writeHashes(hashes: Iterable<bigint>): Buffer {
  const all = [...new Set(hashes)].slice(0, VALUES_MAX)
  const out = Buffer.alloc(4 + all.length * 8)
  HLL.copy(out)
  all.forEach((hash, i) => out.writeBigUInt64LE(hash, 4 + i * 8))
  return out
}

function readValues(sketch: Uint8Array): number[] {
  const bytes = Buffer.from(sketch)
  if (!bytes.subarray(0, 4).equals(KLL)) throw new Error('Invalid KLL_QUANTILES sketch')
  return Array.from({ length: (bytes.length - 4) / 8 }, (_, i) => bytes.readDoubleLE(4 + i * 8))
}

function writeValues(values: number[]): Buffer {
  const out = Buffer.alloc(4 + values.length * 8)
  KLL.copy(out)
  values.sort((a, b) => a - b).forEach((value, i) => out.writeDoubleLE(value, 4 + i * 8))
  return out
}

const quantile = (values: readonly number[], fraction: number) => values[Math.min(values.length - 1, Math.max(0, Math.ceil(fraction * values.length) - 1))] ?? null

export const search: ScalarFunction[] = [
  { name: 'gs_search', parameters: ['VARCHAR[]', 'VARCHAR', 'VARCHAR', 'VARCHAR'], returns: 'BOOLEAN', run: found },
  {
    name: 'gs_contains_substr', parameters: ['VARCHAR[]', 'VARCHAR', 'BOOLEAN'], returns: 'BOOLEAN', nulls: true,
    run(texts: (string | null)[] | null, part: string | null, none: boolean | null) {
      if (part === null) throw new Error('CONTAINS_SUBSTR: the search value must not be NULL')
      if (none || texts === null) return null
      const wanted = folded(part)
      if (texts.some((each) => each !== null && folded(each).includes(wanted))) return true
      return texts.includes(null) ? null : false
    },
  },
  { name: 'gs_text_analyze', parameters: ['VARCHAR', 'VARCHAR', 'VARCHAR'], returns: 'VARCHAR[]', run: terms },
  {
    name: 'gs_bag_of_words', parameters: ['VARCHAR[]'], returns: 'TERM[]',
    run(words: (string | null)[]) {
      const counts = new Map<string | null, number>()
      for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
      return [...counts].sort(([a], [b]) => (a === b ? 0 : a === null || (b !== null && a < b) ? -1 : 1)).map(([term, count]) => ({ term, count: BigInt(count) }))
    },
  },
  { name: 'gs_hll_init', parameters: ['UBIGINT[]'], returns: 'BLOB', run: (hashes: bigint[]) => writeHashes(hashes) },
  { name: 'gs_hll_merge', parameters: ['BLOB[]'], returns: 'BLOB', run: (sketches: Uint8Array[]) => writeHashes(sketches.flatMap(readHashes)) },
  { name: 'gs_hll_extract', parameters: ['BLOB'], returns: 'BIGINT', nulls: true, run: (sketch: Uint8Array | null) => (sketch ? BigInt(readHashes(sketch).length) : 0n) },
  { name: 'gs_kll_init', parameters: ['DOUBLE[]'], returns: 'BLOB', run: (values: number[]) => writeValues(values.slice(0, VALUES_MAX)) },
  { name: 'gs_kll_merge', parameters: ['BLOB[]'], returns: 'BLOB', run: (sketches: Uint8Array[]) => writeValues(sketches.flatMap(readValues)) },
  {
    name: 'gs_kll_quantiles', parameters: ['BLOB', 'BIGINT'], returns: 'DOUBLE[]',
    run(sketch: Uint8Array, count: bigint) {
      const values = readValues(sketch)
      if (!values.length) return null
      return Array.from({ length: Number(count) + 1 }, (_, i) => (i === 0 ? values[0]! : quantile(values, i / Number(count))))
    },
  },
  { name: 'gs_kll_point', parameters: ['BLOB', 'DOUBLE'], returns: 'DOUBLE', run: (sketch: Uint8Array, fraction: number) => quantile(readValues(sketch), fraction) },
]
