/**
 * A message in the form in which it is stored: a PubsubMessage on the wire with what its publisher says (data, attributes, ordering key)
 * and nothing else. What the house adds, id and time, follows from where the record lies, and is written behind it on delivery.
 */
import { emptyMessage, invalid, tooLarge } from '../faults.ts'
import { ATTRIBUTES_MAX, ATTRIBUTE_KEY_BYTES_MAX, ATTRIBUTE_VALUE_BYTES_MAX, MESSAGE_BYTES_MAX, ORDERING_KEY_BYTES_MAX } from '../limits.ts'
import type { Message } from '../types.ts'
import { BYTES, WireReader, field } from './protobuf.ts'

const DATA = (1 << 3) | BYTES
const ATTRIBUTE = (2 << 3) | BYTES
const ORDERING_KEY = (5 << 3) | BYTES
const ENTRY_KEY = (1 << 3) | BYTES
const ENTRY_VALUE = (2 << 3) | BYTES

export function decodeMessage(payload: Buffer): Message {
  return read(payload).message
}

export function encodeMessage({ data, attributes, orderingKey }: Message): Buffer {
  const parts = data.length > 0 ? [field(1, data)] : []
  for (const [key, value] of Object.entries(attributes)) parts.push(field(2, Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from(value))])))
  if (orderingKey !== '') parts.push(field(5, Buffer.from(orderingKey)))
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

/** Checks a message as a client sent it, and gives the bytes to store: the same ones, where they hold nothing else. */
export function acceptMessage(payload: Buffer): { stored: Buffer; message: Message } {
  const { message, pure } = read(payload)
  checkMessage(message)
  return { stored: pure ? payload : encodeMessage(message), message }
}

export function checkMessage({ data, attributes, orderingKey }: Message): void {
  const entries = Object.entries(attributes)
  if (data.length === 0 && entries.length === 0) throw emptyMessage()
  if (entries.length > ATTRIBUTES_MAX) throw tooLarge('attribute_count', entries.length, ATTRIBUTES_MAX)
  let bytes = data.length + Buffer.byteLength(orderingKey)
  for (const [key, value] of entries) {
    const [keyBytes, valueBytes] = [Buffer.byteLength(key), Buffer.byteLength(value)]
    if (keyBytes === 0) throw invalid('The attributes of a message have keys that are not empty.')
    if (keyBytes > ATTRIBUTE_KEY_BYTES_MAX) throw tooLarge('attribute_key', keyBytes, ATTRIBUTE_KEY_BYTES_MAX)
    if (valueBytes > ATTRIBUTE_VALUE_BYTES_MAX) throw tooLarge('attribute_value', valueBytes, ATTRIBUTE_VALUE_BYTES_MAX)
    if (key.startsWith('goog')) throw invalid(`Attribute keys do not begin with "goog": ${key}`)
    bytes += keyBytes + valueBytes
  }
  if (Buffer.byteLength(orderingKey) > ORDERING_KEY_BYTES_MAX) throw tooLarge('ordering_key', Buffer.byteLength(orderingKey), ORDERING_KEY_BYTES_MAX)
  if (bytes > MESSAGE_BYTES_MAX) throw tooLarge('message_size', bytes, MESSAGE_BYTES_MAX)
}

/** `pure` where every field is one that is stored, each attribute and the data once. */
function read(payload: Buffer): { message: Message; pure: boolean } {
  const reader = new WireReader(payload)
  const message: Message = { data: EMPTY, attributes: {}, orderingKey: '' }
  let pure = true
  let datas = 0
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === DATA) {
      message.data = reader.bytes()
      pure &&= ++datas === 1
    } else if (tag === ATTRIBUTE) pure = addAttribute(message.attributes, reader.bytes()) && pure
    else if (tag === ORDERING_KEY) message.orderingKey = reader.text()
    else {
      reader.skip(tag & 7)
      pure = false
    }
  }
  return { message, pure }
}

const EMPTY = Buffer.alloc(0)

/** False where the entry is not the plain pair of key and value that it is nearly always. */
function addAttribute(attributes: Record<string, string>, entry: Buffer): boolean {
  const reader = new WireReader(entry)
  let key = ''
  let value = ''
  let plain = true
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ENTRY_KEY) key = reader.text()
    else if (tag === ENTRY_VALUE) value = reader.text()
    else {
      reader.skip(tag & 7)
      plain = false
    }
  }
  const first = !Object.hasOwn(attributes, key)
  // Plain assignment would call a setter for this one key.
  if (key === '__proto__') Object.defineProperty(attributes, key, { value, enumerable: true, configurable: true, writable: true })
  else attributes[key] = value
  return plain && first
}
