/** Arguments of library functions as the type they must have, or the documented TypeError. */
import { raised } from '../language/raised.ts'
import { Bytes, Double, Int64, isInteger, isList, isMap, isNumber, toNumber, typeWord, type List, type Value, type ValueMap } from '../language/values.ts'

function wrong(where: string, value: Value, expected: string) {
  return raised('TypeError', `${where}: unexpected type '${typeWord(value)}' (expecting ${expected})`)
}

export function text(value: Value | undefined, where: string): string {
  if (typeof value !== 'string') throw wrong(where, value ?? null, 'string')
  return value
}

export function bytes(value: Value | undefined, where: string): Uint8Array {
  if (value instanceof Bytes) return value.bytes
  throw wrong(where, value ?? null, 'bytes')
}

/** Where the documentation says bytes and public code passes text as well. */
export function bytesOrText(value: Value | undefined, where: string): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : bytes(value, where)
}

export function number(value: Value | undefined, where: string): number | Double | Int64 {
  if (value === undefined || !isNumber(value)) throw wrong(where, value ?? null, 'number')
  return value
}

export const real = (value: Value | undefined, where: string): number => toNumber(number(value, where))

export function whole(value: Value | undefined, where: string): number {
  if (value === undefined || !isInteger(value)) throw wrong(where, value ?? null, 'integer')
  return toNumber(value)
}

export function boolean(value: Value | undefined, where: string): boolean {
  if (typeof value !== 'boolean') throw wrong(where, value ?? null, 'boolean')
  return value
}

export function list(value: Value | undefined, where: string): List {
  if (value === undefined || !isList(value)) throw wrong(where, value ?? null, 'list')
  return value
}

export function map(value: Value | undefined, where: string): ValueMap {
  if (value === undefined || !isMap(value)) throw wrong(where, value ?? null, 'map')
  return value
}
