/**
 * Avro object container files, read block by block: header, schema, and each record as plain data. Codecs null, deflate and
 * snappy. Written from the format's specification; nothing is written in this format, and references to other files are unknown to it.
 */
import { inflateRawSync } from 'node:zlib'
import type { FileHandle } from 'node:fs/promises'
import { Fault } from '#ground/fault.ts'
import { AVRO_BLOCK_BYTES_MAX, NESTING_MAX } from '../limits.ts'

const MAGIC = Buffer.from('Obj\x01', 'latin1')
const SYNC_BYTES = 16
const READ_BYTES = 1 << 20

export type AvroSchema =
  | { type: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'; logical?: string; precision?: number; scale?: number }
  | { type: 'fixed'; size: number; logical?: string; precision?: number; scale?: number }
  | { type: 'enum'; symbols: string[] }
  | { type: 'array' | 'map'; items: AvroSchema }
  | { type: 'union'; branches: AvroSchema[] }
  | AvroRecord

export interface AvroRecord {
  type: 'record'
  name: string
  fields: { name: string; schema: AvroSchema; doc?: string }[]
}

export interface AvroFile {
  schema: AvroRecord
  blocks(): AsyncGenerator<unknown[]>
}

export async function openAvro(handle: FileHandle): Promise<AvroFile> {
  const source = new Source(handle)
  if (!(await source.take(4)).equals(MAGIC)) throw broken('it does not begin as an Avro file does')
  const meta = new Map<string, Buffer>()
  for (let count = Math.abs(await source.long()); count > 0; count = Math.abs(await source.long())) {
    for (let entry = 0; entry < count; entry++) meta.set((await source.counted()).toString('utf8'), await source.counted())
  }
  const sync = await source.take(SYNC_BYTES)
  const codec = meta.get('avro.codec')?.toString('utf8') ?? 'null'
  const unpack = CODECS[codec]
  if (!unpack) throw new Fault('INVALID_ARGUMENT', 'invalid', `Error while reading data, error message: The Avro codec ${codec} is not supported; null, deflate and snappy are.`)
  const schema = parseSchema(JSON.parse(meta.get('avro.schema')?.toString('utf8') ?? 'null'), new Map(), 0)
  if (schema.type !== 'record') throw broken('its schema is not a record')
  const decode = decoder(schema)

  return {
    schema,
    async *blocks() {
      while (!(await source.ended())) {
        const count = await source.long()
        const bytes = await source.long()
        if (count < 0 || bytes < 0 || bytes > AVRO_BLOCK_BYTES_MAX) throw broken('a block has an impossible size')
        const cursor = new Cursor(unpack(await source.take(bytes)))
        const rows: unknown[] = []
        for (let row = 0; row < count; row++) rows.push(decode(cursor))
        if (!(await source.take(SYNC_BYTES)).equals(sync)) throw broken('a block does not end with the file’s mark')
        yield rows
      }
    },
  }
}

const CODECS: Record<string, (block: Buffer) => Buffer> = {
  null: (block) => block,
  deflate: (block) => inflateRawSync(block, { maxOutputLength: AVRO_BLOCK_BYTES_MAX }),
  // Four bytes of CRC follow the compressed block.
  snappy: (block) => unsnappy(block.subarray(0, -4)),
}

function parseSchema(given: any, named: Map<string, AvroSchema>, depth: number): AvroSchema {
  if (depth > 4 * NESTING_MAX) throw broken('its schema is nested too deeply')
  if (Array.isArray(given)) return { type: 'union', branches: given.map((branch) => parseSchema(branch, named, depth + 1)) }
  if (typeof given === 'string') {
    const known = named.get(given)
    if (known) return known
    return parseSchema({ type: given }, named, depth + 1)
  }
  if (typeof given !== 'object' || given === null) throw broken('its schema cannot be read')
  const logical = { ...(given.logicalType !== undefined && { logical: String(given.logicalType) }), ...(given.precision !== undefined && { precision: Number(given.precision), scale: Number(given.scale ?? 0) }) }
  const fullName = given.namespace && !String(given.name).includes('.') ? `${given.namespace}.${given.name}` : String(given.name)
  const remember = <S extends AvroSchema>(schema: S): S => {
    named.set(fullName, schema)
    named.set(String(given.name), schema)
    return schema
  }
  switch (given.type) {
    case 'record': {
      const record: AvroRecord = remember({ type: 'record', name: fullName, fields: [] })
      for (const field of given.fields) record.fields.push({ name: String(field.name), schema: parseSchema(field.type, named, depth + 1), ...(field.doc !== undefined && { doc: String(field.doc) }) })
      return record
    }
    case 'enum':
      return remember({ type: 'enum', symbols: given.symbols.map(String) })
    case 'fixed':
      return remember({ type: 'fixed', size: Number(given.size), ...logical })
    case 'array':
      return { type: 'array', items: parseSchema(given.items, named, depth + 1) }
    case 'map':
      return { type: 'map', items: parseSchema(given.values, named, depth + 1) }
    case 'null': case 'boolean': case 'int': case 'long': case 'float': case 'double': case 'bytes': case 'string':
      return { type: given.type, ...logical }
    default:
      if (typeof given.type === 'object' || named.has(given.type)) return parseSchema(given.type, named, depth + 1)
      throw broken(`it uses an unknown type ${String(given.type).slice(0, 60)}`)
  }
}

type Decode = (cursor: Cursor) => unknown

function decoder(schema: AvroSchema, depth = 0): Decode {
  if (depth > 4 * NESTING_MAX) throw broken('its schema refers to itself')
  switch (schema.type) {
    case 'null':
      return () => null
    case 'boolean':
      return (cursor) => cursor.byte() !== 0
    case 'int':
    case 'long':
      return (cursor) => cursor.long()
    case 'float':
      return (cursor) => cursor.float()
    case 'double':
      return (cursor) => cursor.double()
    case 'bytes':
      return (cursor) => cursor.bytes(Number(cursor.long()))
    case 'fixed':
      return (cursor) => cursor.bytes(schema.size)
    case 'string':
      return (cursor) => cursor.bytes(Number(cursor.long())).toString('utf8')
    case 'enum':
      return (cursor) => schema.symbols[Number(cursor.long())] ?? null
    case 'union': {
      const branches = schema.branches.map((branch) => decoder(branch, depth + 1))
      return (cursor) => {
        const branch = branches[Number(cursor.long())]
        if (!branch) throw broken('a value names an unknown branch of its union')
        return branch(cursor)
      }
    }
    case 'record': {
      const fields = schema.fields.map(({ name, schema: inner }) => [name, decoder(inner, depth + 1)] as const)
      return (cursor) => {
        const row: Record<string, unknown> = {}
        for (const [name, decode] of fields) row[name] = decode(cursor)
        return row
      }
    }
    case 'array':
    case 'map': {
      const item = decoder(schema.items, depth + 1)
      const named = schema.type === 'map'
      return (cursor) => {
        const items: unknown[] = []
        for (let count = cursor.blockCount(); count > 0; count = cursor.blockCount()) {
          for (let index = 0; index < count; index++) {
            if (named) items.push({ key: cursor.bytes(Number(cursor.long())).toString('utf8'), value: item(cursor) })
            else items.push(item(cursor))
          }
        }
        return items
      }
    }
  }
}

/** Inside one block, which is in memory. */
class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  byte(): number {
    const value = this.#bytes[this.#at++]
    if (value === undefined) throw broken('a block is shorter than its rows')
    return value
  }

  long(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw broken('a number has too many bytes')
  }

  blockCount(): number {
    const count = Number(this.long())
    if (count >= 0) return count
    this.long()
    return -count
  }

  float(): number {
    return this.bytes(4).readFloatLE(0)
  }

  double(): number {
    return this.bytes(8).readDoubleLE(0)
  }

  bytes(length: number): Buffer {
    if (length < 0 || this.#at + length > this.#bytes.length) throw broken('a block is shorter than its rows')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}

/** The file from the front, in pieces. */
class Source {
  readonly #handle: FileHandle
  #buffered: Buffer = Buffer.alloc(0)
  #at = 0

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async ended(): Promise<boolean> {
    if (this.#buffered.length > 0) return false
    await this.#more(READ_BYTES)
    return this.#buffered.length === 0
  }

  async take(length: number): Promise<Buffer> {
    if (length < 0 || length > AVRO_BLOCK_BYTES_MAX) throw broken('it announces an impossible length')
    if (this.#buffered.length < length) await this.#more(length)
    if (this.#buffered.length < length) throw broken('it ends too early')
    const taken = this.#buffered.subarray(0, length)
    this.#buffered = this.#buffered.subarray(length)
    return taken
  }

  async long(): Promise<number> {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = (await this.take(1))[0]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n)))
    }
    throw broken('a number has too many bytes')
  }

  async counted(): Promise<Buffer> {
    return this.take(await this.long())
  }

  async #more(wanted: number): Promise<void> {
    const parts = [this.#buffered]
    let have = this.#buffered.length
    while (have < wanted) {
      const buffer = Buffer.allocUnsafe(Math.max(READ_BYTES, wanted - have))
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#at)
      if (bytesRead === 0) break
      this.#at += bytesRead
      have += bytesRead
      parts.push(buffer.subarray(0, bytesRead))
    }
    this.#buffered = Buffer.concat(parts)
  }
}

/** Snappy's block format: literals, and copies of what was already written. */
export function unsnappy(input: Buffer): Buffer {
  let at = 0
  let length = 0
  for (let shift = 0; ; shift += 7) {
    const byte = input[at++]
    if (byte === undefined || shift > 28) throw broken('a snappy block has no length')
    length |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  if (length < 0 || length > AVRO_BLOCK_BYTES_MAX) throw broken('a snappy block has an impossible length')
  const output = Buffer.allocUnsafe(length)
  let written = 0
  while (at < input.length) {
    const tag = input[at++]!
    const kind = tag & 3
    if (kind === 0) {
      let size = tag >> 2
      if (size >= 60) {
        const bytes = size - 59
        size = input.readUIntLE(at, bytes)
        at += bytes
      }
      size += 1
      if (at + size > input.length || written + size > length) throw broken('a snappy block is damaged')
      input.copy(output, written, at, at + size)
      at += size
      written += size
      continue
    }
    const size = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    const offset = kind === 1 ? ((tag >> 5) << 8) | input[at]! : kind === 2 ? input.readUInt16LE(at) : input.readUInt32LE(at)
    at += kind === 1 ? 1 : kind === 2 ? 2 : 4
    if (offset === 0 || offset > written || written + size > length) throw broken('a snappy block is damaged')
    // Byte by byte: a copy may run over what it writes itself.
    for (let index = 0; index < size; index++) output[written] = output[written++ - offset]!
  }
  if (written !== length) throw broken('a snappy block is shorter than it says')
  return output
}

function broken(why: string): Fault {
  return new Fault('INVALID_ARGUMENT', 'invalid', `Error while reading data, error message: The Apache Avro library failed to parse the file: ${why}.`)
}
