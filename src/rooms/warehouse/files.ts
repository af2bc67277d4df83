/** Files on their way in and out of tables: brought from object storage or an upload into the engine's staging folder, and back. */
import type { Disk, StagedFile } from '#ground/disk.ts'
import type { Ids } from '#ground/ids.ts'
import { Fault } from '#ground/fault.ts'
import { invalid } from './faults.ts'
import { SOURCE_FILES_MAX, SOURCE_URIS_MAX, UPLOAD_BYTES_MAX } from './limits.ts'

/** What the warehouse needs of object storage; plugged in by the house. */
export interface ObjectsPort {
  list(bucket: string, prefix: string, after: string, limit: number): Promise<{ name: string; size: number }[]>
  /** Makes the object's bytes a file below the data folder: a link where it can be, else a copy. Checked against the object's checksum. */
  fetch(bucket: string, name: string, place: readonly string[]): Promise<{ size: number; gzip: boolean }>
  write(bucket: string, name: string, contentType: string, body: AsyncIterable<Buffer>): Promise<void>
}

export interface SourceFile {
  /** In the staging folder. */
  id: string
  size: number
  /** As the client knows it: a gs:// URL, or nothing for an upload. */
  uri: string | undefined
  gzip: boolean
}

const LIST_PAGE = 1000
const CHUNK_BYTES = 1 << 20
const PLACE = ['warehouse', 'staging'] as const

export class Files {
  private readonly disk: Disk
  private readonly ids: Ids
  private readonly objects: ObjectsPort

  constructor(parts: { disk: Disk; ids: Ids; objects: ObjectsPort }) {
    this.disk = parts.disk
    this.ids = parts.ids
    this.objects = parts.objects
  }

  path(id: string): string {
    return this.disk.path(...PLACE, id)
  }

  newId(extension = ''): string {
    return `${this.ids.next()}${extension}`
  }

  /** Every object that the URIs name, as files; a URI that names none is an error. */
  async fetch(uris: readonly string[]): Promise<SourceFile[]> {
    if (uris.length === 0) throw new Fault('INVALID_ARGUMENT', 'required', 'Required parameter is missing: sourceUris')
    if (uris.length > SOURCE_URIS_MAX) throw invalid(`At most ${SOURCE_URIS_MAX} source URIs are allowed.`, 'sourceUris')
    await this.disk.folder(...PLACE)
    const files: SourceFile[] = []
    try {
      for (const uri of uris) {
        const { bucket, name } = parseUri(uri)
        const names = name.includes('*') ? await this.matching(bucket, name) : [name]
        if (names.length === 0) throw notThere(uri)
        for (const each of names) {
          if (files.length >= SOURCE_FILES_MAX) throw invalid(`The source URIs name more than ${SOURCE_FILES_MAX} files.`, 'sourceUris')
          const id = this.newId()
          const found = `gs://${bucket}/${each}`
          const { size, gzip } = await this.fetchOne(bucket, each, id, found)
          files.push({ id, size, uri: found, gzip: gzip || /\.gz$/i.test(each) })
        }
      }
      return files
    } catch (thrown) {
      await this.discard(files)
      throw thrown
    }
  }

  /** A client's own bytes. */
  async receive(body: AsyncIterable<Buffer>): Promise<SourceFile> {
    const upload = await this.begin()
    try {
      for await (const chunk of body) await this.append(upload, chunk)
      return await this.finish(upload)
    } catch (thrown) {
      await this.abandon(upload)
      throw thrown
    }
  }

  begin(): Promise<StagedFile> {
    return this.disk.stage(this.newId())
  }

  async append(file: StagedFile, chunk: Buffer): Promise<void> {
    if (file.size + chunk.length > UPLOAD_BYTES_MAX) throw invalid('The upload is larger than 5 TiB.')
    await file.write(chunk)
  }

  async finish(file: StagedFile): Promise<SourceFile> {
    await file.close()
    await this.disk.publish(file.id, ...PLACE, file.id)
    return { id: file.id, size: file.size, uri: undefined, gzip: await this.zipped(file.id) }
  }

  /** An upload has no name that could tell. */
  private async zipped(id: string): Promise<boolean> {
    const handle = await this.disk.open(...PLACE, id)
    try {
      const start = Buffer.alloc(2)
      const { bytesRead } = await handle.read(start, 0, 2, 0)
      return bytesRead === 2 && start.readUInt16BE(0) === 0x1f8b
    } finally {
      await handle.close()
    }
  }

  async abandon(file: StagedFile): Promise<void> {
    await file.close().catch(() => undefined)
    await this.disk.discard(file.id)
  }

  async discard(files: readonly { id: string }[]): Promise<void> {
    for (const { id } of files) await this.disk.remove(...PLACE, id)
  }

  /** A file that the engine wrote, as an object. */
  async deliver(id: string, bucket: string, name: string, contentType: string): Promise<void> {
    await this.objects.write(bucket, name, contentType, this.read(id))
    await this.disk.remove(...PLACE, id)
  }

  /** What a kill left behind. */
  async clear(): Promise<void> {
    for (const id of await this.disk.list(...PLACE)) await this.disk.remove(...PLACE, id)
  }

  private async *read(id: string): AsyncGenerator<Buffer> {
    const handle = await this.disk.open(...PLACE, id)
    try {
      for (let at = 0; ; ) {
        const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
        const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, at)
        if (bytesRead === 0) return
        yield buffer.subarray(0, bytesRead)
        at += bytesRead
      }
    } finally {
      await handle.close()
    }
  }

  private async fetchOne(bucket: string, name: string, id: string, uri: string): Promise<{ size: number; gzip: boolean }> {
    try {
      return await this.objects.fetch(bucket, name, [...PLACE, id])
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.code === 'NOT_FOUND') throw notThere(uri)
      throw thrown
    }
  }

  private async matching(bucket: string, pattern: string): Promise<string[]> {
    const at = pattern.indexOf('*')
    const prefix = pattern.slice(0, at)
    const suffix = pattern.slice(at + 1)
    if (suffix.includes('*')) throw invalid('Only one wildcard is allowed in a source URI.', 'sourceUris')
    const names: string[] = []
    for (let after = ''; ; ) {
      const page = await this.objects.list(bucket, prefix, after, LIST_PAGE)
      for (const { name } of page) if (name.endsWith(suffix) && name.length >= prefix.length + suffix.length) names.push(name)
      if (page.length < LIST_PAGE || names.length > SOURCE_FILES_MAX) return names
      after = page.at(-1)!.name
    }
  }
}

export function parseUri(uri: string): { bucket: string; name: string } {
  const found = /^gs:\/\/([^/]+)\/(.+)$/s.exec(uri)
  if (!found) throw invalid(`Source URI must be a Google Cloud Storage location: ${uri.slice(0, 200)}`, 'sourceUris')
  return { bucket: found[1]!, name: found[2]! }
}

function notThere(uri: string): Fault {
  return new Fault('NOT_FOUND', 'notFound', `Not found: URI ${uri}`)
}
