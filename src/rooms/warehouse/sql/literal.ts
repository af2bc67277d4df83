/** Values as DuckDB text: of parameters and script variables (`Value`), and of the analyzer's literals (ValueProto). */
import { Fault } from '#ground/fault.ts'
import type { Message } from './analyzer/proto.ts'
import { duckType, sqlName } from './sqltype.ts'
import type { SqlType, Value } from './types.ts'

export const NUMERIC_SCALE = 9
export const BIGNUMERIC_SCALE = 38
const TEN_38 = 10n ** 38n

/** A DuckDB string literal. NUL has no place in one and U+0001 marks parameters (bind.ts), so both are put in by chr(). */
export function quote(text: string): string {
  if (!/[\0\u0001]/.test(text)) return `'${text.replaceAll("'", "''")}'`
  return `(${text.split(/([\0\u0001])/).map((part) => (part === '\0' ? 'chr(0)' : part === '\u0001' ? 'chr(1)' : `'${part.replaceAll("'", "''")}'`)).join(' || ')})`
}

/** A DuckDB identifier. */
export const name = (text: string): string => `"${text.replaceAll('"', '""')}"`

export const nullOf = (type: SqlType): string => `CAST(NULL AS ${duckType(type)})`

const bad = (type: SqlType, value: Value) =>
  new Fault('INVALID_ARGUMENT', 'invalidQuery', `Invalid value for type ${sqlName(type)}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)

export function duckLiteral(type: SqlType, value: Value): string {
  if (value === null || value === undefined) return nullOf(type)
  if (type.kind === 'ARRAY') {
    if (typeof value === 'string') throw bad(type, value)
    return `CAST([${value.map((item) => duckLiteral(type.element, item)).join(', ')}] AS ${duckType(type)})`
  }
  if (type.kind === 'STRUCT') {
    if (typeof value === 'string' || value.length !== type.fields.length) throw bad(type, value)
    return structOf(type.fields.map((field, i) => duckLiteral(field.type, value[i] ?? null)))
  }
  if (typeof value !== 'string') throw bad(type, value)
  switch (type.kind) {
    case 'RANGE': {
      const match = /^\s*\[\s*([^,]*?)\s*,\s*([^)]*?)\s*\)\s*$/.exec(value)
      if (!match) throw bad(type, value)
      const end = (text: string) => (/^(unbounded|null)$/i.test(text) ? nullOf(type.element) : duckLiteral(type.element, text.replace(/^"|"$/g, '')))
      return `{'s': ${end(match[1]!)}, 'e': ${end(match[2]!)}}`
    }
    case 'STRING':
    case 'JSON':
    case 'GEOGRAPHY':
      return quote(value)
    case 'BOOL':
      if (/^true$/i.test(value)) return 'true'
      if (/^false$/i.test(value)) return 'false'
      throw bad(type, value)
    case 'INT64':
      if (!/^\s*[+-]?\d+\s*$/.test(value) || BigInt.asIntN(64, BigInt(value.trim().replace(/^\+/, ''))) !== BigInt(value.trim().replace(/^\+/, ''))) throw bad(type, value)
      return int64(BigInt(value.trim().replace(/^\+/, '')))
    case 'FLOAT64': {
      const number = floatOf(value)
      if (number === undefined) throw bad(type, value)
      return double(number)
    }
    case 'NUMERIC': {
      const scaled = scaledInteger(value, NUMERIC_SCALE)
      if (scaled === undefined || scaled >= TEN_38 || scaled <= -TEN_38) throw bad(type, value)
      return numeric(scaled)
    }
    case 'BIGNUMERIC': {
      const scaled = scaledInteger(value, BIGNUMERIC_SCALE)
      if (scaled === undefined) throw bad(type, value)
      return bignumeric(scaled)
    }
    case 'BYTES':
      return bytes(Buffer.from(value, 'base64'))
    case 'DATE':
      if (!/^\s*\d{1,4}-\d{1,2}-\d{1,2}\s*$/.test(value)) throw bad(type, value)
      return `DATE ${quote(value.trim())}`
    case 'TIME':
      if (!/^\s*\d{1,2}:\d{1,2}:\d{1,2}(\.\d{1,9})?\s*$/.test(value)) throw bad(type, value)
      return `TIME ${quote(value.trim())}`
    case 'DATETIME':
      if (!/^\s*\d{1,4}-\d{1,2}-\d{1,2}([ tT]\d{1,2}:\d{1,2}:\d{1,2}(\.\d{1,9})?)?\s*$/.test(value)) throw bad(type, value)
      return `TIMESTAMP ${quote(value.trim().replace(/[tT]/, ' '))}`
    case 'TIMESTAMP': {
      const micros = timestampMicros(value)
      if (micros === undefined) return `gs_parse_ts(${quote(value)}, 'UTC')`
      return timestamp(micros)
    }
    case 'INTERVAL': {
      const parts = intervalParts(value)
      if (!parts) throw bad(type, value)
      return interval(...parts)
    }
    case 'UUID':
      return `UUID ${quote(value)}`
  }
}

export const structOf = (items: readonly string[]): string => (items.length ? `{${items.map((item, i) => `'_${i + 1}': ${item}`).join(', ')}}` : `{'_0': true}`)

export function int64(value: bigint | number): string {
  const text = String(value)
  if (text === '-9223372036854775808') return '(-9223372036854775807 - 1)'
  return `${text.startsWith('-') ? `(${text})` : text}::BIGINT`
}

export function double(value: number): string {
  if (Number.isNaN(value)) return `'nan'::DOUBLE`
  if (!Number.isFinite(value)) return value > 0 ? `'inf'::DOUBLE` : `'-inf'::DOUBLE`
  if (Object.is(value, -0)) return `'-0.0'::DOUBLE`
  const text = String(value)
  return `${text.startsWith('-') ? `(${text}` : text}${/[e.]/.test(text) ? '' : '.0'}${text.startsWith('-') ? ')' : ''}::DOUBLE`
}

export const bytes = (value: Uint8Array): string => (value.length ? `'${[...value].map((b) => `\\x${b.toString(16).padStart(2, '0').toUpperCase()}`).join('')}'::BLOB` : `''::BLOB`)

export const numeric = (scaled: bigint): string => `'${decimalText(scaled, NUMERIC_SCALE)}'::DECIMAL(38,9)`

export const bignumeric = (scaled: bigint): string => `'${scaled}'::BIGNUM`

export const timestamp = (micros: bigint): string => `make_timestamptz(${micros})`

export function interval(months: number, days: number, micros: bigint): string {
  return `(to_months(${months}) + to_days(${days}) + to_microseconds(${micros}))`
}

/** 1234567890n at scale 9 -> '1.23456789', trailing zeros away. */
export function decimalText(scaled: bigint, scale: number): string {
  const negative = scaled < 0n
  const digits = (negative ? -scaled : scaled).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, -scale)
  const fraction = digits.slice(-scale).replace(/0+$/, '')
  return `${negative ? '-' : ''}${whole}${fraction ? `.${fraction}` : ''}`
}

/** Decimal text times 10^scale, rounded half away from zero; undefined if it is no number. */
export function scaledInteger(text: string, scale: number): bigint | undefined {
  const match = /^\s*([+-])?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?\s*$/.exec(text)
  if (!match || (!match[2] && !match[3])) return undefined
  const fraction = match[3] ?? ''
  const digits = BigInt((match[2] ?? '') + fraction || '0')
  const shift = scale - fraction.length + Number(match[4] ?? 0)
  if (shift > 200) return digits === 0n ? 0n : undefined
  let value = digits
  if (shift >= 0) value *= 10n ** BigInt(shift)
  else if (shift < -5000) value = 0n
  else {
    const unit = 10n ** BigInt(-shift)
    value = (digits + unit / 2n) / unit
  }
  return match[1] === '-' ? -value : value
}

function floatOf(text: string): number | undefined {
  const trimmed = text.trim()
  if (/^[+-]?inf(inity)?$/i.test(trimmed)) return trimmed.startsWith('-') ? -Infinity : Infinity
  if (/^[+-]?nan$/i.test(trimmed)) return NaN
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed)) return undefined
  return Number(trimmed)
}

/** The usual forms with a numeric offset or Z; zone names are left to the engine. */
function timestampMicros(text: string): bigint | undefined {
  const match = /^\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[ tT](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?)?\s*(?:([zZ]|UTC)|([+-])(\d{1,2})(?::?(\d{2}))?)?\s*$/.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', , sign, offsetHour = '0', offsetMinute = '0'] = match
  const ms = Date.UTC(2000, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  const moved = new Date(ms)
  moved.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (moved.getUTCMonth() !== Number(month) - 1 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  const offset = (sign === '-' ? -1n : 1n) * (BigInt(offsetHour) * 3600n + BigInt(offsetMinute) * 60n) * 1_000_000n
  return BigInt(moved.getTime()) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6)) - offset
}

/** 'Y-M D H:M:S.F', the form of INTERVAL on the wire, each part with its own sign. */
export function intervalParts(text: string): [number, number, bigint] | undefined {
  const match = /^\s*([+-])?(\d+)-(\d+)\s+([+-]?\d+)\s+([+-])?(\d+):(\d+):(\d+)(?:\.(\d{1,9}))?\s*$/.exec(text)
  if (!match) return undefined
  const [, ymSign, years, months, days, timeSign, hours, minutes, seconds, fraction = ''] = match
  const micros = (BigInt(hours!) * 3600n + BigInt(minutes!) * 60n + BigInt(seconds!)) * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
  return [(ymSign === '-' ? -1 : 1) * (Number(years) * 12 + Number(months)), Number(days), timeSign === '-' ? -micros : micros]
}

// ---------------------------------------------------------------- the analyzer's literals

export function protoLiteral(type: SqlType, value: Message): string {
  if (type.kind === 'ARRAY') {
    if (!value['array_value']) return nullOf(type)
    const items = ((value['array_value'].element ?? []) as Message[]).map((item) => protoLiteral(type.element, item))
    return `CAST([${items.join(', ')}] AS ${duckType(type)})`
  }
  if (type.kind === 'STRUCT') {
    if (!value['struct_value']) return nullOf(type)
    return structOf(type.fields.map((field, i) => protoLiteral(field.type, (value['struct_value'].field ?? [])[i] ?? {})))
  }
  switch (type.kind) {
    case 'RANGE':
      if (!value['range_value']) return nullOf(type)
      return `{'s': ${protoLiteral(type.element, value['range_value'].start ?? {})}, 'e': ${protoLiteral(type.element, value['range_value'].end ?? {})}}`
    case 'BOOL':
      return value['bool_value'] === undefined ? nullOf(type) : String(value['bool_value'])
    case 'INT64': {
      const number = value['int64_value'] ?? value['int32_value'] ?? value['uint64_value'] ?? value['uint32_value']
      return number === undefined ? nullOf(type) : int64(number)
    }
    case 'FLOAT64': {
      const number = value['double_value'] ?? value['float_value']
      return number === undefined ? nullOf(type) : double(number)
    }
    case 'STRING':
      if (value['enum_value'] !== undefined) return String(value['enum_value'])
      return value['string_value'] === undefined ? nullOf(type) : quote(value['string_value'])
    case 'BYTES':
      return value['bytes_value'] === undefined ? nullOf(type) : bytes(value['bytes_value'])
    case 'JSON':
      return value['json_value'] === undefined ? nullOf(type) : quote(value['json_value'])
    case 'NUMERIC':
      return value['numeric_value'] === undefined ? nullOf(type) : numeric(littleEndian(value['numeric_value']))
    case 'BIGNUMERIC':
      return value['bignumeric_value'] === undefined ? nullOf(type) : bignumeric(littleEndian(value['bignumeric_value']))
    case 'DATE':
      return value['date_value'] === undefined ? nullOf(type) : `DATE '${dateText(Number(value['date_value']))}'`
    case 'TIME':
      return value['time_value'] === undefined ? nullOf(type) : `TIME '${timeText(BigInt(value['time_value']) >> 30n, BigInt(value['time_value']) & 0x3fffffffn)}'`
    case 'DATETIME': {
      const packed = value['datetime_value']
      if (!packed) return nullOf(type)
      const bits = BigInt(packed.bit_field_datetime_seconds ?? 0)
      const year = String(bits >> 26n).padStart(4, '0')
      const month = String((bits >> 22n) & 15n).padStart(2, '0')
      const day = String((bits >> 17n) & 31n).padStart(2, '0')
      return `TIMESTAMP '${year}-${month}-${day} ${timeText(bits & 0x1ffffn, BigInt(packed.nanos ?? 0))}'`
    }
    case 'TIMESTAMP': {
      const raw = value['timestamp_value'] as Buffer | undefined
      if (!raw) return nullOf(type)
      const [seconds, nanos] = timestampProto(raw)
      return timestamp(seconds * 1_000_000n + nanos / 1000n)
    }
    case 'INTERVAL': {
      const raw = value['interval_value'] as Buffer | undefined
      if (!raw) return nullOf(type)
      const bits = raw.readUInt32LE(12)
      const months = (bits >>> 13) & 0x3ffff
      return interval(bits >>> 31 ? -months : months, raw.readInt32LE(8), raw.readBigInt64LE(0))
    }
    case 'UUID': {
      const raw = value['uuid_value'] as Buffer | undefined
      return raw ? `UUID '${Buffer.from(raw).reverse().toString('hex')}'` : nullOf(type)
    }
    case 'GEOGRAPHY':
      return nullOf(type)
  }
}

function littleEndian(raw: Buffer): bigint {
  let value = 0n
  for (let i = raw.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(raw[i]!)
  return raw.length && raw[raw.length - 1]! & 128 ? value - (1n << BigInt(raw.length * 8)) : value
}

export function dateText(days: number): string {
  const text = new Date(days * 86_400_000).toISOString()
  return text.slice(0, text.indexOf('T'))
}

function timeText(packedSeconds: bigint, nanos: bigint): string {
  const two = (value: bigint) => String(value).padStart(2, '0')
  return `${two((packedSeconds >> 12n) & 31n)}:${two((packedSeconds >> 6n) & 63n)}:${two(packedSeconds & 63n)}.${String(nanos / 1000n).padStart(6, '0')}`
}

function timestampProto(raw: Buffer): [bigint, bigint] {
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = raw[at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asIntN(64, value)
    }
  }
  let seconds = 0n
  let nanos = 0n
  while (at < raw.length) {
    const tag = raw[at++]! >> 3
    const value = varint()
    if (tag === 1) seconds = value
    else if (tag === 2) nanos = value
  }
  return [seconds, nanos]
}

/** A literal of the analyzer as a `Value`; undefined where the expression is no constant. */
export function constantValue(expression: Message, type: SqlType): Value | undefined {
  if (expression['node'] === 'ResolvedLiteral') return valueOfProto(type, expression['value']?.value ?? {})
  if (expression['node'] === 'ResolvedFunctionCall' && /:\$make_array$/i.test(String(expression['function']?.name)) && type.kind === 'ARRAY') {
    const items = ((expression['argument_list'] ?? []) as Message[]).map((item) => constantValue(item, type.element))
    return items.includes(undefined) ? undefined : (items as Value[])
  }
  if (expression['node'] === 'ResolvedMakeStruct' && type.kind === 'STRUCT') {
    const items = ((expression['field_list'] ?? []) as Message[]).map((item, i) => constantValue(item, type.fields[i]!.type))
    return items.includes(undefined) ? undefined : (items as Value[])
  }
  return undefined
}

function valueOfProto(type: SqlType, value: Message): Value | undefined {
  if (type.kind === 'ARRAY') {
    if (!value['array_value']) return null
    const items = ((value['array_value'].element ?? []) as Message[]).map((item) => valueOfProto(type.element, item))
    return items.includes(undefined) ? undefined : (items as Value[])
  }
  if (type.kind === 'STRUCT') {
    if (!value['struct_value']) return null
    const items = type.fields.map((field, i) => valueOfProto(field.type, (value['struct_value'].field ?? [])[i] ?? {}))
    return items.includes(undefined) ? undefined : (items as Value[])
  }
  if (Object.keys(value).filter((key) => key !== 'node').length === 0) return null
  switch (type.kind) {
    case 'STRING':
      return value['string_value']
    case 'BOOL':
      return String(value['bool_value'])
    case 'INT64':
      return String(value['int64_value'])
    case 'FLOAT64':
      return String(value['double_value'])
    case 'JSON':
      return value['json_value']
    case 'NUMERIC':
      return decimalText(littleEndian(value['numeric_value']), NUMERIC_SCALE)
    case 'BYTES':
      return (value['bytes_value'] as Buffer).toString('base64')
    case 'DATE':
      return dateText(Number(value['date_value']))
    case 'TIMESTAMP': {
      const [seconds, nanos] = timestampProto(value['timestamp_value'])
      const text = new Date(Number(seconds) * 1000).toISOString()
      return `${text.slice(0, 10)} ${text.slice(11, 19)}${nanos ? `.${String(nanos / 1000n).padStart(6, '0')}` : ''}+00`
    }
    default:
      return undefined
  }
}
