/** A machine's state as text and back. Doubles, 64-bit integers and bytes come back as what they were. */
import { JSON_RAW } from '../language/json.ts'
import { Bytes, Double, double, Int64, integer, newMap, numberText, type Value } from '../language/values.ts'
import type { MachineState } from './state.ts'

const BYTES = '$bytes'
/** Around a user's own map that happens to have one of these keys. */
const ESCAPED = '$map'

export function writeState(state: MachineState): string {
  return JSON.stringify(state, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value
    if (value instanceof Double || value instanceof Int64) return JSON_RAW.rawJSON(numberText(value))
    if (value instanceof Bytes) return { [BYTES]: Buffer.from(value.bytes).toString('base64') }
    if (BYTES in value || ESCAPED in value) return { [ESCAPED]: Object.entries(value) }
    return value
  })
}

export function readState(text: string): MachineState {
  const parsed: unknown = JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    if (typeof value !== 'number' || context?.source === undefined) return value
    if (/[.eE]/.test(context.source)) return double(value)
    return Number.isSafeInteger(value) ? value : (integer(BigInt(context.source)) ?? new Double(value))
  })
  return restored(parsed) as unknown as MachineState
}

function restored(plain: unknown): Value {
  if (typeof plain !== 'object' || plain === null || plain instanceof Double || plain instanceof Int64) return plain as Value
  if (Array.isArray(plain)) return plain.map(restored)
  const entries = plain as Record<string, unknown>
  if (Object.hasOwn(entries, BYTES)) return new Bytes(new Uint8Array(Buffer.from(entries[BYTES] as string, 'base64')))
  const pairs = Object.hasOwn(entries, ESCAPED) ? (entries[ESCAPED] as [string, unknown][]) : Object.entries(entries)
  const map = newMap()
  for (const [key, value] of pairs) map[key] = restored(value)
  return map
}
