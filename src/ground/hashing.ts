/**
 * MD5 and CRC32C of bytes as they pass. Short bodies are hashed where they are; long ones in a thread, because MD5
 * alone takes two milliseconds a megabyte and the main loop has others to serve.
 */
import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { crc32c } from '@node-rs/crc32'
import { Fault } from './fault.ts'

export interface Digest {
  crc32c: string
  md5: string
}

export interface Hasher {
  /** Takes the buffer over: it must not be touched until the promise gives one back for reuse. */
  update(chunk: Buffer<ArrayBuffer>): Promise<Buffer<ArrayBuffer>>
  digest(): Promise<Digest>
  /** Gives the hash up without asking for its digest. */
  drop(): void
}

export class InlineHasher implements Hasher {
  private readonly md5: Hash = createHash('md5')
  private crc = 0

  async update(chunk: Buffer<ArrayBuffer>): Promise<Buffer<ArrayBuffer>> {
    this.add(chunk)
    return chunk
  }

  add(chunk: Uint8Array): void {
    this.md5.update(chunk)
    this.crc = crc32c(chunk, this.crc)
  }

  async digest(): Promise<Digest> {
    return { md5: this.md5.digest('base64'), crc32c: crcText(this.crc) }
  }

  drop(): void {}
}

/** A CRC as the APIs write it: four bytes, big endian, base64. */
export function crcText(crc: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc >>> 0)
  return bytes.toString('base64')
}

export type HashRequest = { id: number; kind: 'update'; chunk: ArrayBuffer; length: number } | { id: number; kind: 'digest' } | { id: number; kind: 'drop' }
export type HashAnswer = { id: number; chunk?: ArrayBuffer; digest?: Digest }

/** Idle this long, the thread is given back. */
const IDLE_MS = 30_000

/** One thread for all long bodies. It starts with the first and ends when none has come for a while. */
export class HashThread {
  private worker: Worker | undefined
  private readonly waiting = new Map<number, ((answer: HashAnswer) => void)[]>()
  private lastId = 0
  private idle: NodeJS.Timeout | undefined

  open(): Hasher {
    const id = ++this.lastId
    this.waiting.set(id, [])
    clearTimeout(this.idle)
    return {
      update: async (chunk) => {
        const answer = await this.ask({ id, kind: 'update', chunk: chunk.buffer, length: chunk.length }, [chunk.buffer])
        return Buffer.from(answer.chunk!)
      },
      digest: async () => {
        const answer = await this.ask({ id, kind: 'digest' }, [])
        this.close(id)
        return answer.digest!
      },
      drop: () => {
        if (!this.waiting.has(id)) return
        this.worker?.postMessage({ id, kind: 'drop' } satisfies HashRequest)
        this.close(id)
      },
    }
  }

  async stop(): Promise<void> {
    clearTimeout(this.idle)
    await this.worker?.terminate()
    this.worker = undefined
  }

  private ask(request: HashRequest, transfer: ArrayBuffer[]): Promise<HashAnswer> {
    const queue = this.waiting.get(request.id)
    if (!queue) throw new Fault('INTERNAL', 'internalError', 'The hash of this body was given up.')
    this.worker ??= this.start()
    this.worker.postMessage(request, transfer)
    return new Promise((resolve) => queue.push(resolve))
  }

  private close(id: number): void {
    this.waiting.delete(id)
    if (this.waiting.size > 0) return
    this.idle = setTimeout(() => void this.stop(), IDLE_MS)
    this.idle.unref()
  }

  private start(): Worker {
    const body = import.meta.url.endsWith('.ts') ? './hashing/thread.ts' : './hashing/thread.js'
    const worker = new Worker(new URL(body, import.meta.url))
    worker.on('message', (answer: HashAnswer) => this.waiting.get(answer.id)?.shift()?.(answer))
    worker.unref()
    return worker
  }
}
