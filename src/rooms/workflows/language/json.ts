/**
 * JSON text to values and back. `1` is an integer and `1.0` a double in both directions, and integers keep all 64 bits.
 * Not the machine's own state, which also holds bytes (machine/state-json.ts).
 */
import { VALUE_DEPTH_MAX } from '../limits.ts'
import { Bytes, Double, Int64, double, integer, isList, newMap, numberText, type Value } from './values.ts'

/** Thrown by `parseJson` and friends; callers turn it into the error of their own layer. */
export class NotJson extends Error {}

/** Numbers that JSON.parse would flatten: with a fraction or exponent, or of sixteen digits and more. */
const NEEDS_SOURCE = /\d[.eE]|\d{16}/

export function parseJson(text: string): Value {
  let parsed: unknown
  try {
    parsed = NEEDS_SOURCE.test(text) ? JSON.parse(text, exactNumber) : JSON.parse(text)
  } catch (cause) {
    throw new NotJson(cause instanceof Error ? cause.message : 'not JSON', { cause })
  }
  return fromPlain(parsed)
}

function exactNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value
  if (/[.eE]/.test(context.source)) return double(value)
  if (Number.isSafeInteger(value)) return value
  return integer(BigInt(context.source)) ?? new Double(value)
}

/** Plain parsed JSON as a value: maps lose their prototype, and nesting is bounded. */
export function fromPlain(plain: unknown, depth = 0): Value {
  if (depth > VALUE_DEPTH_MAX) throw new NotJson(`nested deeper than ${VALUE_DEPTH_MAX} levels`)
  if (plain === null || plain === undefined) return null
  if (typeof plain === 'string' || typeof plain === 'boolean') return plain
  if (typeof plain === 'number') return Number.isInteger(plain) && !Number.isSafeInteger(plain) ? new Double(plain) : plain
  if (plain instanceof Double || plain instanceof Int64 || plain instanceof Bytes) return plain
  if (plain instanceof Uint8Array) return new Bytes(plain)
  if (Array.isArray(plain)) return plain.map((item) => fromPlain(item, depth + 1))
  const map = newMap()
  for (const [key, item] of Object.entries(plain as object)) map[key] = fromPlain(item, depth + 1)
  return map
}

/** A value as plain data for JSON.stringify; bytes become base64 text. */
export function toPlain(value: Value): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Double || value instanceof Int64) return JSON_RAW.rawJSON(numberText(value))
  if (value instanceof Bytes) return Buffer.from(value.bytes).toString('base64')
  if (isList(value)) return value.map(toPlain)
  const plain = newMap() as Record<string, unknown>
  for (const key in value) plain[key] = toPlain(value[key]!)
  return plain
}

/** JSON.rawJSON stands in Node 24; the library types do not name it yet. */
export const JSON_RAW = JSON as unknown as { rawJSON(text: string): object }

export function writeJson(value: Value, indent?: string): string {
  return JSON.stringify(toPlain(value), null, indent)
}
