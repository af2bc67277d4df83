/**
 * The values of the language. A value is never changed in place: writing to `m.a` makes a new `m`, so that the copies
 * the language promises (`b: ${a}`) cost nothing. Not here: operators (expressions/operators.ts) and JSON text (json.ts).
 *
 * An integer is a JS number where it is exact and an `Int64` beyond; a double is a JS number when it has a fraction and
 * a `Double` when it has none, because `7 / 7` must stay a double.
 */

export class Double {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

export class Int64 {
  readonly value: bigint
  constructor(value: bigint) {
    this.value = value
  }
}

export class Bytes {
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

export type Value = null | boolean | number | string | Double | Int64 | Bytes | List | ValueMap
export type List = readonly Value[]
/** Always without a prototype, so that `__proto__` is a key like any other. */
export interface ValueMap {
  readonly [key: string]: Value
}
export type NewMap = Record<string, Value>

export const newMap = (): NewMap => Object.create(null) as NewMap

export function mapOf(entries: Readonly<Record<string, Value>>): ValueMap {
  return Object.assign(newMap(), entries)
}

export function isMap(value: Value): value is ValueMap {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null
}

export const isList = (value: Value): value is List => Array.isArray(value)

export const isInteger = (value: Value): value is number | Int64 =>
  typeof value === 'number' ? Number.isInteger(value) : value instanceof Int64

export const isNumber = (value: Value): value is number | Double | Int64 =>
  typeof value === 'number' || value instanceof Double || value instanceof Int64

export function toNumber(value: number | Double | Int64): number {
  if (typeof value === 'number') return value
  return value instanceof Double ? value.value : Number(value.value)
}

/** A JS number as the language's double. */
export const double = (value: number): number | Double => (Number.isInteger(value) ? new Double(value) : value)

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** A bigint as the language's integer, or undefined when 64 bits do not hold it. */
export function integer(value: bigint): number | Int64 | undefined {
  if (value < INT64_MIN || value > INT64_MAX) return undefined
  const near = Number(value)
  return Number.isSafeInteger(near) ? near : new Int64(value)
}

export const toBigint = (value: number | Int64): bigint => (typeof value === 'number' ? BigInt(value) : value.value)

export type TypeName = 'boolean' | 'bytes' | 'double' | 'integer' | 'list' | 'map' | 'null' | 'string'

export function typeName(value: Value): TypeName {
  if (value === null) return 'null'
  if (typeof value === 'boolean') return 'boolean'
  if (typeof value === 'string') return 'string'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'double'
  if (value instanceof Double) return 'double'
  if (value instanceof Int64) return 'integer'
  if (value instanceof Bytes) return 'bytes'
  return Array.isArray(value) ? 'list' : 'map'
}

/** The word for a type inside error messages; the service speaks Python's words there. */
const MESSAGE_WORD: Readonly<Record<TypeName, string>> = {
  boolean: 'bool',
  bytes: 'bytes',
  double: 'float',
  integer: 'int',
  list: 'list',
  map: 'dict',
  null: 'NoneType',
  string: 'string',
}

export const typeWord = (value: Value): string => MESSAGE_WORD[typeName(value)]

export function equals(a: Value, b: Value): boolean {
  if (a === b) return true
  if (isNumber(a) && isNumber(b)) {
    if (isInteger(a) && isInteger(b)) return toBigint(a) === toBigint(b)
    return toNumber(a) === toNumber(b)
  }
  if (a instanceof Bytes && b instanceof Bytes) return Buffer.compare(a.bytes, b.bytes) === 0
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, i) => equals(item, b[i]!))
  if (isMap(a) && isMap(b)) {
    const keys = Object.keys(a)
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && equals(a[key]!, b[key]!))
  }
  return false
}

/** A number as text, as `string()` and `+` write it. */
export function numberText(value: number | Double | Int64): string {
  if (value instanceof Int64) return value.value.toString()
  if (typeof value === 'number') return String(value)
  const text = String(value.value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

export interface Measure {
  /** Counted against the memory limit: 8 for a scalar, 8 and the contents for the rest. */
  bytes: number
  /** Levels of lists and maps. */
  depth: number
}

const measures = new WeakMap<object, Measure>()
const SCALAR: Measure = { bytes: 8, depth: 0 }

/** The size of a value. Values never change, so each list and map is measured once in its life. */
export function measure(value: Value): Measure {
  if (typeof value === 'string') return { bytes: 8 + Buffer.byteLength(value), depth: 0 }
  if (typeof value !== 'object' || value === null || value instanceof Double || value instanceof Int64) return SCALAR
  if (value instanceof Bytes) return { bytes: 8 + value.bytes.length, depth: 0 }
  const known = measures.get(value)
  if (known) return known
  let bytes = 8
  let depth = 0
  const count = (item: Value) => {
    const inner = measure(item)
    bytes += inner.bytes
    depth = Math.max(depth, inner.depth)
  }
  if (isList(value)) value.forEach(count)
  else {
    for (const key in value) {
      bytes += 8 + Buffer.byteLength(key)
      count(value[key]!)
    }
  }
  const found = { bytes, depth: depth + 1 }
  measures.set(value, found)
  return found
}
