/** What the house and a runner say to each other: frames of two lengths, a JSON head and raw bytes. Simple enough for any language to read. */
import type { Readable, Writable } from 'node:stream'
import { answerBroken } from '../faults.ts'
import { FRAME_BYTES_MAX } from '../limits.ts'
import type { SignatureKind } from '../types.ts'

const LENGTHS_BYTES = 8

export type ToRunner =
  | { t: 'init'; source: string; shims: string; target: string; trigger: 'http' | 'event'; concurrency: number }
  | { t: 'call'; id: number; method?: string; target?: string; headers?: readonly (readonly [string, string])[]; host?: string; scheme?: string; client?: string }

export type FromRunner =
  | { t: 'ready'; kind: SignatureKind }
  | { t: 'failed'; message: string }
  | { t: 'head'; id: number; status: number; headers: [string, string][] }
  | { t: 'chunk'; id: number }
  /** `error`: nothing was answered; `crash`: the answer says that the code failed. */
  | { t: 'end'; id: number; error?: string; crash?: string }

export function encodeFrame(head: ToRunner, body: Uint8Array = new Uint8Array()): Buffer {
  const text = Buffer.from(JSON.stringify(head))
  const lengths = Buffer.alloc(LENGTHS_BYTES)
  lengths.writeUInt32BE(text.length, 0)
  lengths.writeUInt32BE(body.length, 4)
  return Buffer.concat([lengths, text, body])
}

/** `onBroken` is told once of bytes that are no frame: the instance is not to be trusted any more. */
export function readFrames(input: Readable, onFrame: (head: FromRunner, body: Buffer) => void, onBroken: (reason: unknown) => void): void {
  let chunks: Buffer[] = []
  let held_bytes = 0
  input.on('error', () => input.destroy())
  input.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    held_bytes += chunk.length
    try {
      while (held_bytes >= LENGTHS_BYTES) {
        if (chunks[0]!.length < LENGTHS_BYTES) chunks = [Buffer.concat(chunks)]
        const first = chunks[0]!
        const head_bytes = first.readUInt32BE(0)
        const whole_bytes = LENGTHS_BYTES + head_bytes + first.readUInt32BE(4)
        if (whole_bytes > FRAME_BYTES_MAX) throw answerBroken()
        if (held_bytes < whole_bytes) return
        const joined = chunks.length === 1 ? first : Buffer.concat(chunks)
        const head = JSON.parse(joined.toString('utf8', LENGTHS_BYTES, LENGTHS_BYTES + head_bytes)) as FromRunner
        chunks = joined.length > whole_bytes ? [joined.subarray(whole_bytes)] : []
        held_bytes -= whole_bytes
        onFrame(head, joined.subarray(LENGTHS_BYTES + head_bytes, whole_bytes))
      }
    } catch (reason) {
      input.destroy()
      onBroken(reason)
    }
  })
}

/** Resolves when the pipe has room again. */
export function writeFrame(output: Writable, head: ToRunner, body?: Uint8Array): void {
  if (output.writable) output.write(encodeFrame(head, body))
}
