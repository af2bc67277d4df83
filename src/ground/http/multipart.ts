/** Reads multipart bodies as they arrive: parts in order, each body a stream. Nothing but headers and a boundary's length is held. */
import { Fault } from '../fault.ts'

const HEADER_BYTES_MAX = 64 * 1024
const PARTS_MAX = 1000

export interface Part {
  headers: Map<string, string>
  /** Has to be read to its end before the next part comes. */
  body: AsyncIterable<Buffer>
}

export function boundaryOf(contentType: string | undefined): string {
  const found = /;\s*boundary=(?:"([^"]+)"|'([^']+)'|([^;\s]+))/i.exec(contentType ?? '')
  const boundary = found?.[1] ?? found?.[2] ?? found?.[3]
  if (boundary === undefined) throw malformed('its Content-Type names no boundary')
  return boundary
}

export async function* readMultipart(source: AsyncIterable<Buffer>, boundary: string): AsyncGenerator<Part> {
  const reader = new Reader(source)
  const opening = Buffer.from(`--${boundary}`)
  let delimiter: Buffer | undefined
  await reader.skipPast(opening)
  for (let count = 0; ; count++) {
    if (count > PARTS_MAX) throw malformed(`it has more than ${PARTS_MAX} parts`)
    const after = await reader.line()
    if (after.startsWith('--')) return
    // Some clients end their lines with a line feed alone; the first boundary shows which.
    delimiter ??= Buffer.from(`${reader.lineEnd}--${boundary}`)
    const headers = await readHeaders(reader)
    yield { headers, body: reader.until(delimiter) }
  }
}

async function readHeaders(reader: Reader): Promise<Map<string, string>> {
  const headers = new Map<string, string>()
  let size = 0
  for (let line = await reader.line(); line !== ''; line = await reader.line()) {
    size += line.length
    if (size > HEADER_BYTES_MAX) throw malformed('the headers of a part are too long')
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  return headers
}

/** All of a stream, within a bound. */
export async function collect(body: AsyncIterable<Buffer>, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > bytesMax) throw new Fault('INVALID_ARGUMENT', 'uploadTooLarge', `A part of the request is larger than ${bytesMax} bytes.`, { httpStatus: 413 })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

class Reader {
  private readonly source: AsyncIterator<Buffer>
  private buffered: Buffer = Buffer.alloc(0)
  /** How the line read last ended. */
  lineEnd: '\r\n' | '\n' = '\r\n'

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source[Symbol.asyncIterator]()
  }

  async skipPast(mark: Buffer): Promise<void> {
    for (;;) {
      const at = this.buffered.indexOf(mark)
      if (at >= 0) {
        this.buffered = this.buffered.subarray(at + mark.length)
        return
      }
      if (this.buffered.length > HEADER_BYTES_MAX) throw malformed('its boundary does not appear')
      await this.more()
    }
  }

  async line(): Promise<string> {
    for (;;) {
      const at = this.buffered.indexOf('\n')
      if (at >= 0) {
        const line = this.buffered.toString('utf8', 0, at)
        this.buffered = this.buffered.subarray(at + 1)
        this.lineEnd = line.endsWith('\r') ? '\r\n' : '\n'
        return line.endsWith('\r') ? line.slice(0, -1) : line
      }
      if (this.buffered.length > HEADER_BYTES_MAX) throw malformed('a header line is too long')
      // A closing boundary may end the body without a line break.
      if (this.buffered.toString('latin1', 0, 2) === '--') return '--'
      await this.more()
    }
  }

  /** What comes before the delimiter; the delimiter itself is consumed. */
  async *until(delimiter: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.buffered.indexOf(delimiter)
      if (at >= 0) {
        const last = this.buffered.subarray(0, at)
        this.buffered = this.buffered.subarray(at + delimiter.length)
        if (last.length > 0) yield last
        return
      }
      // The end of what is buffered may be the beginning of the delimiter.
      const safe = this.buffered.length - delimiter.length + 1
      if (safe > 0) {
        const chunk = this.buffered.subarray(0, safe)
        this.buffered = this.buffered.subarray(safe)
        yield chunk
      }
      await this.more()
    }
  }

  private async more(): Promise<void> {
    const { value, done } = await this.source.next()
    if (done) throw malformed('it ends before its closing boundary')
    this.buffered = this.buffered.length === 0 ? value : Buffer.concat([this.buffered, value])
  }
}

function malformed(why: string): Fault {
  return new Fault('INVALID_ARGUMENT', 'badRequest', `The multipart body cannot be read: ${why}.`)
}
