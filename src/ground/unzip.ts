/**
 * Unpacks a zip file that a stranger made into a folder of ours. An archive with any name, kind or size that is not plainly
 * harmless is refused as a whole; what it held so far goes with its folder. Which files are wanted in it is the rooms' business.
 */
import { createWriteStream } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32 } from '@node-rs/crc32'
import yauzl from 'yauzl'
import { Fault } from './fault.ts'

export interface UnzipLimits {
  entries_max: number
  total_bytes_max: number
  /** Of one file. */
  file_bytes_max: number
  /** Unpacked to packed bytes of one file, looked at above `ratio_from_bytes`. */
  ratio_max: number
  ratio_from_bytes: number
  depth_max: number
  path_chars_max: number
}

export const UNZIP_LIMITS: Readonly<UnzipLimits> = {
  entries_max: 20_000,
  total_bytes_max: 512 * 1024 * 1024,
  file_bytes_max: 256 * 1024 * 1024,
  ratio_max: 200,
  ratio_from_bytes: 16 * 1024 * 1024,
  depth_max: 32,
  path_chars_max: 1024,
}

const FILE_TYPES = 0o170000
const PLAIN_FILE = 0o100000
const FOLDER = 0o040000
const MADE_BY_UNIX = 3
const SEGMENT_BYTES_MAX = 255

/** Writes what the archive holds below `folder`; the names of its files, sorted. */
export async function unzip(archive: string, folder: string, limits: UnzipLimits = UNZIP_LIMITS): Promise<string[]> {
  const zip = await opened(archive)
  try {
    const seen = new Map<string, 'file' | 'folder'>()
    const files: string[] = []
    let total_bytes = 0
    if (zip.entryCount > limits.entries_max) throw refused(`it has ${zip.entryCount} entries; ${limits.entries_max} are allowed`)
    for await (const entry of entriesOf(zip)) {
      const { path, isFolder } = checkedName(entry, limits)
      checkKind(entry, path)
      note(seen, path, isFolder ? 'folder' : 'file')
      if (isFolder) {
        await mkdir(join(folder, path), { recursive: true, mode: 0o755 })
        continue
      }
      total_bytes += entry.uncompressedSize
      if (total_bytes > limits.total_bytes_max) throw refused(`it unpacks to more than ${limits.total_bytes_max} bytes`)
      await writeFile(zip, entry, join(folder, path), limits)
      files.push(path)
    }
    return files.sort()
  } catch (thrown) {
    throw thrown instanceof Fault || isDisk(thrown) ? thrown : refused((thrown as Error).message)
  } finally {
    zip.close()
  }
}

async function opened(archive: string): Promise<yauzl.ZipFile> {
  try {
    return await yauzl.openPromise(archive, { lazyEntries: true, autoClose: false, strictFileNames: true, validateEntrySizes: true, decodeStrings: true })
  } catch (cause) {
    throw refused(`it is no zip file (${(cause as Error).message})`)
  }
}

async function* entriesOf(zip: yauzl.ZipFile): AsyncGenerator<yauzl.Entry> {
  for await (const entry of zip.eachEntry()) yield entry
}

function checkedName({ fileName }: yauzl.Entry, { depth_max, path_chars_max }: UnzipLimits): { path: string; isFolder: boolean } {
  const isFolder = fileName.endsWith('/')
  const path = isFolder ? fileName.slice(0, -1) : fileName
  const segments = path.split('/')
  const bad =
    path === '' || path.length > path_chars_max || segments.length > depth_max || /[\0-\x1f\x7f\\]/.test(path) || /^[a-zA-Z]:/.test(path) ||
    segments.some((segment) => segment === '' || segment === '.' || segment === '..' || Buffer.byteLength(segment) > SEGMENT_BYTES_MAX)
  if (bad) throw refused(`the name ${JSON.stringify(fileName.slice(0, 200))} is not one that a file may have`)
  return { path, isFolder }
}

function checkKind(entry: yauzl.Entry, path: string): void {
  if (entry.isEncrypted()) throw refused(`${path} is encrypted`)
  const type = entry.versionMadeBy >> 8 === MADE_BY_UNIX ? (entry.externalFileAttributes >>> 16) & FILE_TYPES : 0
  if (type !== 0 && type !== PLAIN_FILE && type !== FOLDER) throw refused(`${path} is a link or a device`)
}

/** Also what would be one file where upper and lower case are the same. */
function note(seen: Map<string, 'file' | 'folder'>, path: string, kind: 'file' | 'folder'): void {
  const key = path.normalize('NFC').toLowerCase()
  if (seen.has(key) && !(kind === 'folder' && seen.get(key) === 'folder')) throw refused(`${path} is in it twice`)
  seen.set(key, kind)
  for (let at = key.lastIndexOf('/'); at > 0; at = key.lastIndexOf('/', at - 1)) {
    const above = key.slice(0, at)
    if (seen.get(above) === 'file') throw refused(`${path} lies below a file`)
    seen.set(above, 'folder')
  }
}

async function writeFile(zip: yauzl.ZipFile, entry: yauzl.Entry, target: string, limits: UnzipLimits): Promise<void> {
  const { fileName, uncompressedSize, compressedSize } = entry
  if (uncompressedSize > limits.file_bytes_max) throw refused(`${fileName} is larger than ${limits.file_bytes_max} bytes`)
  if (uncompressedSize > limits.ratio_from_bytes && uncompressedSize > compressedSize * limits.ratio_max) throw refused(`${fileName} unpacks to more than ${limits.ratio_max} times its size`)
  const header = await zip.readLocalFileHeaderPromise(entry)
  // What a scanner read in one place and we in another would be two different archives.
  if (!header.fileName.equals(entry.fileNameRaw) || header.compressionMethod !== entry.compressionMethod) throw refused(`${fileName} has two different headers`)
  await mkdir(dirname(target), { recursive: true, mode: 0o755 })
  let crc = 0
  const summed = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      crc = crc32(chunk, crc)
      done(null, chunk)
    },
  })
  await pipeline(await zip.openReadStreamPromise(entry), summed, createWriteStream(target, { flags: 'wx', mode: 0o644 }))
  if (crc !== entry.crc32 >>> 0) throw refused(`${fileName} is damaged`)
  if (((entry.externalFileAttributes >>> 16) & 0o111) !== 0) await chmod(target, 0o755)
}

const isDisk = (thrown: unknown): boolean => ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS'].includes((thrown as NodeJS.ErrnoException).code ?? '')

function refused(why: string): Fault {
  return new Fault('INVALID_ARGUMENT', 'badArchive', `The zip file was refused: ${why}.`)
}
