/**
 * Files that last. The only module of the house that joins paths and writes raw files: what it is given are
 * identifiers of ours, never a name that a user chose. A file becomes visible whole or not at all:
 * staged, synced, renamed, and the folder synced, before anyone is told.
 */
import { closeSync, fdatasync, fsync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { link, mkdir, open, readFile, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { traceDisk } from './disk-trace.ts'
import { failpoint } from './failpoint.ts'
import { Fault } from './fault.ts'

const fdatasyncOf = promisify(fdatasync)
const fsyncOf = promisify(fsync)

const PART = /^[a-z0-9][a-z0-9._-]*$/

export interface StagedFile {
  readonly id: string
  readonly size: number
  write(chunk: Uint8Array): Promise<void>
  /** Makes what was written last, still unpublished. */
  sync(): Promise<void>
  /** Begins to bring what was written to the disk, so that a later sync has less left to do. Promises nothing. */
  flush(): Promise<void>
  close(): Promise<void>
}

export class Disk {
  readonly root: string
  /** With `durable: false` nothing is synced: for throw-away houses, and said in their banner. */
  readonly durable: boolean
  private readonly folderSyncs = new Map<string, FolderSync>()
  private readonly knownFolders = new Set<string>()
  /** Set by the first sync that failed: what the disk then holds no program knows, so nothing more is written. Reading goes on. */
  failure: Fault | undefined

  constructor(root: string, options: { durable: boolean }) {
    this.root = root
    this.durable = options.durable
  }

  /** The path of something of ours below the data folder. Refuses what is not one of our identifiers. */
  path(...parts: string[]): string {
    for (const part of parts) {
      if (!PART.test(part)) throw new Error(`${JSON.stringify(part)} is not an identifier of ours and cannot be a path`)
    }
    return join(this.root, ...parts)
  }

  async folder(...parts: string[]): Promise<string> {
    const path = this.path(...parts)
    if (this.knownFolders.has(path)) return path
    await mkdir(path, { recursive: true, mode: 0o700 })
    traceDisk({ op: 'make-folder', path })
    for (let level = parts.length; level > 0 && this.durable; level--) await syncFolder(dirname(this.path(...parts.slice(0, level))))
    this.knownFolders.add(path)
    return path
  }

  /** A new file in `staging`, or the continuation of one that was synced up to `size`. */
  async stage(id: string, size = 0): Promise<StagedFile> {
    if (this.failure) throw this.failure
    await this.folder('staging')
    const handle = await open(this.path('staging', id), size === 0 ? 'w' : 'r+', 0o600)
    if (size > 0) await handle.truncate(size)
    return new Staged({ id, path: this.path('staging', id), handle, size, sync: (work) => this.sure(work) }, this.durable)
  }

  /** Moves a synced staged file to its place; when this returns, it is there after a power cut too. */
  async publish(id: string, ...place: string[]): Promise<void> {
    const folder = await this.folder(...place.slice(0, -1))
    await failpoint('disk.rename')
    await rename(this.path('staging', id), this.path(...place))
    traceDisk({ op: 'rename', path: this.path('staging', id), to: this.path(...place) })
    await this.syncFolder(folder)
  }

  /** The way back, for what was published and then came to be named by nobody. */
  async unpublish(id: string, ...place: string[]): Promise<void> {
    const folder = await this.folder('staging')
    await rename(this.path(...place), this.path('staging', id))
    await this.syncFolder(folder)
  }

  /** A second name for a file that is never written again, for a reader that must not see the first. */
  async link(from: readonly string[], to: readonly string[]): Promise<void> {
    await this.folder(...to.slice(0, -1))
    await link(this.path(...from), this.path(...to))
  }

  async discard(id: string): Promise<void> {
    await rm(this.path('staging', id), { force: true })
  }

  /** Replaces a small file whole. */
  async writeWhole(bytes: Uint8Array | string, mode: number, ...place: string[]): Promise<void> {
    const target = this.path(...place)
    const folder = place.length > 1 ? await this.folder(...place.slice(0, -1)) : this.root
    const temporary = `${target}.new`
    const handle = await open(temporary, 'w', mode)
    try {
      await handle.writeFile(bytes)
      if (this.durable) await handle.datasync()
    } finally {
      await handle.close()
    }
    await rename(temporary, target)
    await this.syncFolder(folder)
  }

  async readWhole(...place: string[]): Promise<Buffer | undefined> {
    try {
      return await readFile(this.path(...place))
    } catch (cause) {
      if (isMissing(cause)) return undefined
      throw cause
    }
  }

  /** Opens for reading; the caller closes. */
  async open(...place: string[]): Promise<FileHandle> {
    try {
      return await open(this.path(...place), 'r')
    } catch (cause) {
      throw isMissing(cause) ? lost(place, cause) : cause
    }
  }

  /**
   * Up to `size` bytes from the beginning of a small file, read where it is asked: three system calls of some ten microseconds
   * together, where each way through the thread pool would cost that alone.
   */
  readSmall(size: number, ...place: string[]): Buffer {
    let file: number
    try {
      file = openSync(this.path(...place), 'r')
    } catch (cause) {
      throw isMissing(cause) ? lost(place, cause) : cause
    }
    try {
      const buffer = Buffer.allocUnsafe(size)
      return buffer.subarray(0, readSync(file, buffer, 0, size, 0))
    } finally {
      closeSync(file)
    }
  }

  /**
   * A small file at once in its place, lasting when this returns. It is whole or unknown: its name is ours, and nobody is told it
   * before; so the file and its folder can be synced side by side.
   */
  async putSmall(bytes: Uint8Array, ...place: string[]): Promise<void> {
    if (this.failure) throw this.failure
    const folder = await this.folder(...place.slice(0, -1))
    await failpoint('disk.write')
    const path = this.path(...place)
    const file = openSync(path, 'wx', 0o600)
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
      const synced = await Promise.allSettled([this.sure(() => this.syncFile(file, path, bytes.length)), this.syncFolder(folder)])
      for (const outcome of synced) if (outcome.status === 'rejected') throw outcome.reason
    } catch (thrown) {
      rmSync(path, { force: true })
      throw thrown
    } finally {
      closeSync(file)
    }
  }

  private async syncFile(file: number, path: string, size: number): Promise<void> {
    if (await failpoint('disk.syncFile')) return
    if (!this.durable) return
    await fdatasyncOf(file)
    traceDisk({ op: 'sync-file', path, size })
  }

  async remove(...place: string[]): Promise<void> {
    await rm(this.path(...place), { force: true, recursive: true })
  }

  async size(...place: string[]): Promise<number | undefined> {
    try {
      return (await stat(this.path(...place))).size
    } catch (cause) {
      if (isMissing(cause)) return undefined
      throw cause
    }
  }

  /** When the file was last written, or undefined where there is none. */
  async age_ms(now_ms: number, ...place: string[]): Promise<number | undefined> {
    try {
      return now_ms - (await stat(this.path(...place))).mtimeMs
    } catch (cause) {
      if (isMissing(cause)) return undefined
      throw cause
    }
  }

  async list(...place: string[]): Promise<string[]> {
    try {
      return await readdir(this.path(...place))
    } catch (cause) {
      if (isMissing(cause)) return []
      throw cause
    }
  }

  /** Sets something unexplained aside, where a person can look at it. Never deletes. */
  async quarantine(tag: string, ...place: string[]): Promise<string> {
    const folder = await this.folder('quarantine')
    const kept = join(folder, `${tag}-${place.at(-1)}`)
    await rename(this.path(...place), kept)
    await this.syncFolder(folder)
    return kept
  }

  async freeBytes(): Promise<number> {
    const figures = await statfs(this.root)
    return figures.bavail * figures.bsize
  }

  /** Makes the names in one of our folders last: for those who write files of their own there. */
  async syncPlace(...parts: string[]): Promise<void> {
    await this.syncFolder(this.path(...parts))
  }

  /** A full disk can be freed; any other failed sync is the end of writing until the house has looked at the disk anew. */
  private async sure(sync: () => Promise<void>): Promise<void> {
    try {
      await sync()
    } catch (thrown) {
      const code = (thrown as NodeJS.ErrnoException).code
      if (code === 'EIO') this.failure ??= diskFault(thrown)
      throw thrown
    }
  }

  /** One sync serves everyone who asked for it before it began. */
  private async syncFolder(folder: string): Promise<void> {
    if (!this.durable) return
    if (await failpoint('disk.syncFolder')) return
    let sync = this.folderSyncs.get(folder)
    if (!sync) this.folderSyncs.set(folder, (sync = new FolderSync(folder)))
    await this.sure(() => sync.join())
  }
}

/** Coalesces the syncs of one folder: those who come while one runs share the next. */
class FolderSync {
  private running: Promise<void> | undefined
  private next: Promise<void> | undefined
  private readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  join(): Promise<void> {
    if (!this.running) return this.start()
    this.next ??= this.running.then(
      () => this.start(),
      () => this.start(),
    )
    return this.next
  }

  private start(): Promise<void> {
    this.next = undefined
    this.running = this.sync().finally(() => {
      this.running = undefined
    })
    return this.running
  }

  private async sync(): Promise<void> {
    const file = openSync(this.folder, 'r')
    try {
      await fsyncOf(file)
      traceDisk({ op: 'sync-folder', path: this.folder })
    } finally {
      closeSync(file)
    }
  }
}

interface StagedParts {
  id: string
  path: string
  handle: FileHandle
  size: number
  /** Runs a sync, and takes note where it fails. */
  sync(work: () => Promise<void>): Promise<void>
}

class Staged implements StagedFile {
  readonly id: string
  size: number
  private readonly parts: StagedParts
  private readonly handle: FileHandle
  private readonly durable: boolean

  constructor(parts: StagedParts, durable: boolean) {
    this.id = parts.id
    this.size = parts.size
    this.parts = parts
    this.handle = parts.handle
    this.durable = durable
  }

  async write(chunk: Uint8Array): Promise<void> {
    await failpoint('disk.write')
    for (let offset = 0; offset < chunk.length; ) {
      const { bytesWritten } = await this.handle.write(chunk, offset, chunk.length - offset, this.size)
      offset += bytesWritten
      this.size += bytesWritten
    }
  }

  async sync(): Promise<void> {
    await this.parts.sync(async () => {
      if (await failpoint('disk.syncFile')) return
      if (!this.durable) return
      await this.handle.datasync()
      traceDisk({ op: 'sync-file', path: this.parts.path, size: this.size })
    })
  }

  async flush(): Promise<void> {
    if (this.durable) await this.parts.sync(() => this.handle.datasync())
  }

  async close(): Promise<void> {
    await this.handle.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
    traceDisk({ op: 'sync-folder', path })
  } finally {
    await handle.close()
  }
}

function lost(place: string[], cause: unknown): Fault {
  return new Fault('DATA_LOSS', 'backendError', `The file ${place.join('/')} that the ledger names is not on disk.`, {
    hint: 'Run `potoroo doctor`; restore the file from a snapshot.',
    cause,
  })
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'ENOENT'
}

/** The disk's own refusals as Faults that say what to do; undefined for anything else. */
export function diskFault(cause: unknown): Fault | undefined {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Fault('RESOURCE_EXHAUSTED', 'diskFull', 'The disk that holds the data folder is full; nothing was stored.', {
      hint: 'Free some space and send the request again; reading goes on meanwhile.',
      httpStatus: 507,
      cause,
    })
  }
  if (code === 'EIO' || code === 'EROFS') {
    return new Fault('UNAVAILABLE', 'backendError', `The disk refused the write (${code}); nothing was stored.`, {
      hint: 'Look at the disk, then restart the house: it recovers from what is on the disk. Reading goes on meanwhile.',
      cause,
    })
  }
  return undefined
}
