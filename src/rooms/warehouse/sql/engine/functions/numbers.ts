/** NUMERIC and BIGNUMERIC (scaled integers), FLOAT64 text, bit shifts and vectors. */
import { decimalText, scaledInteger } from '../../literal.ts'
import type { ScalarFunction } from '../scalar.ts'

const NUMERIC_MAX = 10n ** 38n - 1n
const BIGNUMERIC_MAX = (1n << 255n) - 1n
const E9 = 10n ** 9n
const E38 = 10n ** 38n

interface Exact {
  type: 'NUMERIC' | 'BIGNUM'
  prefix: string
  scale: number
  unit: bigint
  word: string
  check(value: bigint, what: string): bigint
}

const range = (max: bigint, min: bigint, word: string) => (value: bigint, what: string) => {
  if (value > max || value < min) throw new Error(`${word} overflow: ${what}`)
  return value
}

const NUMERIC: Exact = { type: 'NUMERIC', prefix: 'gs_numeric', scale: 9, unit: E9, word: 'numeric', check: range(NUMERIC_MAX, -NUMERIC_MAX, 'numeric') }
const BIGNUMERIC: Exact = { type: 'BIGNUM', prefix: 'gs_bignum', scale: 38, unit: E38, word: 'bignumeric', check: range(BIGNUMERIC_MAX, -BIGNUMERIC_MAX - 1n, 'BIGNUMERIC') }

/** a / b, rounded half away from zero. */
export function divideRounded(a: bigint, b: bigint): bigint {
  const negative = a < 0n !== b < 0n
  const x = a < 0n ? -a : a
  const y = b < 0n ? -b : b
  const quotient = (x * 2n + y) / (y * 2n)
  return negative ? -quotient : quotient
}

function rounded(value: bigint, exact: Exact, digits: bigint, mode: string): bigint {
  const drop = exact.scale - Number(digits)
  if (drop <= 0) return value
  if (drop > 80) return 0n
  const unit = 10n ** BigInt(drop)
  if (mode === 'trunc') return (value / unit) * unit
  if (mode === 'ROUND_HALF_EVEN') {
    const quotient = value / unit
    const rest = value % unit
    const twice = (rest < 0n ? -rest : rest) * 2n
    const up = twice > unit || (twice === unit && quotient % 2n !== 0n)
    return (quotient + (up ? (value < 0n ? -1n : 1n) : 0n)) * unit
  }
  return divideRounded(value, unit) * unit
}

const toNumber = (value: bigint, exact: Exact): number => Number(decimalText(value, exact.scale))

function fromNumber(value: number, exact: Exact, what: string): bigint {
  if (!Number.isFinite(value)) throw new Error(`Illegal conversion of non-finite floating point number to ${exact.word}: ${doubleText(value)}`)
  return exact.check(exactly(value, exact.scale), what)
}

/** A double is a fraction of a power of two: the rounding is exact. */
function exactly(value: number, scale: number): bigint {
  const bits = new BigUint64Array(new Float64Array([Math.abs(value)]).buffer)[0]!
  const exponent = Number(bits >> 52n) - 1075
  const mantissa = bits >> 52n ? (bits & 0xfffffffffffffn) | (1n << 52n) : (bits & 0xfffffffffffffn) << 1n
  const scaled = mantissa * 10n ** BigInt(scale)
  const magnitude = exponent >= 0 ? scaled << BigInt(exponent) : divideRounded(scaled, 1n << BigInt(-exponent))
  return value < 0 ? -magnitude : magnitude
}

function integerRoot(value: bigint, degree: bigint): bigint {
  if (value < 2n) return value
  let guess = 1n << BigInt(Math.ceil(value.toString(2).length / Number(degree)))
  for (let round = 0; round < 2000; round++) {
    const next = ((degree - 1n) * guess + value / guess ** (degree - 1n)) / degree
    if (next >= guess) return guess
    guess = next
  }
  return guess
}

/** The nearest root: of value * unit^(degree - 1) * 2^degree, then halved with rounding. */
function root(value: bigint, exact: Exact, degree: bigint): bigint {
  const negative = value < 0n
  const found = integerRoot((negative ? -value : value) * exact.unit ** (degree - 1n) * 2n ** degree, degree)
  const result = (found + 1n) / 2n
  return negative ? -result : result
}

function power(base: bigint, exponent: bigint, exact: Exact): bigint {
  const what = `POW(${decimalText(base, exact.scale)}, ${decimalText(exponent, exact.scale)})`
  if (exponent % exact.unit === 0n && exponent >= 0n && exponent / exact.unit < 1000n) {
    let result = exact.unit
    for (let left = exponent / exact.unit; left > 0n; left--) {
      result = divideRounded(result * base, exact.unit)
      exact.check(result, what)
    }
    return result
  }
  if (base === 0n && exponent < 0n) throw new Error(`division by zero: ${what}`)
  if (exponent % exact.unit === 0n && exponent < 0n && exponent / exact.unit > -1000n) {
    const positive = power(base, -exponent, BIGNUMERIC === exact ? exact : { ...exact, check: (v) => v })
    if (positive === 0n) throw new Error(`${exact.word} overflow: ${what}`)
    return exact.check(divideRounded(exact.unit * exact.unit, positive), what)
  }
  if (base < 0n) throw new Error(`Negative ${exact.word} value cannot be raised to a fractional power: ${what}`)
  return fromNumber(toNumber(base, exact) ** toNumber(exponent, exact), exact, what)
}

function exactFunctions(exact: Exact): ScalarFunction[] {
  const { type, prefix, unit, scale } = exact
  const text = (value: bigint) => decimalText(value, scale)
  const zero = (b: bigint, what: () => string) => {
    if (b === 0n) throw new Error(`division by zero: ${what()}`)
  }
  return [
    { name: `${prefix}_mul`, parameters: [type, type], returns: type, run: (a: bigint, b: bigint) => exact.check(divideRounded(a * b, unit), `${text(a)} * ${text(b)}`) },
    {
      name: `${prefix}_div`, parameters: [type, type], returns: type,
      run(a: bigint, b: bigint) {
        zero(b, () => `${text(a)} / ${text(b)}`)
        return exact.check(divideRounded(a * unit, b), `${text(a)} / ${text(b)}`)
      },
    },
    { name: `${prefix}_div_count`, parameters: [type, 'BIGINT'], returns: type, run: (a: bigint, n: bigint) => (n === 0n ? null : divideRounded(a, n)) },
    {
      name: `${prefix}_idiv`, parameters: [type, type], returns: type,
      run(a: bigint, b: bigint) {
        zero(b, () => `DIV(${text(a)}, ${text(b)})`)
        return exact.check((a / b) * unit, 'DIV')
      },
    },
    {
      name: `${prefix}_mod`, parameters: [type, type], returns: type,
      run(a: bigint, b: bigint) {
        zero(b, () => `MOD(${text(a)}, ${text(b)})`)
        return a % b
      },
    },
    { name: `${prefix}_round`, parameters: [type, 'BIGINT', 'VARCHAR'], returns: type, run: (a: bigint, n: bigint, mode: string) => exact.check(rounded(a, exact, n, mode), `ROUND(${text(a)}, ${n})`) },
    { name: `${prefix}_trunc`, parameters: [type, 'BIGINT'], returns: type, run: (a: bigint, n: bigint) => rounded(a, exact, n, 'trunc') },
    {
      name: `${prefix}_sqrt`, parameters: [type], returns: type,
      run(a: bigint) {
        if (a < 0n) throw new Error(`SQRT is undefined for negative value: ${text(a)}`)
        return root(a, exact, 2n)
      },
    },
    { name: `${prefix}_cbrt`, parameters: [type], returns: type, run: (a: bigint) => root(a, exact, 3n) },
    { name: `${prefix}_pow`, parameters: [type, type], returns: type, run: (a: bigint, b: bigint) => power(a, b, exact) },
  ]
}

const bignumOnly: ScalarFunction[] = [
  { name: 'gs_bignum_check', parameters: ['BIGNUM'], returns: 'BIGNUM', run: (a: bigint) => BIGNUMERIC.check(a, decimalText(a, 38)) },
  { name: 'gs_bignum_text', parameters: ['BIGNUM'], returns: 'VARCHAR', run: (a: bigint) => decimalText(a, 38) },
  {
    name: 'gs_bignum_to_int', parameters: ['BIGNUM'], returns: 'BIGINT',
    run(a: bigint) {
      const value = divideRounded(a, E38)
      if (BigInt.asIntN(64, value) !== value) throw new Error(`int64 out of range: ${decimalText(a, 38)}`)
      return value
    },
  },
  { name: 'gs_bignum_to_double', parameters: ['BIGNUM'], returns: 'DOUBLE', run: (a: bigint) => toNumber(a, BIGNUMERIC) },
  { name: 'gs_bignum_to_numeric', parameters: ['BIGNUM'], returns: 'NUMERIC', run: (a: bigint) => NUMERIC.check(divideRounded(a, 10n ** 29n), decimalText(a, 38)) },
  { name: 'gs_bignum_abs', parameters: ['BIGNUM'], returns: 'BIGNUM', run: (a: bigint) => (a < 0n ? -a : a) },
  { name: 'gs_bignum_sign', parameters: ['BIGNUM'], returns: 'BIGNUM', run: (a: bigint) => (a < 0n ? -E38 : a > 0n ? E38 : 0n) },
  { name: 'gs_bignum_ceil', parameters: ['BIGNUM'], returns: 'BIGNUM', run: (a: bigint) => BIGNUMERIC.check(a % E38 > 0n ? (a / E38 + 1n) * E38 : (a / E38) * E38, 'CEIL') },
  { name: 'gs_bignum_floor', parameters: ['BIGNUM'], returns: 'BIGNUM', run: (a: bigint) => BIGNUMERIC.check(a % E38 < 0n ? (a / E38 - 1n) * E38 : (a / E38) * E38, 'FLOOR') },
  {
    name: 'gs_bignum_parameters', parameters: ['BIGNUM', 'BIGINT', 'BIGINT'], returns: 'BIGNUM',
    run(a: bigint, precision: bigint, scale: bigint) {
      const value = rounded(a, BIGNUMERIC, scale, 'half')
      if (precision && (value < 0n ? -value : value) >= 10n ** (precision - scale) * E38) throw new Error(`Value has precision larger than ${precision}: ${decimalText(a, 38)}`)
      return value
    },
  },
  {
    name: 'gs_generate_bignums', parameters: ['BIGNUM', 'BIGNUM', 'BIGNUM'], returns: 'BIGNUM[]',
    run(start: bigint, end: bigint, step: bigint) {
      if (step === 0n) throw new Error('Sequence step cannot be 0.')
      const items: bigint[] = []
      for (let at = start; step > 0n ? at <= end : at >= end; at += step) items.push(at)
      return items
    },
  },
]

/** As C++ prints it with 15 digits, or 17 where those do not give the number back. */
/** `smallest` is the lowest exponent that is written without one: -5 in casts, -4 in FORMAT. */
export function doubleText(value: number, smallest = -5): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const short = general(value, 15, smallest)
  return Number(short) === value ? short : general(value, 17, smallest)
}

/** C's %.<digits>g. */
export function general(value: number, digits: number, smallest = -5): string {
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e') as [string, string]
  const power = Number(exponent)
  if (power < smallest || power >= digits) {
    const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa
    return `${short}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  }
  const fixed = value.toFixed(Math.max(0, Math.min(100, digits - 1 - power)))
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed
}

function parseInteger(text: string): bigint {
  const match = /^\s*([+-])?(?:0[xX]([0-9a-fA-F]+)|(\d+))\s*$/.exec(text)
  if (!match) throw new Error(`Bad int64 value: ${text}`)
  const magnitude = match[2] ? BigInt(`0x${match[2]}`) : BigInt(match[3]!)
  const value = match[1] === '-' ? -magnitude : magnitude
  if (BigInt.asIntN(64, value) !== value) throw new Error(`Bad int64 value: ${text}`)
  return value
}

function parseDouble(text: string): number {
  const trimmed = text.trim()
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed)) {
    const value = Number(trimmed)
    if (!Number.isFinite(value)) throw new Error(`Bad double value: ${text}`)
    return value
  }
  if (/^[+-]?inf(inity)?$/i.test(trimmed)) return trimmed.startsWith('-') ? -Infinity : Infinity
  if (/^[+-]?nan$/i.test(trimmed)) return NaN
  if (/^[+-]?0x/i.test(trimmed)) return Number(trimmed.replace(/^[+-]/, '')) * (trimmed.startsWith('-') ? -1 : 1)
  throw new Error(`Bad double value: ${text}`)
}

const parseExact = (exact: Exact, loose: boolean) => (text: string): bigint => {
  let given = text
  if (loose) {
    // PARSE_NUMERIC allows blanks around signs, a trailing sign and commas between digits.
    const match = /^\s*([+-]?)\s*([\d,]*(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*([+-]?)\s*$/.exec(text)
    if (!match || (match[1] && match[3]) || !/\d/.test(match[2]!)) throw new Error(`Invalid input to PARSE_${exact.scale === 9 ? '' : 'BIG'}NUMERIC: ${JSON.stringify(text)}`)
    given = `${match[1]}${match[3]}${match[2]!.replaceAll(',', '')}`
  }
  const value = scaledInteger(given, exact.scale)
  if (value === undefined) throw new Error(`Invalid ${exact.scale === 9 ? 'NUMERIC' : 'BIGNUMERIC'} value: ${text}`)
  return exact.check(value, text)
}

function floatRound(value: number, digits: bigint, cut: boolean): number {
  if (!Number.isFinite(value) || digits > 308n) return value
  if (digits < -308n) return 0
  const exact = exactly(value, Math.max(0, Number(digits)) + 30)
  const drop = 10n ** BigInt(Math.max(0, Number(digits)) + 30 - Number(digits))
  const result = (cut ? exact / drop : divideRounded(exact, drop)) * drop
  return Number(decimalText(result, Math.max(0, Number(digits)) + 30))
}

const shift = (left: boolean) => (value: bigint, count: bigint): bigint => {
  if (count < 0n) throw new Error(`Bitwise shift by negative value: ${count}`)
  if (count >= 64n) return 0n
  return left ? BigInt.asIntN(64, value << count) : BigInt.asIntN(64, BigInt.asUintN(64, value) >> count)
}

const pair = (name: string, measure: (a: number[], b: number[]) => number): ScalarFunction => ({
  name, parameters: ['DOUBLE[]', 'DOUBLE[]'], returns: 'DOUBLE',
  run(a: (number | null)[], b: (number | null)[]) {
    if (a.length !== b.length) throw new Error(`Array arguments have different lengths: ${a.length} and ${b.length}`)
    if (a.includes(null) || b.includes(null)) throw new Error('Vector elements must not be NULL')
    return measure(a as number[], b as number[])
  },
})

const total = (items: readonly number[]) => items.reduce((sum, item) => sum + item, 0)
const norm = (items: readonly number[]) => Math.sqrt(total(items.map((item) => item * item)))

function full(items: readonly (number | null)[]): readonly number[] {
  if (items.includes(null)) throw new Error('NULL array element')
  return items as readonly number[]
}

/** Two sparse vectors as two dense ones: the keys of both, each once. */
function dense(keysA: readonly string[], a: readonly number[], keysB: readonly string[], b: readonly number[]): number[][] {
  if (keysA.includes(null as never) || keysB.includes(null as never)) throw new Error('NULL array element')
  if (new Set(keysA).size < keysA.length || new Set(keysB).size < keysB.length) throw new Error('Duplicate index found in the input array')
  const [left, right] = [new Map(keysA.map((key, i) => [key, a[i]!])), new Map(keysB.map((key, i) => [key, b[i]!]))]
  const keys = [...new Set([...keysA, ...keysB])]
  return [keys.map((key) => left.get(key) ?? 0), keys.map((key) => right.get(key) ?? 0)]
}

const elementwise = (average: boolean) => (rows: (number | null)[][]) => {
  const width = Math.max(0, ...rows.map((row) => row?.length ?? 0))
  if (!rows.length) return null
  return Array.from({ length: width }, (_, i) => {
    const items = rows.map((row) => row?.[i]).filter((item): item is number => item !== null && item !== undefined)
    return items.length ? total(items) / (average ? items.length : 1) : null
  })
}

export const numbers: ScalarFunction[] = [
  ...exactFunctions(NUMERIC),
  ...exactFunctions(BIGNUMERIC),
  ...bignumOnly,
  { name: 'gs_double_text', parameters: ['DOUBLE'], returns: 'VARCHAR', run: doubleText },
  { name: 'gs_double_to_numeric', parameters: ['DOUBLE'], returns: 'NUMERIC', run: (value: number) => fromNumber(value, NUMERIC, doubleText(value)) },
  { name: 'gs_double_to_bignum', parameters: ['DOUBLE'], returns: 'BIGNUM', run: (value: number) => fromNumber(value, BIGNUMERIC, doubleText(value)) },
  { name: 'gs_parse_int', parameters: ['VARCHAR'], returns: 'BIGINT', run: parseInteger },
  { name: 'gs_parse_double', parameters: ['VARCHAR'], returns: 'DOUBLE', run: parseDouble },
  { name: 'gs_parse_numeric', parameters: ['VARCHAR'], returns: 'NUMERIC', run: parseExact(NUMERIC, false) },
  { name: 'gs_parse_bignum', parameters: ['VARCHAR'], returns: 'BIGNUM', run: parseExact(BIGNUMERIC, false) },
  { name: 'gs_parse_numeric_loose', parameters: ['VARCHAR'], returns: 'NUMERIC', run: parseExact(NUMERIC, true) },
  { name: 'gs_parse_bignum_loose', parameters: ['VARCHAR'], returns: 'BIGNUM', run: parseExact(BIGNUMERIC, true) },
  { name: 'gs_float_round', parameters: ['DOUBLE', 'BIGINT'], returns: 'DOUBLE', run: (value: number, digits: bigint) => floatRound(value, digits, false) },
  { name: 'gs_float_trunc', parameters: ['DOUBLE', 'BIGINT'], returns: 'DOUBLE', run: (value: number, digits: bigint) => floatRound(value, digits, true) },
  { name: 'gs_shift_left', parameters: ['BIGINT', 'BIGINT'], returns: 'BIGINT', run: shift(true) },
  { name: 'gs_shift_right', parameters: ['BIGINT', 'BIGINT'], returns: 'BIGINT', run: shift(false) },
  { name: 'gs_cbrt', parameters: ['DOUBLE'], returns: 'DOUBLE', run: Math.cbrt },
  {
    name: 'gs_pow', parameters: ['DOUBLE', 'DOUBLE'], returns: 'DOUBLE',
    run(a: number, b: number) {
      if (a === 1 || b === 0) return 1
      const value = Math.pow(a, b)
      const finite = Number.isFinite(a) && Number.isFinite(b)
      if (Number.isNaN(value) && !Number.isNaN(a) && !Number.isNaN(b) || (finite && !Number.isFinite(value))) {
        if (a === -1 && !Number.isFinite(b)) return 1
        throw new Error(`Floating point error in function: POW(${doubleText(a)}, ${doubleText(b)})`)
      }
      return value
    },
  },
  {
    name: 'gs_log', parameters: ['DOUBLE', 'DOUBLE'], returns: 'DOUBLE',
    run(a: number, b: number) {
      if (a === -Infinity || Number.isNaN(a) || Number.isNaN(b) || !Number.isFinite(b) && !Number.isFinite(a)) return NaN
      if (a <= 0 || b <= 0 || b === 1) throw new Error(`Floating point error in function: LOG(${doubleText(a)}, ${doubleText(b)})`)
      if (b === 10) return Math.log10(a)
      if (b === 2) return Math.log2(a)
      return Math.log(a) / Math.log(b)
    },
  },
  {
    name: 'gs_generate_floats', parameters: ['DOUBLE', 'DOUBLE', 'DOUBLE'], returns: 'DOUBLE[]',
    run(start: number, end: number, step: number) {
      if (step === 0) throw new Error('Sequence step cannot be 0.')
      const items: number[] = []
      for (let i = 0; ; i++) {
        const at = start + i * step
        if (step > 0 ? at > end : at < end) return items
        if (i > 16_000_000) throw new Error('Sequence is too long.')
        items.push(at)
      }
    },
  },
  {
    name: 'gs_range_bucket_check', parameters: ['BOOLEAN', 'BIGINT', 'BOOLEAN'], returns: 'BIGINT', nulls: true,
    run(unsorted: boolean | null, bucket: bigint | null, none: boolean | null) {
      if (none) return null
      if (unsorted) throw new Error('Elements in input array to RANGE_BUCKET must be in ascending order')
      return bucket
    },
  },
  {
    name: 'gs_percentile_cont', parameters: ['DOUBLE[]', 'DOUBLE'], returns: 'DOUBLE', nulls: true,
    run(sorted: (number | null)[] | null, fraction: number) {
      if (!sorted?.length) return null
      if (!(fraction >= 0 && fraction <= 1)) throw new Error('Percentile value must be in the range [0, 1]')
      const at = fraction * (sorted.length - 1)
      const low = sorted[Math.floor(at)] ?? null
      const high = sorted[Math.ceil(at)] ?? null
      const weight = at - Math.floor(at)
      if (low === null || high === null) return weight === 0 ? low : (high ?? low)
      return weight === 0 ? low : low + (high - low) * weight
    },
  },
  pair('gs_dot_product', (a, b) => total(a.map((x, i) => x * b[i]!))),
  pair('gs_manhattan_distance', (a, b) => total(a.map((x, i) => Math.abs(x - b[i]!)))),
  pair('gs_euclidean_distance', (a, b) => norm(a.map((x, i) => x - b[i]!))),
  pair('gs_cosine_distance', (a, b) => {
    const size = norm(a) * norm(b)
    if (size === 0) throw new Error('Cannot compute cosine distance against zero vector.')
    return 1 - total(a.map((x, i) => x * b[i]!)) / size
  }),
  { name: 'gs_l1_norm', parameters: ['DOUBLE[]'], returns: 'DOUBLE', run: (a: number[]) => total(full(a).map(Math.abs)) },
  { name: 'gs_l2_norm', parameters: ['DOUBLE[]'], returns: 'DOUBLE', run: (a: number[]) => norm(full(a)) },
  { name: 'gs_sparse', parameters: ['VARCHAR[]', 'DOUBLE[]', 'VARCHAR[]', 'DOUBLE[]'], returns: 'DOUBLE[][]', run: dense },
  { name: 'gs_elementwise_sum', parameters: ['DOUBLE[][]'], returns: 'DOUBLE[]', run: elementwise(false) },
  { name: 'gs_elementwise_avg', parameters: ['DOUBLE[][]'], returns: 'DOUBLE[]', run: elementwise(true) },
]
