/** What the room does by itself: removes bytes that nobody names, forgets old uploads, and acts on lifecycle rules. */
import type { Clock } from '#ground/clock.ts'
import type { Log } from '#ground/telemetry.ts'
import type { Blobs } from './blobs.ts'
import { dueAction } from './lifecycle.ts'
import { LIFECYCLE_BATCH, ORPHAN_AGE_MS, SWEEP_BATCH } from './limits.ts'
import type { Objects } from './objects.ts'
import type { StorageShelf } from './shelf.ts'
import type { UploadShelf } from './shelf.uploads.ts'
import type { StoredObject } from './types.ts'
import type { Uploads } from './uploads.ts'

export class Upkeep {
  private readonly parts: { shelf: StorageShelf; uploadShelf: UploadShelf; blobs: Blobs; objects: Objects; uploads: Uploads; clock: Clock; log: Log }

  constructor(parts: Upkeep['parts']) {
    this.parts = parts
  }

  /** At start: bytes that were on their way when the house was killed were acknowledged to nobody. */
  async clearStaging(): Promise<void> {
    const { uploadShelf, shelf, blobs } = this.parts
    const needed = await uploadShelf.stagedBlobs()
    const staged = new Set(await blobs.stagedIds())
    for (const id of staged) if (!needed.has(id)) await blobs.discardStaged(id)
    // Killed between a file's publishing and its object: the upload goes on, so the file goes back.
    for (const id of needed) if (!staged.has(id) && (await blobs.size(id)) !== undefined && !(await shelf.named([id])).has(id)) await blobs.unpublish(id)
  }

  async sweep(): Promise<void> {
    const { shelf, blobs, uploads } = this.parts
    for (let batch = await shelf.garbage(SWEEP_BATCH); batch.length > 0; batch = await shelf.garbage(SWEEP_BATCH)) {
      for (const id of batch) if (await shelf.giveUp(id)) await blobs.remove(id)
    }
    await uploads.expire()
  }

  /** Files that were published but never came to be named: the house was killed in between. */
  async removeOrphans(): Promise<number> {
    const { shelf, blobs, clock } = this.parts
    let removed = 0
    for await (const files of blobs.published(clock.now_ms())) {
      const old = files.filter(({ age_ms }) => age_ms > ORPHAN_AGE_MS).map(({ id }) => id)
      for (let at = 0; at < old.length; at += SWEEP_BATCH) {
        const some = old.slice(at, at + SWEEP_BATCH)
        const named = await shelf.named(some)
        for (const id of some) {
          if (named.has(id)) continue
          await blobs.remove(id)
          removed++
        }
      }
    }
    if (removed > 0) this.parts.log.info({ removed }, 'files that no object names were removed')
    return removed
  }

  /** Carries out the lifecycle rules of every bucket that has some. */
  async runLifecycle(): Promise<void> {
    const { shelf, objects, uploads, uploadShelf, clock } = this.parts
    for (const bucket of await shelf.everyBucket()) {
      const rules = bucket.config.lifecycle?.rule ?? []
      if (rules.length === 0) continue
      const now = clock.now_ms()
      for await (const versions of this.byName(bucket.name)) {
        for (const [index, object] of versions.entries()) {
          const newer = versions.length - 1 - index
          const action = dueAction(rules, object, newer, now)
          if (action === undefined) continue
          if (action === 'delete') await objects.remove(object.live ? { bucket: object.bucket, name: object.name } : object, { generation: object.generation }).catch((thrown) => this.passOver(object, thrown))
          else await objects.reclass(object, action.storageClass).catch((thrown) => this.passOver(object, thrown))
        }
      }
      for (const rule of rules.filter(({ action }) => action.type === 'AbortIncompleteMultipartUpload')) {
        const age_ms = Number(rule.condition['age'] ?? 0) * 24 * 3600_000
        for (const upload of await uploadShelf.ofBucket(bucket.name)) if (upload.finished === null && upload.started_ms + age_ms <= now) await uploads.forget(upload)
      }
    }
  }

  /** All generations of one name after another, oldest first. */
  private async *byName(bucket: string): AsyncGenerator<StoredObject[]> {
    let group: StoredObject[] = []
    let last: StoredObject | undefined
    for (;;) {
      const batch = await this.parts.shelf.scan(bucket, { from: [], versions: true, limit: LIFECYCLE_BATCH, ...(last && { after: last }) })
      if (batch.length === 0) break
      for (const object of batch) {
        if (group.length > 0 && group[0]!.name !== object.name) {
          yield group
          group = []
        }
        group.push(object)
      }
      last = batch.at(-1)
    }
    if (group.length > 0) yield group
  }

  /** A hold, a retention or someone faster: the rule comes round again. */
  private passOver(object: StoredObject, thrown: unknown): void {
    this.parts.log.debug({ object: `${object.bucket}/${object.name}`, err: thrown }, 'a lifecycle rule could not act')
  }
}
