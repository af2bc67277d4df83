/** Protocol buffer schemas that users define: parsed, and messages checked against them in binary and JSON. */
import protobuf from 'protobufjs'
import { invalid } from '../faults.ts'
import { isObject } from '../json.ts'
import { VALUE_DEPTH_MAX } from '../limits.ts'
import { badMessage } from './avro.ts'
import type { MessageCheck } from './avro.ts'

/** Throws a Fault that says what is wrong with the definition. The first message of it is what is published. */
export function parseProtobuf(definition: string): MessageCheck {
  const type = messageOf(definition)
  return {
    json(bytes) {
      let value: unknown
      try {
        value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
      } catch {
        throw badMessage('it is not JSON')
      }
      checkJson(type, value, '', 0)
    },
    binary(bytes) {
      try {
        // The plain reader: the one for Buffers takes a text that ends too early for a shorter one.
        type.decode(new protobuf.Reader(bytes))
      } catch (cause) {
        throw badMessage(`it is not a ${type.name}: ${(cause as Error).message}`)
      }
    },
  }
}

function messageOf(definition: string): protobuf.Type {
  let parsed
  try {
    parsed = protobuf.parse(definition, { keepCase: true })
    if ((parsed.imports ?? []).length > 0) throw new Error('imports are not allowed')
    parsed.root.resolveAll()
  } catch (cause) {
    throw invalid(`Invalid schema definition: ${(cause as Error).message}.`)
  }
  const types = typesIn(parsed.root)
  if (types.length !== 1) throw invalid(`Invalid schema definition: exactly one top-level message is wanted, and there are ${types.length}.`)
  return types[0]!
}

function typesIn(space: protobuf.NamespaceBase): protobuf.Type[] {
  return space.nestedArray.flatMap((nested) => {
    if (nested instanceof protobuf.Type) return [nested]
    return nested instanceof protobuf.Namespace ? typesIn(nested) : []
  })
}

const WHOLE = /^-?\d+$/
const KINDS: Record<string, (value: unknown) => boolean> = {
  double: isNumber,
  float: isNumber,
  int32: (value) => inRange(value, -(2n ** 31n), 2n ** 31n - 1n),
  sint32: (value) => inRange(value, -(2n ** 31n), 2n ** 31n - 1n),
  sfixed32: (value) => inRange(value, -(2n ** 31n), 2n ** 31n - 1n),
  uint32: (value) => inRange(value, 0n, 2n ** 32n - 1n),
  fixed32: (value) => inRange(value, 0n, 2n ** 32n - 1n),
  int64: (value) => inRange(value, -(2n ** 63n), 2n ** 63n - 1n),
  sint64: (value) => inRange(value, -(2n ** 63n), 2n ** 63n - 1n),
  sfixed64: (value) => inRange(value, -(2n ** 63n), 2n ** 63n - 1n),
  uint64: (value) => inRange(value, 0n, 2n ** 64n - 1n),
  fixed64: (value) => inRange(value, 0n, 2n ** 64n - 1n),
  bool: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string',
  bytes: (value) => typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value),
}

function isNumber(value: unknown): boolean {
  if (typeof value === 'number') return true
  return typeof value === 'string' && (['NaN', 'Infinity', '-Infinity'].includes(value) || (value.trim() !== '' && !Number.isNaN(Number(value))))
}

function inRange(value: unknown, min: bigint, max: bigint): boolean {
  if (typeof value === 'number' ? !Number.isInteger(value) : typeof value !== 'string' || !WHOLE.test(value)) return false
  const whole = BigInt(value as number | string)
  return whole >= min && whole <= max
}

function checkJson(type: protobuf.Type, value: unknown, path: string, depth: number): void {
  if (depth > VALUE_DEPTH_MAX) throw badMessage(`it is nested deeper than ${VALUE_DEPTH_MAX} levels`)
  if (!isObject(value)) throw badMessage(`${path === '' ? 'the value' : path} is not an object`)
  for (const [key, item] of Object.entries(value)) {
    const field = type.fieldsArray.find((known) => known.name === key || camel(known.name) === key)
    if (!field) throw badMessage(`${JSON.stringify(key.slice(0, 100))} is not a field of ${type.name}`)
    if (item === null) continue
    checkField(field, item, path === '' ? key : `${path}.${key}`, depth)
  }
  const missing = type.fieldsArray.find((field) => field.required && !Object.hasOwn(value, field.name) && !Object.hasOwn(value, camel(field.name)))
  if (missing) throw badMessage(`the field ${missing.name} is missing`)
}

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

function checkField(field: protobuf.Field, value: unknown, path: string, depth: number): void {
  if (field instanceof protobuf.MapField) {
    if (!isObject(value)) throw badMessage(`${path} is not an object`)
    for (const [key, item] of Object.entries(value)) checkOne(field, item, `${path}.${key}`, depth)
  } else if (field.repeated) {
    if (!Array.isArray(value)) throw badMessage(`${path} is not a list`)
    value.forEach((item, index) => checkOne(field, item, `${path}[${index}]`, depth))
  } else checkOne(field, value, path, depth)
}

function checkOne(field: protobuf.Field, value: unknown, path: string, depth: number): void {
  const { resolvedType } = field
  if (resolvedType instanceof protobuf.Type) return checkJson(resolvedType, value, path, depth + 1)
  if (resolvedType instanceof protobuf.Enum) {
    const known = typeof value === 'number' ? Number.isInteger(value) : typeof value === 'string' && Object.hasOwn(resolvedType.values, value)
    if (!known) throw badMessage(`${path} is no value of ${resolvedType.name}`)
    return
  }
  if (!KINDS[field.type]?.(value)) throw badMessage(`${path} is not of type ${field.type}`)
}
