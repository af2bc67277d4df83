/**
 * JSON values as streamed rows carry them, checked against a table's schema and made DuckDB's own. What does not fit is a
 * mistake with the field's place and BigQuery's sentence; nothing is guessed.
 */
import {
  DuckDBBlobValue, DuckDBDateValue, DuckDBDecimalValue, DuckDBIntervalValue, DuckDBListValue, DuckDBStructValue, DuckDBTimeValue, DuckDBTimestampTZValue,
  DuckDBTimestampValue, type DuckDBValue,
} from '@duckdb/node-api'
import { daysOf, parseTimestamp } from '../sql/engine/functions/times.ts'
import { BIGNUMERIC_SCALE, intervalParts, NUMERIC_SCALE, scaledInteger } from '../sql/literal.ts'
import type { Field } from '../sql/types.ts'

export interface CellError {
  reason: string
  location: string
  message: string
}

/** Thrown inside, caught where the row is known. */
export class BadCell extends Error {
  readonly location: string
  constructor(location: string, message: string) {
    super(message)
    this.location = location
  }
}

export interface RowReader {
  /** The row's values in the order of the fields. Unknown keys are mistakes unless they are to be ignored. */
  read(row: unknown, ignoreUnknown: boolean): DuckDBValue[]
}

type Convert = (value: unknown, path: string) => DuckDBValue

const NUMERIC_MAX = 10n ** 38n

export function rowReader(fields: readonly Field[], defaults: Readonly<Record<string, DuckDBValue>> = {}): RowReader {
  const record = recordReader(fields, defaults)
  return { read: (row, ignoreUnknown) => record(row, '', ignoreUnknown) }
}

function recordReader(fields: readonly Field[], defaults: Readonly<Record<string, DuckDBValue>> = {}) {
  const byName = new Map(fields.map((field, index) => [field.name.toLowerCase(), index]))
  const converts = fields.map(converterOf)
  return (row: unknown, path: string, ignoreUnknown: boolean): DuckDBValue[] => {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) throw new BadCell(path, path === '' ? 'A row has to be a JSON object.' : `This field: ${path} is not a record.`)
    const values: DuckDBValue[] = new Array(fields.length).fill(undefined)
    for (const [key, value] of Object.entries(row)) {
      const index = byName.get(key.toLowerCase())
      const where = path === '' ? key : `${path}.${key}`
      if (index === undefined) {
        if (ignoreUnknown) continue
        throw new BadCell(where, `no such field: ${where}.`)
      }
      values[index] = converts[index]!(value, where, ignoreUnknown)
    }
    for (const [index, field] of fields.entries()) {
      if (values[index] !== undefined) continue
      if (path === '' && Object.hasOwn(defaults, field.name)) values[index] = defaults[field.name]!
      else if (field.mode === 'REQUIRED') throw new BadCell(path === '' ? field.name : `${path}.${field.name}`, `Missing required field: ${path === '' ? field.name : `${path}.${field.name}`}.`)
      else values[index] = field.mode === 'REPEATED' ? new DuckDBListValue([]) : null
    }
    return values
  }
}

function converterOf(field: Field): (value: unknown, path: string, ignoreUnknown: boolean) => DuckDBValue {
  const one = oneOf(field)
  if (field.mode === 'REPEATED') {
    return (value, path, ignoreUnknown) => {
      if (value === null) return new DuckDBListValue([])
      // A single value is taken for a list of one, as BigQuery does.
      const items = Array.isArray(value) ? value : [value]
      return new DuckDBListValue(
        items.map((item, index) => {
          if (item === null) throw new BadCell(`${path}[${index}]`, 'Only optional fields can be set to NULL. Array elements cannot be NULL.')
          return one(item, `${path}[${index}]`, ignoreUnknown)
        }),
      )
    }
  }
  return (value, path, ignoreUnknown) => {
    if (value === null) {
      if (field.mode === 'REQUIRED') throw new BadCell(path, `Missing required field: ${path}.`)
      return null
    }
    if (Array.isArray(value) && field.type !== 'JSON') throw new BadCell(path, 'Array specified for non-repeated field.')
    return one(value, path, ignoreUnknown)
  }
}

function oneOf(field: Field): (value: unknown, path: string, ignoreUnknown: boolean) => DuckDBValue {
  if (field.type === 'RECORD') {
    const read = recordReader(field.fields ?? [])
    return (value, path, ignoreUnknown) => new DuckDBStructValue(Object.fromEntries(read(value, path, ignoreUnknown).map((item, index) => [`_${index + 1}`, item])))
  }
  if (field.type === 'RANGE') {
    const end = SCALARS[field.rangeElementType?.type ?? 'DATE']!
    return (value, path) => rangeOf(value, path, end)
  }
  const convert = SCALARS[field.type]
  if (!convert) throw new BadCell(field.name, `Fields of type ${field.type} cannot be written.`)
  const limit = Number(field.maxLength ?? Infinity)
  const decimal = field.precision === undefined ? undefined : { precision: Number(field.precision), scale: Number(field.scale ?? 0) }
  return (value, path) => {
    const converted = convert(value, path)
    if (typeof converted === 'string' && converted.length > limit && [...converted].length > limit) throw new BadCell(path, `Value has length ${[...converted].length} which exceeds the maximum of ${limit} for field ${path}.`)
    if (converted instanceof DuckDBBlobValue && converted.bytes.length > limit) throw new BadCell(path, `Value has length ${converted.bytes.length} which exceeds the maximum of ${limit} for field ${path}.`)
    if (decimal && converted instanceof DuckDBDecimalValue) refuseWide(converted.value, NUMERIC_SCALE, decimal, path)
    if (decimal && typeof converted === 'bigint' && field.type === 'BIGNUMERIC') refuseWide(converted, BIGNUMERIC_SCALE, decimal, path)
    return converted
  }
}

function refuseWide(scaled: bigint, scale: number, decimal: { precision: number; scale: number }, path: string): void {
  const whole = (scaled < 0n ? -scaled : scaled) / 10n ** BigInt(scale)
  const fits = whole < 10n ** BigInt(decimal.precision - decimal.scale) && scaled % 10n ** BigInt(scale - decimal.scale) === 0n
  if (!fits) throw new BadCell(path, `The value of field ${path} does not fit into (${decimal.precision}, ${decimal.scale}).`)
}

const SCALARS: Record<string, Convert> = {
  STRING(value, path) {
    if (typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    throw bad('string', value, path)
  },
  INTEGER(value, path) {
    if (typeof value === 'number' && Number.isInteger(value)) return inRange(BigInt(value), value, path)
    if (typeof value === 'boolean') return value ? 1n : 0n
    if (typeof value === 'bigint') return inRange(value, value, path)
    if (typeof value === 'string' && /^\s*[+-]?\d{1,25}(?:\.0*)?\s*$/.test(value)) return inRange(BigInt(value.trim().replace(/^\+/, '').replace(/\..*$/, '')), value, path)
    throw bad('integer', value, path)
  },
  FLOAT(value, path) {
    if (typeof value === 'number') return value
    if (typeof value !== 'string') throw bad('double', value, path)
    const text = value.trim()
    if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text)
    if (/^nan$/i.test(text)) return NaN
    const infinite = /^([+-]?)inf(?:inity)?$/i.exec(text)
    if (infinite) return infinite[1] === '-' ? -Infinity : Infinity
    throw bad('double', value, path)
  },
  BOOLEAN(value, path) {
    if (typeof value === 'boolean') return value
    if (typeof value === 'string' && /^(?:true|t|yes|y|1)$/i.test(value)) return true
    if (typeof value === 'string' && /^(?:false|f|no|n|0)$/i.test(value)) return false
    if (value === 1 || value === 0) return value === 1
    throw bad('boolean', value, path)
  },
  BYTES(value, path) {
    if (value instanceof Uint8Array) return new DuckDBBlobValue(value)
    if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value.replaceAll(/\s/g, ''))) throw bad('bytes (base64)', value, path)
    return new DuckDBBlobValue(Buffer.from(value, 'base64'))
  },
  NUMERIC(value, path) {
    const scaled = decimalOf(value, NUMERIC_SCALE)
    if (scaled === undefined || scaled >= NUMERIC_MAX || scaled <= -NUMERIC_MAX) throw bad('numeric', value, path)
    return new DuckDBDecimalValue(scaled, 38, 9)
  },
  BIGNUMERIC(value, path) {
    const scaled = decimalOf(value, BIGNUMERIC_SCALE)
    if (scaled === undefined) throw bad('bignumeric', value, path)
    return scaled
  },
  DATE(value, path) {
    const days = typeof value === 'string' ? dateOf(value) : undefined
    if (days === undefined) throw bad('date', value, path)
    return new DuckDBDateValue(days)
  },
  TIME(value, path) {
    const micros = typeof value === 'string' ? clockOf(value) : undefined
    if (micros === undefined) throw bad('time', value, path)
    return new DuckDBTimeValue(micros)
  },
  DATETIME(value, path) {
    const micros = typeof value === 'string' ? datetimeOf(value) : undefined
    if (micros === undefined) throw bad('datetime', value, path)
    return new DuckDBTimestampValue(micros)
  },
  TIMESTAMP(value, path) {
    const micros = timestampOf(value)
    if (micros === undefined) throw bad('timestamp', value, path)
    return new DuckDBTimestampTZValue(micros)
  },
  INTERVAL(value, path) {
    const parts = typeof value === 'string' ? intervalParts(value) : undefined
    if (!parts) throw bad('interval', value, path)
    return new DuckDBIntervalValue(...parts)
  },
  JSON(value, path) {
    // A text is taken as JSON where it is; streamed JSON columns carry their document as a text.
    if (typeof value !== 'string') return JSON.stringify(value)
    try {
      return JSON.stringify(JSON.parse(value))
    } catch {
      throw bad('json', value, path)
    }
  },
  GEOGRAPHY(value, path) {
    if (typeof value !== 'string' || !/^\s*(?:(?:MULTI)?(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION|FULLGLOBE|\{)/i.test(value)) throw bad('geography', value, path)
    return value
  },
}

function rangeOf(value: unknown, path: string, end: Convert): DuckDBValue {
  let bounds: [unknown, unknown] | undefined
  const text = typeof value === 'string' ? /^\s*\[\s*([^,]*?)\s*,\s*([^)]*?)\s*\)\s*$/.exec(value) : null
  const open = (bound: string) => (/^(?:unbounded|null|)$/i.test(bound) ? null : bound)
  if (text) bounds = [open(text[1]!), open(text[2]!)]
  else if (typeof value === 'object' && value !== null) bounds = [(value as { start?: unknown }).start ?? null, (value as { end?: unknown }).end ?? null]
  if (!bounds) throw bad('range', value, path)
  const [s, e] = bounds.map((bound) => (bound === null ? null : end(bound, path)))
  return new DuckDBStructValue({ s: s!, e: e! })
}

function decimalOf(value: unknown, scale: number): bigint | undefined {
  if (typeof value === 'bigint') return value * 10n ** BigInt(scale)
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  return scaledInteger(String(value).trim(), scale)
}

function inRange(value: bigint, given: unknown, path: string): bigint {
  if (BigInt.asIntN(64, value) !== value) throw bad('integer', given, path)
  return value
}

export function dateOf(text: string): number | undefined {
  const found = /^\s*(\d{4})-(\d{1,2})-(\d{1,2})\s*$/.exec(text)
  if (!found) return undefined
  const [year, month, day] = found.slice(1).map(Number) as [number, number, number]
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined
  return daysOf(year, month, day)
}

export function clockOf(text: string): bigint | undefined {
  const found = /^\s*(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,6})\d*)?\s*$/.exec(text)
  if (!found) return undefined
  const [hours, minutes, seconds] = found.slice(1, 4).map(Number) as [number, number, number]
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined
  return BigInt((hours * 3600 + minutes * 60 + seconds) * 1_000_000 + Number((found[4] ?? '').padEnd(6, '0')))
}

export function datetimeOf(text: string): bigint | undefined {
  const [date, clock, ...rest] = text.trim().split(/[ tT]/)
  const days = dateOf(date ?? '')
  if (days === undefined || rest.length > 0) return undefined
  const micros = clock === undefined ? 0n : clockOf(clock)
  return micros === undefined ? undefined : BigInt(days) * 86_400_000_000n + micros
}

function timestampOf(value: unknown): bigint | undefined {
  if (typeof value === 'number') return BigInt(Math.round(value * 1e6))
  if (typeof value !== 'string') return undefined
  if (/^\s*-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\s*$/.test(value)) return scaledInteger(value.trim(), 6) ?? BigInt(Math.round(Number(value) * 1e6))
  try {
    return parseTimestamp(value.trim(), 'UTC')
  } catch {
    return undefined
  }
}

function bad(kind: string, value: unknown, path: string): BadCell {
  const shown = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  if (typeof value === 'object' && value !== null) return new BadCell(path, `This field: ${path.replaceAll(/\[\d+\]/g, '')} is not a record.`)
  return new BadCell(path, `Cannot convert value to ${kind} (bad value): ${shown.slice(0, 200)}`)
}
