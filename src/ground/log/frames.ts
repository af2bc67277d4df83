/** How a record lies in a segment file: its length, a checksum, its time, its bytes. */
import type { FileHandle } from 'node:fs/promises'
import { crc32c } from '@node-rs/crc32'

export interface LogRecord {
  seq: number
  time_us: number
  payload: Buffer
}

/** Length and checksum of four bytes each, the time as a double. */
export const HEADER_BYTES = 16
/** The most that is taken for a record's length rather than for rubble. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024
const CHUNK_BYTES = 1024 * 1024

/** All payloads as frames in one buffer; the records' payloads are views into it, so what the caller gave can be let go. */
export function frame(payloads: Uint8Array[], bytes: number, first: number, time_us: number): { buffer: Buffer; records: LogRecord[] } {
  const buffer = Buffer.allocUnsafeSlow(bytes)
  const records: LogRecord[] = []
  let offset = 0
  for (const given of payloads) {
    const body = offset + HEADER_BYTES
    const end = body + given.length
    buffer.set(given, body)
    buffer.writeUInt32BE(given.length, offset)
    buffer.writeDoubleBE(time_us, offset + 8)
    buffer.writeUInt32BE(crc32c(buffer.subarray(offset + 8, end)), offset + 4)
    records.push({ seq: first + records.length, time_us, payload: buffer.subarray(body, end) })
    offset = end
  }
  return { buffer, records }
}

/** The whole frames at the start of `buffer`; `bytes` is where the first that is not whole begins. */
export function parseFrames(buffer: Buffer, first: number): { records: LogRecord[]; bytes: number } {
  const records: LogRecord[] = []
  let offset = 0
  for (;;) {
    const end = wholeFrame(buffer, offset)
    if (end === undefined) return { records, bytes: offset }
    records.push({ seq: first + records.length, time_us: buffer.readDoubleBE(offset + 8), payload: buffer.subarray(offset + HEADER_BYTES, end) })
    offset = end
  }
}

/** Frame by frame, holding a chunk at a time. */
export async function* readSegment(handle: FileHandle, first: number): AsyncGenerator<{ record: LogRecord; offset: number; size: number }> {
  let rest: Buffer = Buffer.alloc(0)
  let seq = first
  let offset = 0
  let read = 0
  for (;;) {
    const chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, wanted(rest)))
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, read)
    if (bytesRead === 0) return
    read += bytesRead
    const buffer = Buffer.concat([rest, chunk.subarray(0, bytesRead)])
    const { records, bytes } = parseFrames(buffer, seq)
    for (const record of records) {
      const size = HEADER_BYTES + record.payload.length
      yield { record, offset, size }
      offset += size
    }
    seq += records.length
    rest = buffer.subarray(bytes)
  }
}

/** Where the frame at `offset` ends, if it is all there and what it was. */
function wholeFrame(buffer: Buffer, offset: number): number | undefined {
  if (offset + HEADER_BYTES > buffer.length) return undefined
  const length = buffer.readUInt32BE(offset)
  const end = offset + HEADER_BYTES + length
  if (length > PAYLOAD_BYTES_MAX || end > buffer.length) return undefined
  return crc32c(buffer.subarray(offset + 8, end)) === buffer.readUInt32BE(offset + 4) ? end : undefined
}

/** How many bytes the frame that `rest` begins still lacks. */
function wanted(rest: Buffer): number {
  if (rest.length < HEADER_BYTES) return 0
  return Math.min(rest.readUInt32BE(0), PAYLOAD_BYTES_MAX) + HEADER_BYTES - rest.length
}
