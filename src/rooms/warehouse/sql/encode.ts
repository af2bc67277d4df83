/**
 * DuckDB values -> BigQuery's JSON cells ({f: [{v}]}), column by column, and the same values as `Value`s for scripts.
 * Runs where the chunks are: in the engine child. Knows only the representations of README.md.
 */
import type { DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api'
import { Fault } from '#ground/fault.ts'
import { intervalText } from './engine/functions/times.ts'
import { doubleText } from './engine/functions/numbers.ts'
import { BIGNUMERIC_SCALE, dateText, decimalText, NUMERIC_SCALE } from './literal.ts'
import type { SqlType, Value } from './types.ts'

export interface EncodeOptions {
  /** `float`: seconds as BigQuery's default; `int64`: microseconds (formatOptions.useInt64Timestamp); `iso`: text. */
  timestamps: 'float' | 'int64' | 'iso'
}

export type Cell = null | string | { v: Cell }[] | { f: { v: Cell }[] }
export interface Row {
  f: { v: Cell }[]
}

/** 0001-01-01 to 9999-12-31, as microseconds. */
const TIMESTAMP_MIN = -62_135_596_800_000_000n
const TIMESTAMP_MAX = 253_402_300_799_999_999n

type Encoder = (value: any) => Cell

/** Rows of a chunk; `names` are for messages only. */
export function encodeChunk(chunk: DuckDBDataChunk, types: readonly SqlType[], options: EncodeOptions, names: readonly string[] = []): Row[] {
  const encoders = types.map((type, i) => encoder(type, options, names[i] ?? `f${i}_`))
  const rows: Row[] = Array.from({ length: chunk.rowCount }, () => ({ f: new Array(types.length) }))
  for (let column = 0; column < types.length; column++) {
    const vector = chunk.getColumnVector(column)
    const encode = encoders[column]!
    const empty = types[column]!.kind === 'ARRAY' ? [] : null
    for (let row = 0; row < rows.length; row++) {
      const value = vector.getItem(row)
      rows[row]!.f[column] = { v: value === null ? empty : encode(value) }
    }
  }
  return rows
}

export const textOfTimestamp = (micros: bigint): string => `${civilText(micros, ' ')}+00`

function civilText(micros: bigint, separator: string): string {
  if (micros < TIMESTAMP_MIN || micros > TIMESTAMP_MAX) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `Timestamp value is out of range: ${micros} microseconds`)
  const days = Math.floor(Number(micros / 1000n) / 86_400_000) 
  const day = micros - BigInt(days) * 86_400_000_000n < 0n ? days - 1 : days
  return `${dateText(day)}${separator}${clockText(micros - BigInt(day) * 86_400_000_000n)}`
}

function clockText(micros: bigint): string {
  const all = Number(micros)
  const two = (value: number) => String(value).padStart(2, '0')
  const fraction = all % 1_000_000
  const shown = fraction ? `.${String(fraction).padStart(6, '0')}` : ''
  return `${two(Math.floor(all / 3_600_000_000))}:${two(Math.floor(all / 60_000_000) % 60)}:${two(Math.floor(all / 1_000_000) % 60)}${shown}`
}

function doubleCell(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  const text = String(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

/** Seconds as a double in scientific form, such as 1.230219E9. */
function secondsCell(micros: bigint): string {
  const text = decimalText(micros, 6)
  const digits = text.replace('-', '').replace('.', '').replace(/^0+/, '')
  if (!digits) return '0.0'
  const whole = text.replace('-', '').split('.')[0]!.replace(/^0+/, '')
  const exponent = whole ? whole.length - 1 : -(text.split('.')[1]!.match(/^0*/)![0].length + 1)
  return `${micros < 0n ? '-' : ''}${digits[0]}.${digits.slice(1).replace(/0+$/, '') || '0'}E${exponent}`
}

/** Text of a scalar: the cells of BigQuery and the `Value`s of scripts agree on all but TIMESTAMP and FLOAT64. */
function encoder(type: SqlType, options: EncodeOptions, name: string): Encoder {
  switch (type.kind) {
    case 'STRING':
    case 'JSON':
    case 'GEOGRAPHY':
      return (value: string) => value
    case 'INT64':
      return (value: bigint) => String(value)
    case 'BOOL':
      return (value: boolean) => (value ? 'true' : 'false')
    case 'FLOAT64':
      return doubleCell
    case 'NUMERIC':
      return (value: { value: bigint }) => decimalText(value.value, NUMERIC_SCALE)
    case 'BIGNUMERIC':
      return (value: bigint) => decimalText(value, BIGNUMERIC_SCALE)
    case 'BYTES':
      return (value: { bytes: Uint8Array }) => Buffer.from(value.bytes.buffer, value.bytes.byteOffset, value.bytes.byteLength).toString('base64')
    case 'DATE':
      return (value: { days: number }) => {
        if (value.days < -719162 || value.days > 2932896) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `Date value is out of range in field ${name}`)
        return dateText(value.days)
      }
    case 'TIME':
      return (value: { micros: bigint }) => clockText(value.micros)
    case 'DATETIME':
      return (value: { micros: bigint }) => civilText(value.micros, 'T')
    case 'TIMESTAMP':
      return (value: { micros: bigint }) => {
        if (value.micros < TIMESTAMP_MIN || value.micros > TIMESTAMP_MAX) return textOfTimestamp(value.micros)
        return options.timestamps === 'int64' ? String(value.micros) : options.timestamps === 'float' ? secondsCell(value.micros) : textOfTimestamp(value.micros)
      }
    case 'INTERVAL':
      return intervalText
    case 'UUID':
      return (value: DuckDBValue) => String(value)
    case 'RANGE': {
      const end = encoder(type.element, { timestamps: options.timestamps === 'float' ? 'int64' : options.timestamps }, name)
      return (value: { entries: { s: unknown; e: unknown } }) => `[${value.entries.s === null ? 'UNBOUNDED' : end(value.entries.s)}, ${value.entries.e === null ? 'UNBOUNDED' : end(value.entries.e)})`
    }
    case 'ARRAY': {
      const element = encoder(type.element, options, name)
      return (value: { items: readonly unknown[] }) =>
        value.items.map((item) => {
          if (item === null) throw new Fault('INVALID_ARGUMENT', 'invalidQuery', `Array cannot have a null element; error in writing field ${name}`)
          return { v: element(item) }
        })
    }
    case 'STRUCT': {
      const fields = type.fields.map((field, i) => encoder(field.type, options, field.name || `${name}._field_${i + 1}`))
      return (value: { entries: Record<string, unknown> }) => ({
        f: fields.map((encode, i) => {
          const item = value.entries[`_${i + 1}`]
          return { v: item === null || item === undefined ? (type.fields[i]!.type.kind === 'ARRAY' ? [] : null) : encode(item) }
        }),
      })
    }
  }
}

/** One DuckDB value as a `Value`. NULL elements are allowed here: script variables may hold them. */
export function valueOf(value: any, type: SqlType): Value {
  if (value === null || value === undefined) return null
  switch (type.kind) {
    case 'ARRAY':
      return (value.items as unknown[]).map((item) => valueOf(item, type.element))
    case 'STRUCT':
      return type.fields.map((field, i) => valueOf(value.entries[`_${i + 1}`], field.type))
    case 'TIMESTAMP':
      return textOfTimestamp(value.micros)
    case 'RANGE':
      return `[${value.entries.s === null ? 'UNBOUNDED' : String(valueOf(value.entries.s, type.element))}, ${value.entries.e === null ? 'UNBOUNDED' : String(valueOf(value.entries.e, type.element))})`
    case 'FLOAT64':
      return doubleText(value)
    default:
      return encoder(type, { timestamps: 'iso' }, '')(value) as string
  }
}

/** Values of a chunk, row by row, for ScriptHost.rows. */
export function valuesOfChunk(chunk: DuckDBDataChunk, types: readonly SqlType[]): Value[][] {
  const columns = types.map((type, column) => {
    const vector = chunk.getColumnVector(column)
    return Array.from({ length: chunk.rowCount }, (_, row) => valueOf(vector.getItem(row), type))
  })
  return Array.from({ length: chunk.rowCount }, (_, row) => columns.map((column) => column[row]!))
}
