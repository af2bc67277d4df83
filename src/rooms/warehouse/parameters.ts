/** Query parameters from the wire: declared types, and values as texts. */
import { invalid } from './faults.ts'
import type { QueryParameters, ScalarKind, SqlType, TypedValue, Value } from './sql/types.ts'

const SCALARS: Record<string, ScalarKind> = {
  BOOL: 'BOOL', BOOLEAN: 'BOOL', INT64: 'INT64', INTEGER: 'INT64', FLOAT64: 'FLOAT64', FLOAT: 'FLOAT64', NUMERIC: 'NUMERIC', DECIMAL: 'NUMERIC', BIGNUMERIC: 'BIGNUMERIC', BIGDECIMAL: 'BIGNUMERIC',
  STRING: 'STRING', BYTES: 'BYTES', DATE: 'DATE', TIME: 'TIME', DATETIME: 'DATETIME', TIMESTAMP: 'TIMESTAMP', INTERVAL: 'INTERVAL', JSON: 'JSON', GEOGRAPHY: 'GEOGRAPHY',
}

interface WireType {
  type?: unknown
  arrayType?: WireType
  structTypes?: { name?: unknown; type?: WireType }[]
  rangeElementType?: WireType
}

interface WireValue {
  value?: unknown
  arrayValues?: WireValue[]
  structValues?: Record<string, WireValue>
  rangeValue?: { start?: WireValue; end?: WireValue }
}

export function readParameters(given: unknown, mode: string | undefined): QueryParameters | undefined {
  if (!Array.isArray(given) || given.length === 0) return undefined
  const values = given.map((parameter, index): { name: unknown; typed: TypedValue } => {
    const type = typeOf((parameter as { parameterType?: WireType }).parameterType, index)
    return { name: (parameter as { name?: unknown }).name, typed: { type, value: valueOf((parameter as { parameterValue?: WireValue }).parameterValue, type, index) } }
  })
  const named = mode === undefined ? values.every(({ name }) => typeof name === 'string' && name !== '') : mode.toUpperCase() === 'NAMED'
  if (!named) return { mode: 'positional', values: values.map(({ typed }) => typed) }
  const byName: Record<string, TypedValue> = {}
  for (const { name, typed } of values) {
    if (typeof name !== 'string' || name === '') throw invalid('A named parameter has no name.', 'queryParameters')
    byName[name] = typed
  }
  return { mode: 'named', values: byName }
}

function typeOf(given: WireType | undefined, index: number): SqlType {
  const type = String(given?.type ?? '').toUpperCase()
  if (type === 'ARRAY') return { kind: 'ARRAY', element: typeOf(given!.arrayType, index) }
  if (type === 'STRUCT') return { kind: 'STRUCT', fields: (given!.structTypes ?? []).map((field) => ({ name: String(field.name ?? ''), type: typeOf(field.type, index) })) }
  if (type === 'RANGE') return { kind: 'RANGE', element: typeOf(given!.rangeElementType, index) }
  const kind = SCALARS[type]
  if (!kind) throw invalid(`Invalid type of query parameter ${index + 1}: ${JSON.stringify(given?.type)?.slice(0, 60) ?? 'none'}`, 'queryParameters')
  return { kind }
}

function valueOf(given: WireValue | undefined, type: SqlType, index: number): Value {
  if (given === undefined || given === null) return null
  if (type.kind === 'ARRAY') {
    if (given.arrayValues === undefined) return given.value === undefined || given.value === null ? [] : bad(index)
    if (!Array.isArray(given.arrayValues)) return bad(index)
    return given.arrayValues.map((item) => valueOf(item, type.element, index))
  }
  if (type.kind === 'STRUCT') {
    if (given.structValues === undefined || given.structValues === null) return null
    return type.fields.map((field) => valueOf(given.structValues![field.name], field.type, index))
  }
  if (type.kind === 'RANGE') {
    if (!given.rangeValue) return text(given.value, index)
    const end = (value: WireValue | undefined) => valueOf(value, type.element, index) ?? 'UNBOUNDED'
    return `[${end(given.rangeValue.start)}, ${end(given.rangeValue.end)})`
  }
  return text(given.value, index)
}

function text(value: unknown, index: number): Value {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return bad(index)
}

function bad(index: number): never {
  throw invalid(`Invalid value of query parameter ${index + 1}.`, 'queryParameters')
}
