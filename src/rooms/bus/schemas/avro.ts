/** Avro schemas: parsed, and messages checked against them in both of Avro's encodings. It checks; it makes no values. */
import { invalid } from '../faults.ts'
import { isObject } from '../json.ts'
import { SCHEMA_DEPTH_MAX, VALUE_DEPTH_MAX } from '../limits.ts'

type Primitive = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

type Type =
  | { kind: Primitive }
  | { kind: 'record'; name: string; fields: { name: string; type: Type }[] }
  | { kind: 'enum'; name: string; symbols: string[] }
  | { kind: 'fixed'; name: string; size: number }
  | { kind: 'array'; items: Type }
  | { kind: 'map'; values: Type }
  | { kind: 'union'; branches: Type[] }

export interface MessageCheck {
  json(bytes: Buffer): void
  binary(bytes: Buffer): void
}

const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']
const NAME = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/
const INT_MAX = 2n ** 31n - 1n
const LONG_MAX = 2n ** 63n - 1n

/** Throws a Fault that says what is wrong with the definition. */
export function parseAvro(definition: string): MessageCheck {
  let source: unknown
  try {
    source = JSON.parse(definition)
  } catch (cause) {
    throw badSchema(`it is not JSON: ${(cause as Error).message}`)
  }
  const type = new SchemaReader().read(source, '', 0)
  if (type.kind !== 'record') throw badSchema('a top-level record is wanted')
  return {
    json(bytes) {
      let value: unknown
      try {
        value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
      } catch {
        throw badMessage('it is not JSON')
      }
      checkValue(type, value, '', 0)
    },
    binary(bytes) {
      const reader = new BinaryReader(bytes)
      reader.pass(type, '', 0)
      if (!reader.atEnd) throw badMessage('bytes are left over behind the value')
    },
  }
}

const badSchema = (why: string) => invalid(`Invalid schema definition: ${why}.`)
export const badMessage = (why: string) => invalid(`Invalid data in message: Message failed schema validation: ${why}.`)

class SchemaReader {
  private readonly named = new Map<string, Type>()

  read(source: unknown, space: string, depth: number): Type {
    if (depth > SCHEMA_DEPTH_MAX) throw badSchema(`it is nested deeper than ${SCHEMA_DEPTH_MAX} levels`)
    if (typeof source === 'string') return this.reference(source, space)
    if (Array.isArray(source)) return this.union(source, space, depth)
    if (!isObject(source)) throw badSchema('a type is a text, a list or an object')
    const kind = source['type']
    if (typeof kind !== 'string') return this.read(kind, space, depth + 1)
    switch (kind) {
      case 'record':
      case 'error':
        return this.record(source, space, depth)
      case 'enum':
        return this.enumeration(source, space)
      case 'fixed':
        return this.fixed(source, space)
      case 'array':
        return { kind: 'array', items: this.read(source['items'], space, depth + 1) }
      case 'map':
        return { kind: 'map', values: this.read(source['values'], space, depth + 1) }
      default:
        return this.reference(kind, space)
    }
  }

  private reference(name: string, space: string): Type {
    if (PRIMITIVES.includes(name)) return { kind: name as Primitive }
    const found = this.named.get(qualified(name, space)) ?? this.named.get(name)
    if (!found) throw badSchema(`the type ${JSON.stringify(name.slice(0, 100))} is not known`)
    return found
  }

  private union(branches: unknown[], space: string, depth: number): Type {
    const types = branches.map((branch) => this.read(branch, space, depth + 1))
    if (types.length === 0) throw badSchema('a union has at least one branch')
    if (types.some(({ kind }) => kind === 'union')) throw badSchema('a union is no branch of a union')
    const names = types.map(branchName)
    if (new Set(names).size < names.length) throw badSchema('the branches of a union differ in type')
    return { kind: 'union', branches: types }
  }

  private record(source: Record<string, unknown>, space: string, depth: number): Type {
    const name = this.nameOf(source, space)
    const fields = source['fields']
    if (!Array.isArray(fields)) throw badSchema(`the record ${name} has no list of fields`)
    const type: Type = { kind: 'record', name, fields: [] }
    this.named.set(name, type)
    for (const field of fields) {
      if (!isObject(field) || typeof field['name'] !== 'string' || !NAME.test(field['name'])) throw badSchema(`a field of ${name} has no valid name`)
      const fieldName = field['name']
      if (type.fields.some((known) => known.name === fieldName)) throw badSchema(`the record ${name} has the field ${fieldName} twice`)
      type.fields.push({ name: fieldName, type: this.read(field['type'], name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '', depth + 1) })
    }
    return type
  }

  private enumeration(source: Record<string, unknown>, space: string): Type {
    const name = this.nameOf(source, space)
    const symbols = source['symbols']
    if (!Array.isArray(symbols) || symbols.length === 0 || symbols.some((symbol) => typeof symbol !== 'string' || !NAME.test(symbol)) || new Set(symbols).size < symbols.length) {
      throw badSchema(`the symbols of the enum ${name} are different names`)
    }
    const type: Type = { kind: 'enum', name, symbols: symbols as string[] }
    this.named.set(name, type)
    return type
  }

  private fixed(source: Record<string, unknown>, space: string): Type {
    const name = this.nameOf(source, space)
    const size = source['size']
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw badSchema(`the fixed ${name} has no size`)
    const type: Type = { kind: 'fixed', name, size }
    this.named.set(name, type)
    return type
  }

  private nameOf(source: Record<string, unknown>, space: string): string {
    const own = source['name']
    const given = source['namespace']
    if (typeof own !== 'string' || !NAME.test(own)) throw badSchema(`${JSON.stringify(own)?.slice(0, 100)} is not a name`)
    const name = qualified(own, typeof given === 'string' ? given : space)
    if (this.named.has(name)) throw badSchema(`the name ${name} is defined twice`)
    return name
  }
}

const qualified = (name: string, space: string): string => (name.includes('.') || space === '' ? name : `${space}.${name}`)

const branchName = (type: Type): string => ('name' in type ? type.name : type.kind)

function checkValue(type: Type, value: unknown, path: string, depth: number): void {
  if (depth > VALUE_DEPTH_MAX) throw badMessage(`it is nested deeper than ${VALUE_DEPTH_MAX} levels`)
  const wrong = () => badMessage(`${path === '' ? 'the value' : path} is not of type ${branchName(type)}`)
  switch (type.kind) {
    case 'null':
      if (value !== null) throw wrong()
      return
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong()
      return
    case 'int':
    case 'long': {
      if (typeof value !== 'number' || !Number.isInteger(value)) throw wrong()
      const max = type.kind === 'int' ? INT_MAX : LONG_MAX
      if (BigInt(value) > max || BigInt(value) < -max - 1n) throw wrong()
      return
    }
    case 'float':
    case 'double':
      if (typeof value !== 'number') throw wrong()
      return
    case 'bytes':
    case 'fixed':
      if (typeof value !== 'string' || /[^\u0000-\u00ff]/.test(value)) throw wrong()
      if (type.kind === 'fixed' && value.length !== type.size) throw wrong()
      return
    case 'string':
      if (typeof value !== 'string') throw wrong()
      return
    case 'enum':
      if (typeof value !== 'string' || !type.symbols.includes(value)) throw wrong()
      return
    case 'array':
      if (!Array.isArray(value)) throw wrong()
      value.forEach((item, index) => checkValue(type.items, item, `${path}[${index}]`, depth + 1))
      return
    case 'map':
      if (!isObject(value)) throw wrong()
      for (const [key, item] of Object.entries(value)) checkValue(type.values, item, `${path}.${key}`, depth + 1)
      return
    case 'record': {
      if (!isObject(value)) throw wrong()
      for (const field of type.fields) {
        if (!Object.hasOwn(value, field.name)) throw badMessage(`the field ${path}${path === '' ? '' : '.'}${field.name} is missing`)
        checkValue(field.type, value[field.name], path === '' ? field.name : `${path}.${field.name}`, depth + 1)
      }
      const extra = Object.keys(value).find((key) => !type.fields.some(({ name }) => name === key))
      if (extra !== undefined) throw badMessage(`${JSON.stringify(extra.slice(0, 100))} is not a field`)
      return
    }
    case 'union':
      return checkUnion(type.branches, value, path, depth)
  }
}

/** A value of a union is null, or an object whose one key names the branch. */
function checkUnion(branches: Type[], value: unknown, path: string, depth: number): void {
  if (value === null) {
    if (branches.some(({ kind }) => kind === 'null')) return
    throw badMessage(`${path} is null, which its union does not have`)
  }
  const [key, ...others] = isObject(value) ? Object.keys(value) : []
  const branch = key !== undefined && others.length === 0 ? branches.find((candidate) => branchName(candidate) === key) : undefined
  if (!branch) throw badMessage(`${path} is a union: an object with one of the keys ${branches.map(branchName).join(', ')} is wanted`)
  checkValue(branch, (value as Record<string, unknown>)[key!], path, depth + 1)
}

class BinaryReader {
  private readonly bytes: Buffer
  private at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length
  }

  pass(type: Type, path: string, depth: number): void {
    if (depth > VALUE_DEPTH_MAX) throw badMessage(`it is nested deeper than ${VALUE_DEPTH_MAX} levels`)
    switch (type.kind) {
      case 'null':
        return
      case 'boolean':
        if (this.take(1)[0]! > 1) throw badMessage(`${path} is not a boolean`)
        return
      case 'int':
      case 'long': {
        const value = this.long()
        if (type.kind === 'int' && (value > INT_MAX || value < -INT_MAX - 1n)) throw badMessage(`${path} is larger than an int`)
        return
      }
      case 'float':
        return void this.take(4)
      case 'double':
        return void this.take(8)
      case 'bytes':
        return void this.take(this.length(path))
      case 'string': {
        const bytes = this.take(this.length(path))
        try {
          new TextDecoder('utf-8', { fatal: true }).decode(bytes)
        } catch {
          throw badMessage(`${path} is not UTF-8`)
        }
        return
      }
      case 'fixed':
        return void this.take(type.size)
      case 'enum': {
        const index = this.long()
        if (index < 0n || index >= BigInt(type.symbols.length)) throw badMessage(`${path} is no symbol of ${type.name}`)
        return
      }
      case 'union': {
        const index = this.long()
        const branch = index >= 0n && index < BigInt(type.branches.length) ? type.branches[Number(index)] : undefined
        if (!branch) throw badMessage(`${path} is no branch of its union`)
        return this.pass(branch, path, depth + 1)
      }
      case 'record':
        for (const field of type.fields) this.pass(field.type, path === '' ? field.name : `${path}.${field.name}`, depth + 1)
        return
      case 'array':
        return this.blocks(path, () => this.pass(type.items, path, depth + 1))
      case 'map':
        return this.blocks(path, () => {
          this.take(this.length(path))
          this.pass(type.values, path, depth + 1)
        })
    }
  }

  private blocks(path: string, item: () => void): void {
    for (;;) {
      let count = this.long()
      if (count === 0n) return
      if (count < 0n) {
        this.long()
        count = -count
      }
      // An item of nothing takes no bytes; a count of more than there could be bytes is no message of ours.
      if (count > BigInt(this.bytes.length) + 1n) throw badMessage(`${path} announces more items than the message could hold`)
      for (let left = count; left > 0n; left--) item()
    }
  }

  private length(path: string): number {
    const value = this.long()
    if (value < 0n || value > BigInt(this.bytes.length - this.at)) throw badMessage(`${path} is longer than the message`)
    return Number(value)
  }

  private long(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.take(1)[0]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n)
    }
    throw badMessage('a number has more than ten bytes')
  }

  private take(count: number): Buffer {
    const end = this.at + count
    if (end > this.bytes.length) throw badMessage('it ends too early')
    const view = this.bytes.subarray(this.at, end)
    this.at = end
    return view
  }
}
