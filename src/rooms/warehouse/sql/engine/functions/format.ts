/** FORMAT(): C's printf with GoogleSQL's own %t and %T. Arguments arrive as text with the name of their type. */
import { scaledInteger } from '../../literal.ts'
import { doubleText, general } from './numbers.ts'

export interface Tagged {
  t: string
  v: string | null
}

/** Separates the %t form from the %T form of a nested value. */
const FORMS = '\u0002'

export function formatText(pattern: string, args: readonly Tagged[]): string | null {
  let next = 0
  let none = false
  const take = (): Tagged => {
    const found = args[next++]
    if (!found) throw new Error('Too few arguments to FORMAT for pattern ' + JSON.stringify(pattern))
    return found
  }
  const out = pattern.replace(/%(['#0\- +]*)(\*|\d+)?(?:\.(\*|\d+)?)?([a-zA-Z%]|$)/g, (all, flags: string, widthText: string | undefined, precisionText: string | undefined, kind: string) => {
    if (kind === '%') return '%'
    const star = (text: string | undefined) => (text === '*' ? Number(take().v ?? 0) : text === undefined ? undefined : Number(text))
    let width = star(widthText)
    let precision = star(precisionText)
    if (precision === undefined && /\./.test(all) && precisionText === undefined) precision = 0
    let left = flags.includes('-')
    if (width !== undefined && width < 0) {
      left = true
      width = -width
    }
    const { t, v } = take()
    if (v === null && kind !== 't' && kind !== 'T' && kind !== 'p' && kind !== 'P') {
      none = true
      return ''
    }
    const body = convert(kind, flags, precision, t, v, pattern)
    if (width === undefined || [...body].length >= width) return body
    const zeros = flags.includes('0') && !left && 'dioxXeEfFgG'.includes(kind) && !/inf|nan/i.test(body)
    if (zeros) {
      const sign = /^[+\- ]/.exec(body)?.[0] ?? ''
      const prefix = /^[+\- ]?(0[xX])/.exec(body)?.[1] ?? ''
      return sign + prefix + body.slice(sign.length + prefix.length).padStart(width - sign.length - prefix.length, '0')
    }
    return left ? body + ' '.repeat(width - [...body].length) : ' '.repeat(width - [...body].length) + body
  })
  if (next < args.length) throw new Error(`Too many arguments to FORMAT for pattern ${JSON.stringify(pattern)}; Expected ${next}; Got ${args.length}`)
  return none ? null : out
}

const integer = (kind: string) => 'dioxXuc'.includes(kind)

function convert(kind: string, flags: string, precision: number | undefined, type: string, value: string | null, pattern: string): string {
  if (kind === 't' || kind === 'T') {
    const text = debug(type, kind === 'T', value)
    return precision === undefined ? text : [...text].slice(0, precision).join('')
  }
  const given = value ?? ''
  const wrong = () => new Error(`Invalid type for argument to FORMAT; Expected ${integer(kind) ? 'integer' : 'number or string'}; Got ${type} in ${JSON.stringify(pattern)}`)
  if (kind === 's') {
    if (type !== 'STRING') throw wrong()
    return precision === undefined ? given : [...given].slice(0, precision).join('')
  }
  if (kind === 'p' || kind === 'P') {
    if (value === null) return 'NULL'
    return kind === 'P' ? JSON.stringify(JSON.parse(given), null, 2) : given
  }
  if (integer(kind)) {
    if (type !== 'INT64') throw wrong()
    return whole(kind, flags, precision, BigInt(given))
  }
  if ('eEfFgGaA'.includes(kind)) {
    if (type === 'NUMERIC' || type === 'BIGNUMERIC') return exact(kind, flags, precision ?? 6, given, type === 'NUMERIC' ? 9 : 38)
    if (type !== 'FLOAT64' && type !== 'INT64') throw wrong()
    return floating(kind, flags, precision ?? 6, /inf/.test(given) ? (given[0] === '-' ? -Infinity : Infinity) : Number(given))
  }
  throw new Error(`Invalid format specifier character "${kind}" in FORMAT string: ${JSON.stringify(pattern)}`)
}

const signed = (negative: boolean, flags: string) => (negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '')
const grouped = (digits: string, flags: string) => (flags.includes("'") ? digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',') : digits)

function whole(kind: string, flags: string, precision: number | undefined, value: bigint): string {
  const negative = value < 0n
  const magnitude = negative ? -value : value
  const base = kind === 'o' ? 8 : kind === 'x' || kind === 'X' ? 16 : 10
  let digits = magnitude.toString(base).padStart(precision ?? 1, '0')
  if (base === 10) digits = grouped(digits, flags)
  else if (flags.includes("'")) digits = digits.replace(/\B(?=(\w{4})+(?!\w))/g, ':')
  if (flags.includes('#') && magnitude) digits = (base === 16 ? '0x' : base === 8 ? '0' : '') + digits
  const text = signed(negative, flags) + digits
  return kind === 'X' ? text.toUpperCase() : text
}

function floating(kind: string, flags: string, precision: number, value: number): string {
  const upper = kind === kind.toUpperCase()
  const cased = (text: string) => (upper ? text.toUpperCase() : text)
  const sign = signed(value < 0 || Object.is(value, -0), flags)
  if (Number.isNaN(value)) return cased('nan')
  if (!Number.isFinite(value)) return sign + cased('inf')
  const magnitude = Math.abs(value)
  let body: string
  if (/[eE]/.test(kind)) body = magnitude.toExponential(precision).replace(/e([+-])(\d)$/, 'e$10$2')
  else if (/[fF]/.test(kind)) body = magnitude >= 1e21 ? BigInt(magnitude).toString() + (precision ? `.${'0'.repeat(precision)}` : '') : fixed(magnitude, Math.min(100, precision))
  else body = magnitude === 0 ? '0' : general(magnitude, precision || 1, -4)
  if (/[fFgG]/.test(kind) && flags.includes("'")) body = body.replace(/^\d+/, (digits) => grouped(digits, flags))
  return cased(sign + body)
}

/** C rounds an exact half to even, toFixed upwards. */
function fixed(value: number, precision: number): string {
  const twice = value * 10 ** precision * 2
  if (!Number.isSafeInteger(twice) || twice % 2 === 0 || twice / 2 / 10 ** precision !== value || exactHalf(value, precision) === false) return value.toFixed(precision)
  const low = (twice - 1) / 2
  return padded(low % 2 === 0 ? low : low + 1, precision)
}

/** Only a number whose binary fraction is short can lie on a half: 2.675 does not, 2.25 does. */
const exactHalf = (value: number, precision: number) => Number.isInteger(value * 2 ** (precision + 1))

function padded(scaled: number, precision: number): string {
  const digits = String(scaled).padStart(precision + 1, '0')
  return precision ? `${digits.slice(0, -precision)}.${digits.slice(-precision)}` : digits
}

function exact(kind: string, flags: string, precision: number, text: string, scale: number): string {
  const scaled = scaledInteger(text, Math.max(scale, precision)) ?? 0n
  if (!/[fF]/.test(kind)) return floating(kind, flags, precision, Number(text))
  const at = Math.max(scale, precision)
  const unit = 10n ** BigInt(at - precision)
  const magnitude = ((scaled < 0n ? -scaled : scaled) + unit / 2n) / unit
  const digits = magnitude.toString().padStart(precision + 1, '0')
  const body = precision ? `${grouped(digits.slice(0, -precision), flags)}.${digits.slice(-precision)}` : grouped(digits, flags)
  return signed(scaled < 0n, flags) + body
}

/** %t (`literal` false) and %T of one value. */
export function debug(type: string, literal: boolean, value: string | null): string {
  if (value === null) return 'NULL'
  switch (type) {
    case 'COMPOUND':
      return value.split(FORMS)[literal ? 1 : 0] ?? value
    case 'STRING':
      return literal ? quoted(value) : value
    case 'BYTES': {
      const bytes = Buffer.from(value, 'base64')
      return literal ? `b${quotedBytes(bytes)}` : bytesText(bytes)
    }
    case 'FLOAT64': {
      const number = value === 'nan' ? NaN : value === 'inf' ? Infinity : value === '-inf' ? -Infinity : Number(value)
      if (!Number.isFinite(number)) return literal ? `CAST("${value}" AS FLOAT64)` : value
      const text = doubleText(number, -4)
      return /[.e]/.test(text) ? text : `${text}.0`
    }
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return literal ? `${type} ${quoted(value)}` : value
    case 'DATE':
    case 'TIME':
    case 'DATETIME':
    case 'TIMESTAMP':
    case 'JSON':
      return literal ? `${type} ${quoted(value)}` : value
    case 'INTERVAL':
      return literal ? `INTERVAL ${quoted(value)} YEAR TO SECOND` : value
    default:
      return value
  }
}

export function quoted(text: string): string {
  const quote = text.includes('"') && !text.includes("'") ? "'" : '"'
  let escaped = -1
  return quote + text.replace(/[\\\x00-\x1f\x7f]|["']|[0-9a-fA-F]/g, (char, at: number) => {
    // A hex digit after a hex escape would be read as a part of it.
    const after = escaped === at
    if (/[0-9a-fA-F]/.test(char) && !after) return char
    if (char === '"' || char === "'") return char === quote ? `\\${char}` : char
    const named = ({ '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\v': '\\v' } as Record<string, string>)[char]
    if (named) return named
    escaped = at + 1
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  }) + quote
}

function quotedBytes(bytes: Buffer): string {
  const quote = bytes.includes(34) && !bytes.includes(39) ? "'" : '"'
  return quote + bytesText(bytes).replaceAll(quote, `\\${quote}`) + quote
}
const bytesText = (bytes: Buffer) => [...bytes].map((byte) => (byte === 92 ? '\\\\' : byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`)).join('')
