/**
 * Messages over a byte pipe: four bytes of length (big endian), then msgpack. What a message means is not known here.
 * Prints cannot corrupt it, because the pipe is never stdin, stdout or stderr.
 */
import type { Readable, Writable } from 'node:stream'
import { Packr } from 'msgpackr'
import { Fault } from './fault.ts'

const HEADER_BYTES = 4

/** The largest single message; bigger answers are streams of several. */
export const FRAME_BYTES_MAX = 256 * 1024 * 1024

/** Without records every other language's msgpack can read it; `undefined`, dates and bigints survive between our own sides. */
const packr = new Packr({ useRecords: false, moreTypes: true })

export function encodeFrame(message: unknown): Buffer {
  const body = packr.pack(message)
  if (body.length > FRAME_BYTES_MAX) {
    throw new Fault('RESOURCE_EXHAUSTED', 'frameTooLarge', `A message of ${body.length} bytes is over the limit of ${FRAME_BYTES_MAX}.`)
  }
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length)
  frame.writeUInt32BE(body.length, 0)
  body.copy(frame, HEADER_BYTES)
  return frame
}

/** Cuts a stream of chunks into messages. Chunks are joined once per message, not once per chunk. */
export class FrameReader {
  readonly #bytes_max: number
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(bytes_max = FRAME_BYTES_MAX) {
    this.#bytes_max = bytes_max
  }

  /** True when nothing of an unfinished message is held. */
  get empty(): boolean {
    return this.#bytes === 0
  }

  *push(chunk: Buffer): Generator<unknown> {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    while (this.#bytes >= HEADER_BYTES) {
      const body_bytes = this.#front(HEADER_BYTES).readUInt32BE(0)
      if (body_bytes > this.#bytes_max) {
        throw new Fault('RESOURCE_EXHAUSTED', 'frameTooLarge', `A message claims ${body_bytes} bytes; the limit is ${this.#bytes_max}.`)
      }
      if (this.#bytes < HEADER_BYTES + body_bytes) return
      const frame = this.#take(HEADER_BYTES + body_bytes)
      yield packr.unpack(frame.subarray(HEADER_BYTES))
    }
  }

  /** The first chunk, made at least `bytes` long. */
  #front(bytes: number): Buffer {
    const first = this.#chunks[0] as Buffer
    if (first.length >= bytes) return first
    const joined = Buffer.concat(this.#chunks)
    this.#chunks = [joined]
    return joined
  }

  #take(bytes: number): Buffer {
    const front = this.#front(bytes)
    this.#bytes -= bytes
    if (front.length === bytes) this.#chunks.shift()
    else this.#chunks[0] = front.subarray(bytes)
    return front.subarray(0, bytes)
  }
}

/** Both directions of one talk. `send` resolves when the pipe has room again: await it and memory stays bounded. */
export class FramePipe {
  readonly #input: Readable
  readonly #output: Writable
  readonly #reader = new FrameReader()
  /** Shared by all who wait for the pipe to have room again. */
  #room: PromiseWithResolvers<void> | undefined

  constructor(input: Readable, output: Writable) {
    this.#input = input
    this.#output = output
    // A pipe whose other end died says so twice, here and by its end; `onEnd` is where it is acted upon.
    output.on('error', () => output.destroy())
    input.on('error', () => input.destroy())
    // A destroyed pipe never drains; its end is reported by `listen`.
    for (const event of ['drain', 'close']) output.on(event, () => this.#release())
  }

  /** `onBroken` is told of bytes that are no message: the other side is then not to be trusted any more. */
  listen(onMessage: (message: unknown) => void, onEnd: () => void, onBroken: (reason: unknown) => void): void {
    this.#input.on('data', (chunk: Buffer) => {
      try {
        for (const message of this.#reader.push(chunk)) onMessage(message)
      } catch (reason) {
        this.#input.destroy()
        onBroken(reason)
      }
    })
    this.#input.once('close', onEnd)
  }

  get open(): boolean {
    return this.#output.writable
  }

  async send(message: unknown): Promise<void> {
    const frame = encodeFrame(message)
    if (!this.open) return
    if (this.#output.write(frame)) return
    this.#room ??= Promise.withResolvers()
    await this.#room.promise
  }

  #release(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  close(): void {
    this.#output.destroy()
    this.#input.destroy()
  }
}
