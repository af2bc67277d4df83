/**
 * A whole data folder as one file: a consistent copy of the ledger, the files that it names, and a checksum of each. Made beside a
 * running house or without one. What is not named here never gets in: no key, no lock, no address.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdir, mkdtemp, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Fault } from './fault.ts'
import { readSqliteLedger } from './ledger.ts'
import { readTar, writeTar } from './tar.ts'
import type { TarEntry } from './tar.ts'

const LEDGER = 'ledger.sqlite'
const ABOUT = 'snapshot.json'
const SUMS = 'SHA256SUMS'
const FORMAT = 1
const READ_BYTES = 1 << 20
/** Copies of the ledger until one is complete. */
const ATTEMPTS_MAX = 5
/** `objects/0123456/<id>`: identifiers of ours, nothing else comes out of a snapshot. */
const ENTRY = /^[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*){1,3}$/

export interface SnapshotFigures {
  files: number
  bytes: number
}

export interface SaveParts {
  /** The data folder. */
  from: string
  /** The file to make; refused where there is one. */
  to: string
  /** The folders below it whose files belong to the data. */
  folders: string[]
  /** What a copied ledger names and the files held beside it lack. */
  missing(folder: string): Promise<string[]>
  version: string
  now_ms: number
  onBytes?: (bytes: number) => void
}

export async function saveSnapshot({ from, to, folders, missing, version, now_ms, onBytes }: SaveParts): Promise<SnapshotFigures> {
  if (!existsSync(join(from, LEDGER))) throw new Fault('NOT_FOUND', 'notFound', `${from} holds no data of a house.`)
  if (existsSync(to)) throw exists(to)
  // Below the data folder, so that files can be held by hard links while the house goes on removing.
  const hold = await mkdtemp(join(from, 'snapshot-'))
  const part = `${to}.part`
  try {
    await holdAll(from, hold, folders, missing)
    const about = { format: FORMAT, version, created: new Date(now_ms).toISOString() }
    const figures = await writeFile(part, hold, about, now_ms, onBytes)
    if (existsSync(to)) throw exists(to)
    await rename(part, to)
    await syncFolder(dirname(to))
    return figures
  } finally {
    await rm(part, { force: true })
    await rm(hold, { recursive: true, force: true })
  }
}

function exists(path: string): Fault {
  return new Fault('ALREADY_EXISTS', 'conflict', `${path} is there already; a snapshot never replaces anything.`, { hint: 'Name another file, or remove that one first.' })
}

/** A file that came and was swept while the ledger was copied is named by the copy and not held: then the copy is made again. */
async function holdAll(from: string, hold: string, folders: string[], missing: SaveParts['missing']): Promise<void> {
  await holdFiles(from, hold, folders)
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    await rm(join(hold, LEDGER), { force: true })
    await copyLedger(join(from, LEDGER), join(hold, LEDGER))
    await holdFiles(from, hold, folders)
    if ((await missing(hold)).length === 0) return
  }
  const [first] = await missing(hold)
  throw new Fault('UNAVAILABLE', 'incomplete', `No complete copy could be made: ${first}.`, {
    hint: 'If `potoroo doctor` finds nothing missing, the house is too busy just now; try again later.',
  })
}

async function copyLedger(from: string, to: string): Promise<void> {
  const ledger = readSqliteLedger(from)
  try {
    await ledger.copyTo(to)
  } finally {
    await ledger.close()
  }
}

async function holdFiles(from: string, hold: string, folders: string[]): Promise<void> {
  for (const folder of folders) {
    for (const name of await filesBelow(join(from, folder))) {
      const held = join(hold, folder, name)
      await mkdir(dirname(held), { recursive: true })
      await link(join(from, folder, name), held).catch((thrown: NodeJS.ErrnoException) => {
        // Held by the first look already, or removed since the folder was read: then no row names it.
        if (thrown.code !== 'EEXIST' && thrown.code !== 'ENOENT') throw thrown
      })
    }
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return []
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

async function writeFile(path: string, hold: string, about: object, now_ms: number, onBytes: SaveParts['onBytes']): Promise<SnapshotFigures> {
  const figures = { files: 0, bytes: 0 }
  const handle = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of writeTar(entries(hold, about, figures), now_ms / 1000)) {
      await writeAll(handle, chunk)
      onBytes?.(figures.bytes)
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  return figures
}

async function* entries(hold: string, about: object, figures: SnapshotFigures): AsyncGenerator<TarEntry> {
  yield textEntry(ABOUT, JSON.stringify(about))
  const sums: string[] = []
  for (const name of (await filesBelow(hold)).sort()) {
    const handle = await open(join(hold, name), 'r')
    try {
      // An unfinished upload may grow meanwhile; what the ledger knows of it lies within this size.
      const { size } = await handle.stat()
      const hash = createHash('sha256')
      yield { name, size, bytes: readUpTo(handle, size, hash) }
      sums.push(`${hash.digest('hex')}  ${name}\n`)
      figures.files++
      figures.bytes += size
    } finally {
      await handle.close()
    }
  }
  yield textEntry(SUMS, sums.join(''))
}

function textEntry(name: string, text: string): TarEntry {
  const bytes = Buffer.from(text)
  return {
    name,
    size: bytes.length,
    bytes: (async function* () {
      yield bytes
    })(),
  }
}

async function* readUpTo(handle: FileHandle, size: number, hash: { update(bytes: Uint8Array): unknown }): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; ) {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, size - at))
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
    if (bytesRead === 0) return
    const chunk = buffer.subarray(0, bytesRead)
    hash.update(chunk)
    at += bytesRead
    yield chunk
  }
}

/** Puts a snapshot where no data is yet. Everything is checked before the folder appears; a damaged snapshot leaves nothing behind. */
export async function loadSnapshot({ from, to, onBytes }: { from: string; to: string; onBytes?: (bytes: number) => void }): Promise<SnapshotFigures> {
  if (!existsSync(from)) throw new Fault('NOT_FOUND', 'notFound', `There is no snapshot ${from}.`)
  await refuseData(to)
  await mkdir(dirname(to), { recursive: true })
  const hold = await mkdtemp(`${to}-loading-`)
  try {
    const figures = await unpack(from, hold, onBytes)
    await checkLedger(join(hold, LEDGER))
    if (existsSync(to)) await rmdir(to)
    await rename(hold, to)
    await syncFolder(dirname(to))
    return figures
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    throw damaged(from, (thrown as Error).message, thrown)
  } finally {
    await rm(hold, { recursive: true, force: true })
  }
}

async function refuseData(folder: string): Promise<void> {
  if (!existsSync(folder) || (await readdir(folder)).length === 0) return
  throw new Fault('ALREADY_EXISTS', 'conflict', `${folder} holds data already; a snapshot is only loaded where there is none.`, {
    hint: 'Name another folder with --data, or move that one away first.',
  })
}

async function unpack(from: string, hold: string, onBytes: ((bytes: number) => void) | undefined): Promise<SnapshotFigures> {
  const figures = { files: 0, bytes: 0 }
  const found = new Map<string, string>()
  let sums: string | undefined
  const handle = await open(from, 'r')
  try {
    for await (const entry of readTar(handle.createReadStream({ autoClose: false, highWaterMark: READ_BYTES }))) {
      if (entry.name === ABOUT) refuseFormat(from, await textOf(entry))
      else if (entry.name === SUMS) sums = await textOf(entry)
      else {
        if (entry.name !== LEDGER && !ENTRY.test(entry.name)) throw damaged(from, `it holds ${JSON.stringify(entry.name)}, which is nothing of ours`)
        found.set(entry.name, await unpackFile(entry, join(hold, entry.name)))
        figures.files++
        figures.bytes += entry.size
        onBytes?.(figures.bytes)
      }
    }
  } finally {
    await handle.close()
  }
  if (sums === undefined) throw damaged(from, 'it has no checksums')
  refuseDifferences(from, sums, found)
  return figures
}

async function unpackFile(entry: TarEntry, path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const hash = createHash('sha256')
  const handle = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of entry.bytes) {
      hash.update(chunk)
      await writeAll(handle, chunk)
    }
    await handle.datasync()
  } finally {
    await handle.close()
  }
  return hash.digest('hex')
}

function refuseFormat(from: string, text: string): void {
  const { format } = JSON.parse(text) as { format: number }
  if (format === FORMAT) return
  throw new Fault('FAILED_PRECONDITION', 'newerData', `${from} was made by a newer Potoroo (format ${format}, this one reads ${FORMAT}).`, { hint: 'Load it with that version.' })
}

function refuseDifferences(from: string, sums: string, found: Map<string, string>): void {
  const told = new Map(sums.split('\n').filter(Boolean).map((line) => [line.slice(66), line.slice(0, 64)]))
  for (const [name, sum] of told) if (found.get(name) !== sum) throw damaged(from, found.has(name) ? `${name} is not what was saved` : `${name} is missing`)
  for (const name of found.keys()) if (!told.has(name)) throw damaged(from, `${name} has no checksum`)
}

async function checkLedger(path: string): Promise<void> {
  const ledger = readSqliteLedger(path)
  try {
    const problems = await ledger.check()
    if (problems.length > 0) throw damaged(path, problems.join('; '))
  } finally {
    await ledger.close()
  }
}

function damaged(path: string, why: string, cause?: unknown): Fault {
  return new Fault('DATA_LOSS', 'damaged', `${path} is damaged: ${why}. Nothing was loaded.`, { hint: 'Load an older snapshot.', cause })
}

async function textOf(entry: TarEntry): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of entry.bytes) parts.push(chunk)
  return Buffer.concat(parts).toString('utf8')
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at, chunk.length - at)).bytesWritten
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
