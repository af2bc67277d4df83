/**
 * A small reader and writer of protocol buffer messages, driven by a FileDescriptorSet. Made for the analyzer's trees: subclass
 * messages are flattened into one object (`parent` merged, `Any…` unwrapped) that names its node. Not a general library: no maps
 * with messages as keys, no groups, no unknown-field round trip.
 */

export interface Message {
  [field: string]: any
}

interface FieldPlan {
  number: number
  name: string
  repeated: boolean
  packed: boolean
  kind: 'int' | 'zigzag' | 'bool' | 'double' | 'float' | 'fixed32' | 'fixed64' | 'string' | 'bytes' | 'enum' | 'message' | 'uint64'
  typeName: string
  message: MessagePlan | undefined
  enumNames: Map<number, string> | undefined
  enumNumbers: Map<string, number> | undefined
  /** `parent` of a subclass message: its fields go into the same object. */
  inherit: boolean
}

export interface MessagePlan {
  fullName: string
  /** `ResolvedFilterScan` for `zetasql.ResolvedFilterScanProto`. */
  node: string
  byNumber: (FieldPlan | undefined)[]
  sparse: Map<number, FieldPlan>
  byName: Map<string, FieldPlan>
  /** A wrapper with one of many inner messages: stands for what it holds. */
  wrapper: boolean
}

const KINDS: Record<number, FieldPlan['kind']> = {
  1: 'double', 2: 'float', 3: 'int', 4: 'uint64', 5: 'int', 6: 'fixed64', 7: 'fixed32', 8: 'bool', 9: 'string', 11: 'message', 12: 'bytes',
  13: 'int', 14: 'enum', 15: 'fixed32', 16: 'fixed64', 17: 'zigzag', 18: 'zigzag',
}

export class Protos {
  readonly #messages = new Map<string, MessagePlan>()
  readonly #enums = new Map<string, { names: Map<number, string>; numbers: Map<string, number> }>()

  constructor(descriptorSet: Uint8Array) {
    const drafts: { plan: MessagePlan; fields: Message[] }[] = []
    const walk = (prefix: string, messages: Message[], enums: Message[]) => {
      for (const each of enums) {
        const names = new Map<number, string>()
        const numbers = new Map<string, number>()
        for (const value of each['values'] as Message[]) {
          names.set(value['number'] ?? 0, value['name'])
          numbers.set(value['name'], value['number'] ?? 0)
        }
        this.#enums.set(`${prefix}.${each['name']}`, { names, numbers })
      }
      for (const each of messages) {
        const fullName = `${prefix}.${each['name']}`
        const node = String(each['name']).replace(/Proto$/, '')
        const plan: MessagePlan = {
          fullName, node, byNumber: [], sparse: new Map(), byName: new Map(), wrapper: /^Any(Resolved|AST)/.test(node),
        }
        this.#messages.set(fullName, plan)
        drafts.push({ plan, fields: each['fields'] })
        walk(fullName, each['messages'], each['enums'])
      }
    }
    for (const file of readDescriptorSet(descriptorSet)) walk(`.${file['package']}`, file['messages'], file['enums'])
    for (const { plan, fields } of drafts) {
      for (const each of fields) {
        const kind = KINDS[each['type']]
        if (!kind) continue
        const enumeration = kind === 'enum' ? this.#enums.get(each['typeName']) : undefined
        const field: FieldPlan = {
          number: each['number'], name: each['name'], repeated: each['label'] === 3, packed: Boolean(each['packed']), kind, typeName: each['typeName'],
          message: kind === 'message' ? this.#messages.get(each['typeName']) : undefined,
          enumNames: enumeration?.names, enumNumbers: enumeration?.numbers,
          inherit: each['name'] === 'parent' && /^\.zetasql\.(Resolved|AST)/.test(each['typeName']),
        }
        if (field.number < 512) plan.byNumber[field.number] = field
        else plan.sparse.set(field.number, field)
        plan.byName.set(field.name, field)
      }
    }
  }

  type(name: string): MessagePlan {
    const plan = this.#messages.get(`.zetasql.${name}`)
    if (!plan) throw new Error(`no message type ${name}`)
    return plan
  }

  enumValues(name: string): ReadonlyMap<string, number> {
    const found = this.#enums.get(`.zetasql.${name}`)
    if (!found) throw new Error(`no enum ${name}`)
    return found.numbers
  }

  decode(name: string, bytes: Uint8Array): Message {
    return new Reader(bytes).message(this.type(name), bytes.length)
  }

  encode(name: string, value: Message): Buffer {
    return encodeMessage(this.type(name), value)
  }
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  message(plan: MessagePlan, end: number): Message {
    if (plan.wrapper) {
      // One field is set, and it is a message: stand for it. An empty wrapper is no node at all.
      let inner: Message = {}
      while (this.#at < end) {
        const tag = this.#varint()
        const field = plan.byNumber[tag >>> 3] ?? plan.sparse.get(tag >>> 3)
        if (!field?.message) this.#skip(tag & 7)
        else inner = this.message(field.message, this.#varint() + this.#at)
      }
      return inner
    }
    const target: Message = { node: plan.node }
    this.#into(target, plan, end)
    return target
  }

  #into(target: Message, plan: MessagePlan, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint()
      const field = plan.byNumber[tag >>> 3] ?? plan.sparse.get(tag >>> 3)
      const wire = tag & 7
      if (!field) {
        this.#skip(wire)
        continue
      }
      if (field.inherit && field.message) {
        const until = this.#varint() + this.#at
        if (field.message.wrapper) Object.assign(target, { ...this.message(field.message, until), node: target['node'] })
        else this.#into(target, field.message, until)
        continue
      }
      if (!field.repeated) {
        target[field.name] = this.#value(field)
        continue
      }
      const list: unknown[] = (target[field.name] ??= [])
      if (wire === 2 && field.kind !== 'string' && field.kind !== 'bytes' && field.kind !== 'message') {
        const until = this.#varint() + this.#at
        while (this.#at < until) list.push(this.#value(field))
      } else list.push(this.#value(field))
    }
  }

  #value(field: FieldPlan): unknown {
    switch (field.kind) {
      case 'int':
        return this.#int64()
      case 'uint64': {
        const value = BigInt.asUintN(64, this.#big())
        return value <= 9007199254740991n ? Number(value) : value
      }
      case 'zigzag': {
        const raw = BigInt.asUintN(64, this.#big())
        const value = (raw >> 1n) ^ -(raw & 1n)
        return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value
      }
      case 'bool':
        return this.#varint() !== 0
      case 'enum': {
        const value = this.#int64()
        return field.enumNames?.get(Number(value)) ?? value
      }
      case 'double':
        this.#at += 8
        return this.#bytes.readDoubleLE(this.#at - 8)
      case 'float':
        this.#at += 4
        return this.#bytes.readFloatLE(this.#at - 4)
      case 'fixed32':
        this.#at += 4
        return this.#bytes.readInt32LE(this.#at - 4)
      case 'fixed64':
        this.#at += 8
        return this.#bytes.readBigInt64LE(this.#at - 8)
      case 'string': {
        const size = this.#varint()
        this.#at += size
        return this.#bytes.toString('utf8', this.#at - size, this.#at)
      }
      case 'bytes': {
        const size = this.#varint()
        this.#at += size
        return Buffer.from(this.#bytes.subarray(this.#at - size, this.#at))
      }
      case 'message': {
        const size = this.#varint()
        const until = this.#at + size
        if (field.message) return this.message(field.message, until)
        // A message whose file is not in the set (google.protobuf.Timestamp): its bytes.
        this.#at = until
        return Buffer.from(this.#bytes.subarray(until - size, until))
      }
    }
  }

  #varint(): number {
    let result = 0
    let factor = 1
    for (let count = 0; count < 10; count++) {
      const byte = this.#bytes[this.#at++]!
      result += (byte & 127) * factor
      if (byte < 128) return result
      factor *= 128
    }
    throw new Error('malformed varint')
  }

  #big(): bigint {
    let result = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++]!
      result |= BigInt(byte & 127) << shift
      if (byte < 128) return result
    }
    throw new Error('malformed varint')
  }

  #int64(): number | bigint {
    const start = this.#at
    let result = 0
    let factor = 1
    for (let count = 0; count < 7; count++) {
      const byte = this.#bytes[this.#at++]!
      result += (byte & 127) * factor
      if (byte < 128) return result
      factor *= 128
    }
    this.#at = start
    const value = BigInt.asIntN(64, this.#big())
    return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value
  }

  #skip(wire: number): void {
    if (wire === 0) this.#big()
    else if (wire === 1) this.#at += 8
    else if (wire === 2) this.#at += this.#varint()
    else if (wire === 5) this.#at += 4
    else throw new Error(`wire type ${wire} is not expected`)
  }
}

function encodeMessage(plan: MessagePlan, value: Message): Buffer {
  const parts: Buffer[] = []
  for (const [name, given] of Object.entries(value)) {
    if (given === undefined || name === 'node') continue
    const field = plan.byName.get(name)
    if (!field) throw new Error(`${plan.fullName} has no field ${name}`)
    for (const item of field.repeated ? (given as unknown[]) : [given]) encodeField(field, item, parts)
  }
  return Buffer.concat(parts)
}

function encodeField(field: FieldPlan, item: unknown, parts: Buffer[]): void {
  const tag = (wire: number) => parts.push(varint(BigInt(field.number * 8 + wire)))
  switch (field.kind) {
    case 'message': {
      if (!field.message) throw new Error(`${field.typeName} is not known`)
      const body = encodeMessage(field.message, item as Message)
      tag(2)
      parts.push(varint(BigInt(body.length)), body)
      return
    }
    case 'string':
    case 'bytes': {
      const body = typeof item === 'string' ? Buffer.from(item, 'utf8') : Buffer.from(item as Uint8Array)
      tag(2)
      parts.push(varint(BigInt(body.length)), body)
      return
    }
    case 'double': {
      const body = Buffer.alloc(8)
      body.writeDoubleLE(item as number)
      tag(1)
      parts.push(body)
      return
    }
    case 'bool':
      tag(0)
      parts.push(varint(item ? 1n : 0n))
      return
    case 'enum': {
      const number = typeof item === 'string' ? field.enumNumbers?.get(item) : (item as number)
      if (number === undefined) throw new Error(`${field.typeName} has no value ${String(item)}`)
      tag(0)
      parts.push(varint(BigInt(number)))
      return
    }
    case 'int':
    case 'uint64':
      tag(0)
      parts.push(varint(BigInt.asUintN(64, BigInt(item as number | bigint))))
      return
    default:
      throw new Error(`writing ${field.kind} is not needed so far`)
  }
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) {
      bytes.push(Number(rest))
      return Buffer.from(bytes)
    }
    bytes.push(Number(rest & 127n) | 128)
  }
}

/** The part of descriptor.proto that is needed, read by hand: it describes the rest. */
function readDescriptorSet(bytes: Uint8Array): Message[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  type Handler = (number: number, value: number, body: Buffer) => void
  const each = (buffer: Buffer, handle: Handler) => {
    let at = 0
    const next = () => {
      let value = 0
      let factor = 1
      for (;;) {
        const byte = buffer[at++]!
        value += (byte & 127) * factor
        if (byte < 128) return value
        factor *= 128
      }
    }
    while (at < buffer.length) {
      const tag = next()
      const wire = tag & 7
      if (wire === 0) handle(tag >>> 3, next(), all)
      else if (wire === 2) {
        const size = next()
        handle(tag >>> 3, size, buffer.subarray(at, at + size))
        at += size
      } else at += wire === 1 ? 8 : 4
    }
  }
  const field = (buffer: Buffer): Message => {
    const out: Message = { typeName: '' }
    each(buffer, (number, value, body) => {
      if (number === 1) out['name'] = body.toString()
      else if (number === 3) out['number'] = value
      else if (number === 4) out['label'] = value
      else if (number === 5) out['type'] = value
      else if (number === 6) out['typeName'] = body.toString()
    })
    return out
  }
  const enumeration = (buffer: Buffer): Message => {
    const out: Message = { values: [] }
    each(buffer, (number, _value, body) => {
      if (number === 1) out['name'] = body.toString()
      else if (number === 2) {
        const item: Message = {}
        each(body, (n, v, b) => {
          if (n === 1) item['name'] = b.toString()
          else if (n === 2) item['number'] = v > 2 ** 62 ? -1 : v
        })
        out['values'].push(item)
      }
    })
    return out
  }
  const message = (buffer: Buffer): Message => {
    const out: Message = { fields: [], messages: [], enums: [] }
    each(buffer, (number, _value, body) => {
      if (number === 1) out['name'] = body.toString()
      else if (number === 2) out['fields'].push(field(body))
      else if (number === 3) out['messages'].push(message(body))
      else if (number === 4) out['enums'].push(enumeration(body))
    })
    return out
  }
  const files: Message[] = []
  each(all, (number, _value, body) => {
    if (number !== 1) return
    const file: Message = { package: '', messages: [], enums: [] }
    each(body, (n, _v, b) => {
      if (n === 2) file['package'] = b.toString()
      else if (n === 4) file['messages'].push(message(b))
      else if (n === 5) file['enums'].push(enumeration(b))
    })
    files.push(file)
  })
  return files
}
