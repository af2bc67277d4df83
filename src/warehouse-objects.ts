/** The warehouse's port to object storage: objects listed, lent as files after a look at their checksum, and written. */
import { crc32c } from '@node-rs/crc32'
import type { Disk } from '#ground/disk.ts'
import { Fault } from '#ground/fault.ts'
import { crcText } from '#ground/hashing.ts'
import { damaged } from '#rooms/storage/faults.ts'
import type { StorageService } from '#rooms/storage/service.ts'
import type { ObjectsPort } from '#rooms/warehouse/files.ts'

export function warehouseObjects(storage: StorageService, disk: Disk): ObjectsPort {
  return {
    async list(bucket, prefix, after, limit) {
      await storage.buckets.get(bucket)
      const found = await storage.shelf.scan(bucket, { from: [prefix], ...(after !== '' && { after: { name: after } }), versions: false, limit })
      return found.filter(({ name }) => name.startsWith(prefix)).map(({ name, size }) => ({ name, size }))
    },
    async fetch(bucket, name, place) {
      const object = await storage.objects.get({ bucket, name })
      let crc = 0
      for await (const chunk of storage.blobs.read(object.blob, 0, object.size - 1)) crc = crc32c(chunk, crc)
      if (crcText(crc) !== object.crc32c) throw damaged(bucket, name)
      await disk.link(storage.blobs.place(object.blob), place)
      return { size: object.size, gzip: object.meta.contentEncoding === 'gzip' }
    },
    async write(bucket, name, contentType, body) {
      try {
        await storage.uploads.simple({ bucket, name, meta: { contentType }, storageClass: null, conditions: {} }, body, undefined, {})
      } catch (thrown) {
        if (thrown instanceof Fault && thrown.code === 'NOT_FOUND') throw new Fault('NOT_FOUND', 'notFound', `Not found: Bucket ${bucket}`)
        throw thrown
      }
    },
  }
}
