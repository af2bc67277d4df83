/**
 * The files that hold objects' bytes: written once under an identifier of ours, hashed on the way, synced before anyone
 * is told, never changed after. Knows nothing of buckets and names.
 */
import { once } from 'node:events'
import { crc32c } from '@node-rs/crc32'
import type { Disk, StagedFile } from '#ground/disk.ts'
import type { Ids } from '#ground/ids.ts'
import { HashThread, InlineHasher, crcText } from '#ground/hashing.ts'
import type { Hasher } from '#ground/hashing.ts'
import { incomplete, invalid } from './faults.ts'
import { collect } from '#ground/http/multipart.ts'
import { OBJECT_BYTES_MAX, SMALL_BYTES_MAX } from './limits.ts'
import type { Blob } from './types.ts'

/** Bytes gathered before they are written; also what travels to the hashing thread at once. */
const CHUNK_BYTES = 1 << 20
/** How many such buffers one upload may have under way. */
const CHUNKS_MAX = 4
/** So much is written before the disk is asked to begin with it: the sync at the end then waits for little. */
const FLUSH_BYTES = 16 << 20

/**
 * Ids begin with their time: the first seven characters stand for half a minute, so files written
 * together lie in one folder and share its sync, and no folder grows without bound.
 */
const folderOf = (id: string) => ['objects', id.slice(0, 7)] as const

export class Blobs {
  private readonly disk: Disk
  private readonly ids: Ids
  private readonly thread = new HashThread()

  constructor(disk: Disk, ids: Ids) {
    this.disk = disk
    this.ids = ids
  }

  newId(): string {
    return this.ids.next()
  }

  /** Stores a whole body of exactly `size` bytes, where the client announced that. */
  async store(body: AsyncIterable<Buffer>, size: number | undefined): Promise<Blob> {
    return this.storeAtMost(body, size, size)
  }

  /** The same for a body inside a larger one, of which only a bound is known. */
  async storeAtMost(body: AsyncIterable<Buffer>, bytesMax: number | undefined, size: number | undefined): Promise<Blob> {
    if (bytesMax !== undefined && bytesMax <= SMALL_BYTES_MAX) return this.storeSmall(body, size)
    const writer = await this.write(this.newId())
    try {
      await writer.append(body)
      if (size !== undefined && writer.size !== size) throw incomplete()
      return await writer.publish()
    } catch (thrown) {
      await writer.discard()
      throw thrown
    }
  }

  private async storeSmall(body: AsyncIterable<Buffer>, size: number | undefined): Promise<Blob> {
    const bytes = await collect(body, SMALL_BYTES_MAX)
    if (size !== undefined && bytes.length !== size) throw incomplete()
    const hasher = new InlineHasher()
    hasher.add(bytes)
    const id = this.newId()
    await this.disk.putSmall(bytes, ...folderOf(id), id)
    return { id, size: bytes.length, ...(await hasher.digest()) }
  }

  /** Begins a file in staging, or goes on with one of which `stored` bytes are acknowledged. */
  async write(id: string, stored = 0): Promise<BlobWriter> {
    const hasher = this.thread.open()
    if (stored > 0) await this.rehash(id, stored, hasher)
    const file = await this.disk.stage(id, stored)
    return new BlobWriter(this.disk, file, hasher)
  }

  /** Gives the bytes of `[start, end]` in pieces of moderate size, closing the file at the end. */
  async *read(id: string, start: number, end: number): AsyncGenerator<Buffer> {
    if (end < start) return
    const handle = await this.disk.open(...folderOf(id), id)
    try {
      for (let at = start; at <= end; ) {
        const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at + 1))
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
        if (bytesRead === 0) return
        yield buffer.subarray(0, bytesRead)
        at += bytesRead
      }
    } finally {
      await handle.close()
    }
  }

  /** All bytes of a small file. */
  readWhole(id: string, size: number): Buffer {
    return this.disk.readSmall(size, ...folderOf(id), id)
  }

  /** One new file out of several, in order; without an MD5, as composed objects have none. */
  async concatenate(parts: { id: string; size: number; staged: boolean }[]): Promise<Blob> {
    const read = (part: { id: string; size: number; staged: boolean }) => (part.staged ? this.readStaged(part.id, part.size) : this.read(part.id, 0, part.size - 1))
    async function* all() {
      for (const part of parts) yield* read(part)
    }
    const total = parts.reduce((sum, { size }) => sum + size, 0)
    return { ...(await this.store(all(), total)), md5: null }
  }

  /** Takes a file that nobody names back into staging. */
  async unpublish(id: string): Promise<void> {
    await this.disk.unpublish(id, ...folderOf(id), id)
  }

  async remove(id: string): Promise<void> {
    await this.disk.remove(...folderOf(id), id)
  }

  async discardStaged(id: string): Promise<void> {
    await this.disk.discard(id)
  }

  /** Where its file lies below the data folder: for those who link to it, never for writing. */
  place(id: string): string[] {
    return [...folderOf(id), id]
  }

  /** What is on disk: the size, or undefined where the file is missing. */
  size(id: string): Promise<number | undefined> {
    return this.disk.size(...folderOf(id), id)
  }

  async stagedIds(): Promise<string[]> {
    return this.disk.list('staging')
  }

  stagedAge_ms(id: string, now_ms: number): Promise<number | undefined> {
    return this.disk.age_ms(now_ms, 'staging', id)
  }

  /** Every published file, folder by folder, with its age. */
  async *published(now_ms: number): AsyncGenerator<{ id: string; age_ms: number }[]> {
    for (const folder of await this.disk.list('objects')) {
      const files = []
      for (const id of await this.disk.list('objects', folder)) files.push({ id, age_ms: (await this.disk.age_ms(now_ms, 'objects', folder, id)) ?? 0 })
      yield files
    }
  }

  async stop(): Promise<void> {
    await this.thread.stop()
  }

  private async *readStaged(id: string, size: number): AsyncGenerator<Buffer<ArrayBuffer>> {
    const handle = await this.disk.open('staging', id)
    try {
      for (let at = 0; at < size; ) {
        const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, size - at))
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
        if (bytesRead === 0) throw incomplete()
        yield buffer.subarray(0, bytesRead) as Buffer<ArrayBuffer>
        at += bytesRead
      }
    } finally {
      await handle.close()
    }
  }

  /** After a restart the state of a hash is gone; it is made again from what was stored. */
  private async rehash(id: string, stored: number, hasher: Hasher): Promise<void> {
    for await (const chunk of this.readStaged(id, stored)) await hasher.update(chunk)
  }
}

/** One file on its way: what arrives is gathered into chunks, each written and hashed while the next fills. */
export class BlobWriter {
  private readonly disk: Disk
  private readonly file: StagedFile
  private readonly hasher: Hasher
  private readonly free: Buffer<ArrayBuffer>[] = []
  private made = 0
  private filling: Buffer<ArrayBuffer> | undefined
  private filled = 0
  private underWay: Promise<void> = Promise.resolve()
  private writing: Promise<void> = Promise.resolve()
  private failure: unknown
  private unflushed = 0
  private flushing: Promise<void> | undefined
  private ended = false

  constructor(disk: Disk, file: StagedFile, hasher: Hasher) {
    this.disk = disk
    this.file = file
    this.hasher = hasher
  }

  /** Bytes taken so far, written or about to be. */
  get size(): number {
    return this.file.size + this.pending + this.filled
  }
  private pending = 0

  async append(body: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of body) {
      if (this.size + chunk.length > OBJECT_BYTES_MAX) throw invalid('Objects hold at most 5 TiB.')
      // A short body in one piece is written as it came.
      for (let at = 0; at < chunk.length; ) {
        this.filling ??= await this.buffer()
        const copied = chunk.copy(this.filling, this.filled, at)
        this.filled += copied
        at += copied
        if (this.filled === this.filling.length) this.dispatch()
      }
      if (this.failure !== undefined) throw this.failure
    }
  }

  /** Everything taken is on disk and synced when this returns; appending may go on after. */
  async sync(): Promise<void> {
    if (this.filled > 0) this.dispatch()
    await this.underWay
    if (this.failure !== undefined) throw this.failure
    await this.file.sync()
  }

  async publish(): Promise<Blob> {
    await this.sync()
    const { crc32c, md5 } = await this.hasher.digest()
    await this.close()
    await this.disk.publish(this.file.id, ...folderOf(this.file.id), this.file.id)
    return { id: this.file.id, size: this.file.size, crc32c, md5 }
  }

  /** Syncs and lets go, leaving the file in staging for later. */
  async park(): Promise<{ id: string; size: number; md5: string; crc32c: string }> {
    await this.sync()
    const digest = await this.hasher.digest()
    await this.close()
    return { id: this.file.id, size: this.file.size, ...digest }
  }

  async discard(): Promise<void> {
    await this.underWay
    this.hasher.drop()
    await this.close()
    await this.disk.discard(this.file.id)
  }

  /** Lets go without finishing: what was synced stays. */
  async release(): Promise<void> {
    await this.underWay
    this.hasher.drop()
    await this.close()
  }

  /** Beside the writing, one at a time; a flush that fails fails the upload. */
  private flushSometimes(length: number): void {
    this.unflushed += length
    if (this.unflushed < FLUSH_BYTES || this.flushing) return
    this.unflushed = 0
    this.flushing = this.file
      .flush()
      .catch((thrown) => {
        this.failure ??= thrown
      })
      .finally(() => {
        this.flushing = undefined
      })
  }

  private async close(): Promise<void> {
    if (this.ended) return
    this.ended = true
    await this.flushing
    await this.file.close()
  }

  private async buffer(): Promise<Buffer<ArrayBuffer>> {
    for (;;) {
      const free = this.free.pop()
      if (free) return free
      if (this.made < CHUNKS_MAX) {
        this.made++
        // A buffer of its own, never a slice of Node's pool: it travels to another thread.
        return Buffer.from(new ArrayBuffer(CHUNK_BYTES))
      }
      await Promise.race([this.underWay, this.next()])
      if (this.failure !== undefined) throw this.failure
    }
  }

  private wake: () => void = () => {}
  private next(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve))
  }

  /** Writes and hashes in the order of the bytes; the buffer comes back when both are done with it. */
  private dispatch(): void {
    const buffer = this.filling!
    const length = this.filled
    this.filling = undefined
    this.filled = 0
    this.pending += length
    this.writing = this.writing.then(async () => {
      if (this.failure !== undefined) return
      await this.file.write(buffer.subarray(0, length))
      this.pending -= length
      this.flushSometimes(length)
    })
    const hashed = this.writing.then(() => (this.failure === undefined ? this.hasher.update(buffer.subarray(0, length) as Buffer<ArrayBuffer>) : buffer))
    this.underWay = Promise.all([this.underWay, hashed]).then(
      ([, back]) => {
        this.free.push(Buffer.from(back.buffer))
        this.wake()
      },
      (thrown) => {
        this.failure ??= thrown
        this.wake()
      },
    )
    this.writing = this.writing.catch((thrown) => {
      this.failure ??= thrown
    })
  }
}

/** Passes bytes on and stops short of the last piece when their checksum is not the stored one: damage is never served whole. */
export async function* verified(source: AsyncIterable<Buffer>, expected: string, damaged: () => Error): AsyncGenerator<Buffer> {
  let crc = 0
  let held: Buffer | undefined
  for await (const chunk of source) {
    if (held) yield held
    crc = crc32c(chunk, crc)
    held = chunk
  }
  if (crcText(crc) !== expected) throw damaged()
  if (held) yield held
}

/** Writes to a slow reader no faster than it reads. */
export async function send(source: AsyncIterable<Buffer>, target: NodeJS.WritableStream & { destroyed?: boolean }, signal: AbortSignal): Promise<void> {
  for await (const chunk of source) {
    if (signal.aborted || target.destroyed) return
    if (!target.write(chunk)) await once(target, 'drain', { signal }).catch(() => undefined)
  }
}
