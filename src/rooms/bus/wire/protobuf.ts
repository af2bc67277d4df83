/** Protobuf's wire format, as much of it as messages need on their fast way: fields are read and written where they lie. */
import { invalid } from '../faults.ts'

export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const FIXED32 = 5

const malformed = () => invalid('The request is not a well-formed protocol buffer.')

export class WireReader {
  private readonly buffer: Buffer
  private at = 0

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  /** The next field's number and wire type as one number, or 0 at the end. */
  tag(): number {
    if (this.at >= this.buffer.length) return 0
    const tag = this.varint()
    if (tag >>> 3 === 0) throw malformed()
    return tag
  }

  /** Exact up to 2^53; the upper bits of longer ones are lost, as nothing here needs them. */
  varint(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 10; count++) {
      const byte = this.buffer[this.at++]
      if (byte === undefined) throw malformed()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw malformed()
  }

  bytes(): Buffer {
    const length = this.varint()
    const end = this.at + length
    if (end > this.buffer.length) throw malformed()
    const view = this.buffer.subarray(this.at, end)
    this.at = end
    return view
  }

  text(): string {
    const bytes = this.bytes()
    const text = bytes.toString('utf8')
    // Replacement characters that were not sent mean that the bytes are no UTF-8.
    if (text.includes('\ufffd') && Buffer.compare(Buffer.from(text), bytes) !== 0) throw malformed()
    return text
  }

  skip(type: number): void {
    if (type === VARINT) this.varint()
    else if (type === BYTES) this.bytes()
    else if (type === FIXED64 || type === FIXED32) {
      this.at += type === FIXED64 ? 8 : 4
      if (this.at > this.buffer.length) throw malformed()
    } else throw malformed()
  }
}

export function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes into one buffer of a size that was reckoned before. */
export class WireWriter {
  readonly buffer: Buffer
  private at = 0

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafe(bytes)
  }

  varint(value: number): this {
    let rest = value
    while (rest >= 128) {
      this.buffer[this.at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.buffer[this.at++] = rest
    return this
  }

  /** The head of a field that holds `length` bytes. */
  head(field: number, length: number): this {
    return this.varint((field << 3) | BYTES).varint(length)
  }

  raw(bytes: Uint8Array): this {
    this.buffer.set(bytes, this.at)
    this.at += bytes.length
    return this
  }

  /** Only for texts that are known to be ASCII. */
  ascii(text: string): this {
    this.at += this.buffer.write(text, this.at, 'latin1')
    return this
  }
}

/** A field with its bytes, for small things. */
export function field(number: number, bytes: Uint8Array): Buffer {
  const head = (number << 3) | BYTES
  return new WireWriter(varintSize(head) + varintSize(bytes.length) + bytes.length).head(number, bytes.length).raw(bytes).buffer
}
