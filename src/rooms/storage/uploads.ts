/**
 * Bodies on their way to become objects: at once, or by the resumable protocol, in chunks that survive a restart, or in
 * numbered parts. What is acknowledged is synced and counted in the ledger.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '#ground/clock.ts'
import type { Ids } from '#ground/ids.ts'
import type { Statement } from '#ground/ledger.ts'
import { Turns } from '#ground/turns.ts'
import type { BlobWriter, Blobs } from './blobs.ts'
import { incomplete, invalid, noUpload } from './faults.ts'
import { PARTS_MAX, UPLOAD_AGE_MS_MAX } from './limits.ts'
import { checkDigests } from './objects.ts'
import type { Objects, Put } from './objects.ts'
import type { StoredPart, UploadShelf } from './shelf.uploads.ts'
import type { Blob, Digests, StoredObject, Upload } from './types.ts'

/** Where a resumable upload stands after a request. */
export type Progress = { done: StoredObject } | { stored: number }

export interface Chunk {
  /** First byte; undefined only asks where the upload stands. */
  start: number | undefined
  /** Last byte, where the client knows it. */
  end: number | undefined
  total: number | undefined
  digests: Digests
}

export class Uploads {
  private readonly shelf: UploadShelf
  private readonly blobs: Blobs
  private readonly objects: Objects
  private readonly clock: Clock
  private readonly ids: Ids
  private readonly turns = new Turns()
  /** Files of uploads that are being written, with their hash so far. */
  private readonly writers = new Map<string, BlobWriter>()

  constructor(parts: { shelf: UploadShelf; blobs: Blobs; objects: Objects; clock: Clock; ids: Ids }) {
    this.shelf = parts.shelf
    this.blobs = parts.blobs
    this.objects = parts.objects
    this.clock = parts.clock
    this.ids = parts.ids
  }

  /** A body in one request. */
  async simple(put: Put, body: AsyncIterable<Buffer>, size: number | undefined, digests: Digests): Promise<StoredObject> {
    await this.objects.admit(put)
    const blob = await this.blobs.store(body, size)
    return this.objects.put(put, blob, digests)
  }

  /** A body inside a larger one, whose length is only known to be no more than this. */
  async simpleOfAtMost(put: Put, body: AsyncIterable<Buffer>, bytesMax: number | undefined, digests: Digests): Promise<StoredObject> {
    await this.objects.admit(put)
    return this.objects.put(put, await this.blobs.storeAtMost(body, bytesMax, undefined), digests)
  }

  async begin(put: Put, total: number | undefined, digests: Digests): Promise<Upload> {
    await this.objects.admit(put)
    const upload: Upload = {
      id: this.ids.secret(),
      bucket: put.bucket,
      name: put.name,
      blob: this.blobs.newId(),
      meta: put.meta,
      storageClass: put.storageClass,
      conditions: put.conditions,
      digests,
      total: total ?? null,
      stored: 0,
      started_ms: this.clock.now_ms(),
      finished: null,
    }
    await this.shelf.add(upload)
    return upload
  }

  /** Takes a chunk, or only tells where the upload stands. */
  advance(id: string, chunk: Chunk, body: AsyncIterable<Buffer>): Promise<Progress> {
    return this.turns.take(id, async () => {
      const upload = await this.open(id)
      if (upload.finished !== null) return { done: await this.objects.get({ ...upload, generation: upload.finished }) }
      const total = chunk.total ?? upload.total ?? undefined
      if (upload.total !== null && chunk.total !== undefined && chunk.total !== upload.total) {
        throw invalid(`The upload was announced with ${upload.total} bytes; this request says ${chunk.total}.`)
      }
      const writer = await this.writer(upload)
      try {
        if (chunk.start === undefined) return await this.settle(upload, writer, total, chunk.digests)
        const arrived = await this.take(writer, chunk, total, body)
        // `bytes 0-*/*`: the end of the body is the end of the object.
        const whole = arrived && chunk.end === undefined && total === undefined
        return await this.settle(upload, writer, whole ? writer.size : total, chunk.digests)
      } catch (thrown) {
        // What was acknowledged is on disk and in the ledger; the next request goes on from there.
        this.writers.delete(id)
        await writer.release()
        throw thrown
      }
    })
  }

  cancel(id: string): Promise<void> {
    return this.turns.take(id, async () => this.forget(await this.open(id)))
  }

  // Numbered parts, as the XML API uploads them.

  async part(id: string, number: number, body: AsyncIterable<Buffer>, size: number | undefined, digests: Digests): Promise<Digests> {
    if (number < 1 || number > PARTS_MAX) throw invalid(`Part numbers are from 1 to ${PARTS_MAX}.`)
    await this.open(id)
    const writer = await this.blobs.write(this.blobs.newId())
    let parked: Awaited<ReturnType<BlobWriter['park']>>
    try {
      await writer.append(body)
      if (size !== undefined && writer.size !== size) throw incomplete()
      parked = await writer.park()
      checkDigests(parked, digests)
    } catch (thrown) {
      await writer.discard()
      throw thrown
    }
    const md5 = Buffer.from(parked.md5, 'base64').toString('hex')
    const replaced = await this.shelf.putPart(id, { number, blob: parked.id, size: parked.size, md5, updated_ms: this.clock.now_ms() })
    if (replaced !== undefined) await this.blobs.discardStaged(replaced)
    return { crc32c: parked.crc32c, md5: parked.md5 }
  }

  async parts(id: string): Promise<{ upload: Upload; parts: StoredPart[] }> {
    const upload = await this.open(id)
    return { upload, parts: await this.shelf.parts(id) }
  }

  /** Puts the listed parts together, in the order of their numbers. */
  complete(id: string, wanted: { number: number; etag: string }[]): Promise<{ object: StoredObject; etag: string }> {
    return this.turns.take(id, async () => {
      const upload = await this.open(id)
      const stored = new Map((await this.shelf.parts(id)).map((part) => [part.number, part]))
      const chosen = wanted.map(({ number, etag }) => {
        const part = stored.get(number)
        if (!part || part.md5 !== etag.replaceAll('"', '')) throw invalid(`Part ${number} was not uploaded with the ETag ${etag}.`, 'InvalidPart')
        return part
      })
      if (chosen.length === 0 || chosen.some((part, index) => index > 0 && part.number <= chosen[index - 1]!.number)) {
        throw invalid('The parts have to be listed in ascending order.', 'InvalidPartOrder')
      }
      const blob = await this.blobs.concatenate(chosen.map((part) => ({ id: part.blob, size: part.size, staged: true })))
      const object = await this.finish(upload, blob, {}, () => this.shelf.completed(id))
      for (const part of stored.values()) await this.blobs.discardStaged(part.blob)
      const digest = createHash('md5').update(Buffer.from(chosen.map(({ md5 }) => md5).join(''), 'hex')).digest('hex')
      return { object, etag: `"${digest}-${chosen.length}"` }
    })
  }

  /** Uploads that were begun too long ago to be gone on with. */
  async expire(): Promise<number> {
    const old = await this.shelf.startedBefore(this.clock.now_ms() - UPLOAD_AGE_MS_MAX)
    for (const upload of old) await this.turns.take(upload.id, () => this.forget(upload))
    return old.length
  }

  async forget(upload: Upload): Promise<void> {
    await this.writers.get(upload.id)?.release()
    this.writers.delete(upload.id)
    const parts = await this.shelf.parts(upload.id)
    await this.shelf.remove(upload.id)
    for (const blob of [upload.blob, ...parts.map((part) => part.blob)]) await this.blobs.discardStaged(blob)
  }

  async stop(): Promise<void> {
    for (const writer of this.writers.values()) await writer.release()
    this.writers.clear()
  }

  private async open(id: string): Promise<Upload> {
    const upload = await this.shelf.upload(id)
    if (!upload || upload.started_ms < this.clock.now_ms() - UPLOAD_AGE_MS_MAX) throw noUpload(id)
    return upload
  }

  private async writer(upload: Upload): Promise<BlobWriter> {
    let writer = this.writers.get(upload.id)
    if (!writer) {
      writer = await this.blobs.write(upload.blob, upload.stored)
      this.writers.set(upload.id, writer)
    }
    return writer
  }

  /** Appends what is new of a chunk. A connection that breaks in the middle keeps what had arrived, and the answer is false. */
  private async take(writer: BlobWriter, chunk: Chunk, total: number | undefined, body: AsyncIterable<Buffer>): Promise<boolean> {
    if (chunk.start! > writer.size) throw invalid(`The chunk begins at ${chunk.start}, but only ${writer.size} bytes have arrived.`)
    const skip = writer.size - chunk.start!
    const end = chunk.end ?? (total === undefined ? Number.MAX_SAFE_INTEGER : total - 1)
    try {
      await writer.append(slice(body, skip, end - chunk.start! + 1))
      return true
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ECONNRESET') throw thrown
      return false
    }
  }

  /** Syncs what has arrived; finishes when that is all, else counts it and says so. */
  private async settle(upload: Upload, writer: BlobWriter, total: number | undefined, digests: Digests): Promise<Progress> {
    if (total !== undefined && writer.size === total) {
      const blob = await writer.publish()
      this.writers.delete(upload.id)
      return { done: await this.finish(upload, blob, digests, (object) => [this.shelf.finished(upload.id, object.generation)]) }
    }
    await writer.sync()
    await this.shelf.advance(upload.id, writer.size, total ?? null)
    return { stored: writer.size }
  }

  /** The object and the end of its upload are one write. Bytes that cannot become the object end the upload too. */
  private async finish(upload: Upload, blob: Blob, digests: Digests, end: (object: StoredObject) => Statement[]): Promise<StoredObject> {
    const { bucket, name, meta, storageClass, conditions } = upload
    try {
      return await this.objects.put({ bucket, name, meta, storageClass, conditions, also: end }, blob, { ...upload.digests, ...digests })
    } catch (thrown) {
      await this.shelf.remove(upload.id)
      throw thrown
    }
  }
}

/** Part of a body: without its first `skip` bytes, and nothing beyond `length`. */
async function* slice(body: AsyncIterable<Buffer>, skip: number, length: number): AsyncGenerator<Buffer> {
  let at = 0
  for await (const chunk of body) {
    if (at + chunk.length > length) throw invalid('The body is longer than its Content-Range says.')
    const from = Math.max(0, skip - at)
    at += chunk.length
    if (from < chunk.length) yield from === 0 ? chunk : chunk.subarray(from)
  }
}

