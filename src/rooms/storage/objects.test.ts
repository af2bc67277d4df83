/** What the storage room means, without HTTP: a ledger in memory, a clock moved by hand, a folder of the test's own. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Disk } from '#ground/disk.ts'
import type { Fault } from '#ground/fault.ts'
import { arm, disarm } from '#ground/failpoint.ts'
import { timedGround } from '../../../tests/support/ground.ts'
import { testFolder } from '../../../tests/support/folder.ts'
import { storageMigrations } from './migrations.ts'
import { StorageService } from './service.ts'
import type { Put } from './objects.ts'
import { Upkeep } from './upkeep.ts'

async function room() {
  const ground = await timedGround()
  await ground.ledger.migrate('storage', storageMigrations)
  const folder = testFolder()
  const storage = new StorageService({ ...ground, disk: new Disk(folder, { durable: false }) })
  await storage.buckets.create('p', { name: 'lake' })
  const upkeep = new Upkeep({ ...storage, shelf: storage.shelf, clock: ground.clock, log: ground.log })
  const put = (name: string, body: string, more: Partial<Put> = {}) =>
    storage.uploads.simple({ bucket: 'lake', name, meta: {}, storageClass: null, conditions: {}, ...more }, pieces(body), body.length, {})
  const text = async (name: string, generation?: number) => {
    const object = await storage.objects.get({ bucket: 'lake', name, generation })
    return storage.blobs.readWhole(object.blob, object.size).toString()
  }
  const facts = async () => (await ground.facts.since(0)).map(({ type, data }) => [type.replace('storage.', ''), (data as { object?: { name: string } }).object?.name])
  const files = () => readdirSync(join(folder, 'objects'), { recursive: true }).filter((entry) => String(entry).includes('/'))
  const staged = () => (existsSync(join(folder, 'staging')) ? readdirSync(join(folder, 'staging')) : [])
  return { ...ground, storage, upkeep, put, text, facts, files, staged }
}

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text)
}

const refused = (reason: string) => expect.objectContaining<Partial<Fault>>({ reason })

describe('an object', () => {
  test('is read back as it was put, with digests that anyone can check', async () => {
    const { put, text } = await room()
    const object = await put('a', 'hello')
    expect(await text('a')).toBe('hello')
    expect(object).toMatchObject({ size: 5, crc32c: 'mnG7TA==', md5: 'XUFAKrxLKna5cZ2REBfFkg==', metageneration: 1 })
  })

  test('announces what happened to it in the order in which it happened', async () => {
    const { put, storage, facts } = await room()
    await put('a', '1')
    await put('a', '2')
    await storage.objects.change({ bucket: 'lake', name: 'a' }, { contentType: 'text/plain' }, 'merge', {})
    await storage.objects.remove({ bucket: 'lake', name: 'a' }, {})
    expect(await facts()).toEqual([
      ['bucket.created', undefined],
      ['object.finalized', 'a'],
      ['object.finalized', 'a'],
      ['object.deleted', 'a'],
      ['object.metadataUpdated', 'a'],
      ['object.deleted', 'a'],
    ])
  })

  test('is not put where a condition does not hold, and its bytes are not kept', async () => {
    const { put, text, files } = await room()
    const first = await put('a', '1', { conditions: { generation: 0 } })
    await expect(put('a', '2', { conditions: { generation: 0 } })).rejects.toEqual(refused('conditionNotMet'))
    await expect(put('a', '2', { conditions: { generation: first.generation + 1 } })).rejects.toEqual(refused('conditionNotMet'))
    await put('a', '3', { conditions: { generation: first.generation, metageneration: 1 } })
    expect(await text('a')).toBe('3')
    expect(files()).toHaveLength(2)
  })

  test('with a digest that does not match is refused and leaves nothing behind', async () => {
    const { storage, files, staged } = await room()
    const wish = { bucket: 'lake', name: 'a', meta: {}, storageClass: null, conditions: {} }
    await expect(storage.uploads.simple(wish, pieces('abc'), 3, { md5: Buffer.alloc(16).toString('base64') })).rejects.toMatchObject({ message: expect.stringContaining('MD5') })
    await expect(storage.uploads.simple(wish, pieces('abc'), 3, { crc32c: 'AAAAAA==' })).rejects.toMatchObject({ message: expect.stringContaining('CRC32C') })
    await expect(storage.uploads.simple(wish, pieces('ab'), 3, {})).rejects.toEqual(refused('badRequest'))
    expect([...files(), ...staged()]).toEqual([])
  })

  test('put by many at once under a condition is put by exactly one', async () => {
    const { put } = await room()
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => put('a', String(index), { conditions: { generation: 0 } })))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('keeps its older generations where the bucket keeps versions, and takes one away for good by its number', async () => {
    const { storage, put, text } = await room()
    await storage.buckets.change('lake', { versioning: { enabled: true } }, 'merge', {})
    const first = await put('a', '1')
    await put('a', '2')
    await storage.objects.remove({ bucket: 'lake', name: 'a' }, {})
    await expect(text('a')).rejects.toEqual(refused('notFound'))
    expect(await text('a', first.generation)).toBe('1')
    await storage.objects.remove({ bucket: 'lake', name: 'a', generation: first.generation }, {})
    await expect(text('a', first.generation)).rejects.toEqual(refused('notFound'))
  })

  test('copied shares its bytes, and either copy may go without harm to the other', async () => {
    const { storage, put, text, upkeep, files } = await room()
    await put('a', 'shared')
    await storage.objects.copy({ bucket: 'lake', name: 'a' }, {}, { bucket: 'lake', name: 'b', meta: {}, storageClass: null, conditions: {} }, undefined)
    expect(files()).toHaveLength(1)
    await storage.objects.move({ bucket: 'lake', name: 'b' }, {}, { bucket: 'lake', name: 'c', meta: {}, storageClass: null, conditions: {} })
    await upkeep.sweep()
    await storage.objects.move({ bucket: 'lake', name: 'c' }, {}, { bucket: 'lake', name: 'b', meta: {}, storageClass: null, conditions: {} })
    await storage.objects.remove({ bucket: 'lake', name: 'a' }, {})
    await upkeep.sweep()
    expect(await text('b')).toBe('shared')
    await storage.objects.remove({ bucket: 'lake', name: 'b' }, {})
    await upkeep.sweep()
    expect(files()).toHaveLength(0)
  })

  test('moved is under its new name and no other, with its bytes and its metadata', async () => {
    const { storage, put, text, facts } = await room()
    await put('a', 'moving', { meta: { metadata: { k: 'v' } } })
    const moved = await storage.objects.move({ bucket: 'lake', name: 'a' }, {}, { bucket: 'lake', name: 'b', meta: {}, storageClass: null, conditions: { generation: 0 } })
    expect(moved.meta.metadata).toEqual({ k: 'v' })
    expect(await text('b')).toBe('moving')
    await expect(text('a')).rejects.toEqual(refused('notFound'))
    expect((await facts()).slice(-2)).toEqual([['object.finalized', 'b'], ['object.deleted', 'a']])
  })

  test('composed holds its sources in order, and says of how many parts it is', async () => {
    const { storage, put, text } = await room()
    await put('1', 'ab')
    await put('2', 'cd')
    const target = { bucket: 'lake', name: 'all', meta: {}, storageClass: null, conditions: {} }
    const composed = await storage.objects.compose(target, [{ name: '1', conditions: {} }, { name: '2', conditions: {} }, { name: '1', conditions: {} }])
    expect(await text('all')).toBe('abcdab')
    expect(composed).toMatchObject({ componentCount: 3, md5: null, size: 6 })
  })

  test('under a hold or a retention is neither overwritten nor removed', async () => {
    const { storage, put, clock } = await room()
    await put('held', '1')
    await storage.objects.change({ bucket: 'lake', name: 'held' }, { temporaryHold: true }, 'merge', {})
    await expect(put('held', '2')).rejects.toEqual(refused('forbidden'))
    await storage.buckets.change('lake', { retentionPolicy: { retentionPeriod: '60' } }, 'merge', {})
    await put('kept', '1')
    await expect(storage.objects.remove({ bucket: 'lake', name: 'kept' }, {})).rejects.toEqual(refused('forbidden'))
    await clock.advance(61_000)
    await storage.objects.remove({ bucket: 'lake', name: 'kept' }, {})
  })

  test('gets a newer generation than the one it replaces even when the clock was set back', async () => {
    const { put, clock } = await room()
    const first = await put('a', '1')
    await clock.advance(-3600_000)
    const second = await put('a', '2')
    expect(second.generation).toBeGreaterThan(first.generation)
  })
})

describe('a resumable upload', () => {
  const wish: Put = { bucket: 'lake', name: 'big', meta: {}, storageClass: null, conditions: {} }
  const chunk = (start: number | undefined, total?: number) => ({ start, end: undefined, total, digests: {} })

  test('goes on where it stood, in this house and in the next one on the same folder', async () => {
    const ground = await timedGround()
    await ground.ledger.migrate('storage', storageMigrations)
    const folder = testFolder()
    const open = () => new StorageService({ ...ground, disk: new Disk(folder, { durable: false }) })
    const first = open()
    await first.buckets.create('p', { name: 'lake' })
    const { id } = await first.uploads.begin(wish, undefined, {})
    expect(await first.uploads.advance(id, { start: 0, end: 5, total: undefined, digests: {} }, pieces('hello '))).toEqual({ stored: 6 })
    await first.uploads.stop()

    const second = open()
    expect(await second.uploads.advance(id, chunk(undefined), pieces())).toEqual({ stored: 6 })
    const done = await second.uploads.advance(id, { start: 6, end: 10, total: 11, digests: {} }, pieces('world'))
    expect(done).toMatchObject({ done: { size: 11, md5: 'XrY7u+Ae7tCTyyK7j1rNww==' } })
    expect(await second.uploads.advance(id, chunk(undefined, 11), pieces())).toEqual(done)
  })

  test('of open length ends with its body, unless the connection broke', async () => {
    const { storage, text } = await room()
    async function* broken() {
      yield Buffer.from('ab')
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
    }
    const { id } = await storage.uploads.begin(wish, undefined, {})
    expect(await storage.uploads.advance(id, chunk(0), broken())).toEqual({ stored: 2 })
    expect(await storage.uploads.advance(id, chunk(2), pieces('cd'))).toMatchObject({ done: { size: 4 } })
    expect(await text('big')).toBe('abcd')
  })

  test('takes a chunk again that it has already, and refuses one that leaves a gap', async () => {
    const { storage, text } = await room()
    const { id } = await storage.uploads.begin(wish, 6, {})
    await storage.uploads.advance(id, { start: 0, end: 2, total: 6, digests: {} }, pieces('abc'))
    await expect(storage.uploads.advance(id, { start: 4, end: 5, total: 6, digests: {} }, pieces('ef'))).rejects.toEqual(refused('invalid'))
    await storage.uploads.advance(id, { start: 1, end: 5, total: 6, digests: {} }, pieces('bc', 'def'))
    expect(await text('big')).toBe('abcdef')
  })

  test('is forgotten after a week, with its bytes', async () => {
    const { storage, clock, upkeep, staged } = await room()
    const { id } = await storage.uploads.begin(wish, undefined, {})
    await storage.uploads.advance(id, { start: 0, end: 2, total: undefined, digests: {} }, pieces('abc'))
    await clock.advance(8 * 24 * 3600_000)
    await expect(storage.uploads.advance(id, chunk(undefined), pieces())).rejects.toEqual(refused('notFound'))
    await upkeep.sweep()
    expect(staged()).toEqual([])
  })

  test('whose object could not be written for a full disk goes on once there is room', async () => {
    const { storage, text } = await room()
    const { id } = await storage.uploads.begin(wish, 6, {})
    await storage.uploads.advance(id, { start: 0, end: 2, total: 6, digests: {} }, pieces('abc'))
    arm('disk.write', 'enospc')
    await expect(storage.uploads.advance(id, { start: 3, end: 5, total: 6, digests: {} }, pieces('def'))).rejects.toMatchObject({ code: 'ENOSPC' })
    disarm()
    expect(await storage.uploads.advance(id, chunk(undefined, 6), pieces())).toEqual({ stored: 3 })
    await storage.uploads.advance(id, { start: 3, end: 5, total: 6, digests: {} }, pieces('def'))
    expect(await text('big')).toBe('abcdef')
  })
})

describe('upkeep', () => {
  test('removes staged bytes that no upload needs, and files that no object names once they are old', async () => {
    const { storage, upkeep, files, staged } = await room()
    const writer = await storage.blobs.write('00lost')
    await writer.append(pieces('x'))
    await writer.release()
    expect(staged()).toEqual(['00lost'])
    await upkeep.clearStaging()
    expect(staged()).toEqual([])
    await storage.blobs.store(pieces('orphan'), 6)
    await upkeep.removeOrphans()
    expect(files()).toHaveLength(1) // Its request may still be under way.
  })

  test('acts on lifecycle rules by age, by versions and by class', async () => {
    const { storage, upkeep, put, clock } = await room()
    await storage.buckets.change(
      'lake',
      {
        versioning: { enabled: true },
        lifecycle: {
          rule: [
            { action: { type: 'Delete' }, condition: { numNewerVersions: 1 } },
            { action: { type: 'SetStorageClass', storageClass: 'COLDLINE' }, condition: { age: 30, matchesPrefix: ['cold/'] } },
            { action: { type: 'Delete' }, condition: { age: 90, isLive: true, matchesSuffix: ['.tmp'] } },
          ],
        },
      },
      'merge',
      {},
    )
    await put('cold/a', '1')
    await put('x.tmp', '1')
    await put('v', '1')
    await put('v', '2')
    await clock.advance(40 * 24 * 3600_000)
    await upkeep.runLifecycle()
    const all = async () => (await storage.shelf.scan('lake', { from: [], versions: true, limit: 100 })).map(({ name, storageClass, live }) => `${name} ${storageClass}${live ? '' : ' old'}`)
    expect(await all()).toEqual(['cold/a COLDLINE', 'v STANDARD', 'x.tmp STANDARD'])
    await clock.advance(60 * 24 * 3600_000)
    await upkeep.runLifecycle()
    expect(await all()).toEqual(['cold/a COLDLINE', 'v STANDARD', 'x.tmp STANDARD old'])
  })
})
