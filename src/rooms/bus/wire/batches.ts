/** Requests and answers of the fast way, from and to bytes: publish, pull, streaming pull. Messages pass through as they lie in the log. */
import type { Delivered } from '../delivery/delivered.ts'
import { BYTES, WireReader, WireWriter, varintSize } from './protobuf.ts'

export interface PublishRequest {
  topic: string
  messages: Buffer[]
}

const FIRST = (1 << 3) | BYTES
const SECOND = (2 << 3) | BYTES

export function readPublish(buffer: Buffer): PublishRequest {
  const reader = new WireReader(buffer)
  const request: PublishRequest = { topic: '', messages: [] }
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === FIRST) request.topic = reader.text()
    else if (tag === SECOND) request.messages.push(reader.bytes())
    else reader.skip(tag & 7)
  }
  return request
}

/** Only whom it is for, as far as that can be told; what is broken is refused when it is read whole. */
export function topicIn(buffer: Buffer): string {
  const reader = new WireReader(buffer)
  try {
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === FIRST) return reader.text()
      reader.skip(tag & 7)
    }
  } catch {
    // Asked again, and answered, by readPublish.
  }
  return ''
}

export function writePublished(messageIds: string[]): Buffer {
  const writer = new WireWriter(messageIds.reduce((sum, id) => sum + 1 + varintSize(id.length) + id.length, 0))
  for (const id of messageIds) writer.head(1, id.length).ascii(id)
  return writer.buffer
}

/** `received_messages` is field 1 of both PullResponse and StreamingPullResponse; `suffix` are further fields, ready made. */
export function writeReceived(batch: Delivered[], suffix: Uint8Array = NOTHING): Buffer {
  const sizes = batch.map((delivered) => sizesOf(delivered))
  const bytes = sizes.reduce((sum, { received }) => sum + 1 + varintSize(received) + received, suffix.length)
  const writer = new WireWriter(bytes)
  for (const [index, { ackId, attempt, record, messageId }] of batch.entries()) {
    const { received, message, time, seconds, nanos } = sizes[index]!
    writer.head(1, received)
    writer.head(1, ackId.length).ascii(ackId)
    writer.head(2, message).raw(record.payload)
    writer.head(3, messageId.length).ascii(messageId)
    writer.head(4, time).varint(SECONDS).varint(seconds)
    if (nanos > 0) writer.varint(NANOS).varint(nanos)
    if (attempt > 0) writer.varint(ATTEMPT).varint(attempt)
  }
  return writer.raw(suffix).buffer
}

const NOTHING = new Uint8Array()
const SECONDS = 1 << 3
const NANOS = 2 << 3
const ATTEMPT = 3 << 3

function sizesOf({ ackId, attempt, record, messageId }: Delivered) {
  const seconds = Math.floor(record.time_us / 1e6)
  const nanos = (record.time_us - seconds * 1e6) * 1000
  const time = 1 + varintSize(seconds) + (nanos > 0 ? 1 + varintSize(nanos) : 0)
  const message = record.payload.length + 2 + messageId.length + 2 + time
  const received = 2 + ackId.length + 1 + varintSize(message) + message + (attempt > 0 ? 1 + varintSize(attempt) : 0)
  return { seconds, nanos, time, message, received }
}
