/** Objects: found, put, changed, copied, composed, removed. Each change is one write with its facts, under the preconditions it was asked with. */
import type { Clock } from '#ground/clock.ts'
import { WriteConflict } from '#ground/ledger.ts'
import type { Statement } from '#ground/ledger.ts'
import { Turns } from '#ground/turns.ts'
import type { Blobs } from './blobs.ts'
import { checkStorageClass } from './buckets.ts'
import type { Buckets } from './buckets.ts'
import { objectFact } from './facts.ts'
import { badDigest, held, invalid, noObject, raced } from './faults.ts'
import { COMPOSE_SOURCES_MAX } from './limits.ts'
import { mergeMeta, readMeta } from './meta.ts'
import { checkObjectName } from './names.ts'
import { requireConditions, requireForRead } from './preconditions.ts'
import type { Fate, StorageShelf } from './shelf.ts'
import type { Blob, Bucket, Digests, ObjectMeta, Preconditions, StoredObject } from './types.ts'

/** Someone else may be faster this often before a request is given up. */
const ATTEMPTS_MAX = 5

export interface ObjectRef {
  bucket: string
  name: string
  generation?: number | undefined
}

export interface Put {
  bucket: string
  name: string
  meta: ObjectMeta
  storageClass: string | null
  conditions: Preconditions
  componentCount?: number
  /** What else is written in the same transaction, such as the end of the upload it came by. */
  also?(object: StoredObject): Statement[]
}

export class Objects {
  private readonly shelf: StorageShelf
  private readonly blobs: Blobs
  private readonly buckets: Buckets
  private readonly clock: Clock
  private readonly turns = new Turns()

  constructor(parts: { shelf: StorageShelf; blobs: Blobs; buckets: Buckets; clock: Clock }) {
    this.shelf = parts.shelf
    this.blobs = parts.blobs
    this.buckets = parts.buckets
    this.clock = parts.clock
  }

  async get(ref: ObjectRef, conditions: Preconditions = {}): Promise<StoredObject> {
    const object = await this.find(ref)
    requireForRead(conditions, object)
    return object
  }

  /** Refuses what could not be put in the end, before a body is read. */
  async admit(put: Put): Promise<void> {
    checkObjectName(put.name)
    if (put.storageClass !== null) checkStorageClass(put.storageClass)
    await this.buckets.get(put.bucket)
    if (Object.keys(put.conditions).length > 0) requireConditions(put.conditions, await this.shelf.object(put.bucket, put.name))
  }

  /** Makes stored bytes the live object of a name. The bytes are given up where that fails. */
  async put(put: Put, blob: Blob, digests: Digests): Promise<StoredObject> {
    try {
      checkDigests(blob, digests)
      return await this.place(put, blob)
    } catch (thrown) {
      // Whether the write came through may be unknown; bytes that an object names stay, the rest the sweeper finds.
      if (await this.shelf.giveUp(blob.id).catch(() => false)) await this.blobs.remove(blob.id)
      throw thrown
    }
  }

  async change(ref: ObjectRef, body: Record<string, unknown>, mode: 'merge' | 'replace', conditions: Preconditions): Promise<StoredObject> {
    return this.settled(ref, async () => {
      const before = await this.find(ref)
      requireConditions(conditions, before)
      const bucket = await this.buckets.get(ref.bucket)
      const meta = mode === 'merge' ? mergeMeta(before.meta, body) : readMeta({ contentType: before.meta.contentType, ...(before.meta.acl && { acl: before.meta.acl }), ...body })
      this.guardRetention(before, meta)
      const after: StoredObject = { ...before, meta, metageneration: before.metageneration + 1, updated_ms: this.clock.now_ms() }
      await this.shelf.changeObject(before, after, objectFact('metadataUpdated', bucket, after))
      return after
    })
  }

  /** Lifecycle's way to change a class; clients rewrite instead. */
  async reclass(object: StoredObject, storageClass: string): Promise<void> {
    const bucket = await this.buckets.get(object.bucket)
    const now = this.clock.now_ms()
    const after = { ...object, storageClass, classUpdated_ms: now, updated_ms: now, metageneration: object.metageneration + 1 }
    await this.shelf.changeObject(object, after, objectFact('metadataUpdated', bucket, after))
  }

  /** Without a generation the live object goes: archived where the bucket keeps versions, else for good. */
  async remove(ref: ObjectRef, conditions: Preconditions): Promise<void> {
    await this.settled(ref, async () => {
      const object = await this.find(ref)
      requireConditions(conditions, object)
      const bucket = await this.buckets.get(ref.bucket)
      const fate: Fate = ref.generation === undefined && bucket.config.versioning?.enabled ? 'archive' : 'delete'
      if (fate === 'delete') this.guardHolds(bucket, object)
      const now = this.clock.now_ms()
      const fact = fate === 'archive' ? objectFact('archived', bucket, { ...object, live: false, noncurrent_ms: now }) : objectFact('deleted', bucket, object)
      await this.shelf.removeObject(object, fate, now, fact)
    })
  }

  /** A copy shares the bytes of its source: it costs a row, whatever the size. */
  async copy(source: ObjectRef, sourceConditions: Preconditions, target: Put, body: Record<string, unknown> | undefined): Promise<StoredObject> {
    checkObjectName(target.name)
    return this.settled(target, async () => {
      const original = await this.find(source)
      requireConditions(sourceConditions, original)
      const { acl: _, retention: __, ...inherited } = original.meta
      const meta = body && Object.keys(body).length > 0 ? readMeta({ contentType: original.meta.contentType, ...body }) : inherited
      const storageClass = target.storageClass ?? (body?.['storageClass'] === undefined ? null : checkStorageClass(body['storageClass']))
      const blob = { id: original.blob, size: original.size, crc32c: original.crc32c, md5: original.md5 }
      const put = { ...target, meta, storageClass, ...(original.componentCount !== null && { componentCount: original.componentCount }) }
      return this.replace(put, blob, original)
    })
  }

  /** Under another name in the same bucket, in one write: nobody sees both or neither. */
  async move(source: ObjectRef, sourceConditions: Preconditions, target: Put): Promise<StoredObject> {
    checkObjectName(target.name)
    return this.settled(target, async () => {
      const original = await this.find(source)
      requireConditions(sourceConditions, original)
      if (original.name === target.name) throw invalid('An object is moved to another name.')
      const bucket = await this.buckets.get(source.bucket)
      const fate: Fate = bucket.config.versioning?.enabled ? 'archive' : 'delete'
      if (fate === 'delete') this.guardHolds(bucket, original)
      const put = { ...target, meta: original.meta, storageClass: original.storageClass, ...(original.componentCount !== null && { componentCount: original.componentCount }) }
      return this.replace(put, { id: original.blob, size: original.size, crc32c: original.crc32c, md5: original.md5 }, original, fate)
    })
  }

  async compose(target: Put, sources: { name: string; generation?: number | undefined; conditions: Preconditions }[]): Promise<StoredObject> {
    checkObjectName(target.name)
    if (sources.length === 0 || sources.length > COMPOSE_SOURCES_MAX) throw invalid(`An object is composed of 1 to ${COMPOSE_SOURCES_MAX} sources.`)
    const bucket = await this.buckets.get(target.bucket)
    const originals = []
    for (const { conditions, ...source } of sources) {
      const original = await this.find({ bucket: bucket.name, ...source })
      requireConditions(conditions, original)
      originals.push(original)
    }
    const componentCount = originals.reduce((sum, original) => sum + (original.componentCount ?? 1), 0)
    const blob = await this.blobs.concatenate(originals.map(({ blob: id, size }) => ({ id, size, staged: false })))
    const meta = target.meta.contentType === undefined && originals[0]?.meta.contentType !== undefined ? { ...target.meta, contentType: originals[0].meta.contentType } : target.meta
    return this.put({ ...target, meta, componentCount }, blob, {})
  }

  private place(put: Put, blob: Blob): Promise<StoredObject> {
    return this.settled(put, () => this.replace(put, blob, undefined))
  }

  /** One attempt to put an object in the place of what is there now. */
  private async replace(put: Put, blob: Blob, copiedFrom: StoredObject | undefined, moved?: Fate): Promise<StoredObject> {
    const [bucket, before] = await Promise.all([this.buckets.get(put.bucket), this.shelf.object(put.bucket, put.name)])
    requireConditions(put.conditions, before)
    const fate: Fate = bucket.config.versioning?.enabled ? 'archive' : 'delete'
    if (before && fate === 'delete') this.guardHolds(bucket, before)
    const object = this.compile(put, blob, bucket, before)
    const facts = [objectFact('finalized', bucket, object, before && { overwrote: before.generation })]
    if (before) {
      const past = fate === 'archive' ? { ...before, live: false, noncurrent_ms: object.updated_ms } : before
      facts.push(objectFact(fate === 'archive' ? 'archived' : 'deleted', bucket, past, { overwrittenBy: object.generation }))
    }
    if (copiedFrom && moved) facts.push(objectFact(moved === 'archive' ? 'archived' : 'deleted', bucket, moved === 'archive' ? { ...copiedFrom, live: false, noncurrent_ms: object.updated_ms } : copiedFrom))
    await this.shelf.putObject({ object, bucket, replaced: before, fate, facts, copiedFrom, moved, also: put.also?.(object) ?? [] })
    return object
  }

  private compile(put: Put, blob: Blob, bucket: Bucket, before: StoredObject | undefined): StoredObject {
    const now = this.clock.now_ms()
    const meta: ObjectMeta = {
      ...put.meta,
      ...(bucket.config.defaultEventBasedHold && put.meta.eventBasedHold === undefined && { eventBasedHold: true }),
    }
    return {
      bucket: bucket.name,
      name: put.name,
      // Newer than what it replaces even where the clock was set back.
      generation: Math.max(this.clock.unique_us(), (before?.generation ?? 0) + 1),
      metageneration: 1,
      live: true,
      blob: blob.id,
      size: blob.size,
      crc32c: blob.crc32c,
      md5: blob.md5,
      componentCount: put.componentCount ?? null,
      storageClass: put.storageClass === null ? bucket.storageClass : checkStorageClass(put.storageClass),
      created_ms: now,
      updated_ms: now,
      classUpdated_ms: now,
      noncurrent_ms: null,
      meta,
    }
  }

  private async find(ref: ObjectRef): Promise<StoredObject> {
    const object = await this.shelf.object(ref.bucket, ref.name, ref.generation)
    if (object) return object
    await this.buckets.get(ref.bucket)
    throw noObject(ref.bucket, ref.name)
  }

  /** Reads, decides and writes in turn with others of the same name; decides again where someone was faster all the same. */
  private settled<T>(ref: { bucket: string; name: string }, attempt: () => Promise<T>): Promise<T> {
    return this.turns.take(`${ref.bucket}/${ref.name}`, async () => {
      for (let tries = 0; tries < ATTEMPTS_MAX; tries++) {
        try {
          return await attempt()
        } catch (thrown) {
          if (!(thrown instanceof WriteConflict)) throw thrown
        }
      }
      throw raced()
    })
  }

  private guardHolds(bucket: Bucket, object: StoredObject): void {
    if (object.meta.temporaryHold) throw held(object.name, 'under active Temporary hold')
    if (object.meta.eventBasedHold) throw held(object.name, 'under active Event-Based hold')
    const now = this.clock.now_ms()
    const until_ms = Math.max(retentionEnd_ms(bucket, object), Date.parse(object.meta.retention?.retainUntilTime ?? '') || 0)
    if (until_ms > now) throw held(object.name, `subject to the bucket's retention policy until ${new Date(until_ms).toISOString()}`)
  }

  private guardRetention(before: StoredObject, meta: ObjectMeta): void {
    const was_ms = Date.parse(before.meta.retention?.retainUntilTime ?? '') || 0
    const is_ms = Date.parse(meta.retention?.retainUntilTime ?? '') || 0
    if (before.meta.retention?.mode === 'Locked' && is_ms < was_ms) throw held(before.name, 'under a locked retention that cannot be shortened')
  }
}

export function retentionEnd_ms(bucket: Bucket, object: StoredObject): number {
  const period_s = Number(bucket.config.retentionPolicy?.retentionPeriod ?? 0)
  return period_s === 0 ? 0 : object.created_ms + period_s * 1000
}

export function checkDigests(blob: Pick<Blob, 'crc32c' | 'md5'>, digests: Digests): void {
  if (digests.crc32c !== undefined && digests.crc32c !== blob.crc32c) throw badDigest('crc32c', digests.crc32c, blob.crc32c)
  if (digests.md5 !== undefined && blob.md5 !== null && digests.md5 !== blob.md5) throw badDigest('md5', digests.md5, blob.md5)
}
