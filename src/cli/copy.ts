/** The ways a copy can go: up, down, or from object to object, one at a time or a whole folder; with the line that shows how far it is. */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { systemClock } from '#ground/clock.ts'
import { Fault } from '#ground/fault.ts'
import { isGsUrl, parseGsUrl, parseObjectUrl } from './gs-url.ts'
import type { GsUrl } from './gs-url.ts'
import type { HouseClient } from './house-client.ts'
import { copyObject, downloadObject, listObjects, statObject, uploadObject } from './objects.ts'
import { bytesText, durationText, paint, writeOut } from './terminal.ts'
import type { Terminal } from './terminal.ts'

export interface Copied {
  from: string
  to: string
  bytes: number
}

export interface CopyWish {
  from: string
  to: string
  recursive: boolean
  contentType: string | undefined
}

const READ_BYTES = 1 << 20
/** The line is not written more often than this. */
const LINE_MS_MIN = 100

export async function copyAll(house: HouseClient, wish: CopyWish, terminal: Terminal): Promise<Copied[]> {
  const { from, to } = wish
  if (!isGsUrl(from) && !isGsUrl(to)) {
    throw new Fault('INVALID_ARGUMENT', 'usage', 'One side of a copy has to be an object.', { hint: 'An object is written gs://BUCKET/NAME.' })
  }
  if (isGsUrl(from) && isGsUrl(to)) return between(house, wish, terminal)
  return isGsUrl(from) ? down(house, wish, terminal) : up(house, wish, terminal)
}

async function up(house: HouseClient, { from, to, recursive, contentType }: CopyWish, terminal: Terminal): Promise<Copied[]> {
  const target = parseGsUrl(to)
  if (from === '-') return [await upload(house, process.stdin, undefined, '-', parseObjectUrl(to), contentType, terminal)]
  const copied: Copied[] = []
  for (const { path, name } of await localFiles(from, recursive)) {
    const url = { bucket: target.bucket, name: joined(target.name, name, recursive) }
    const { size } = await stat(path)
    copied.push(await upload(house, createReadStream(path, { highWaterMark: READ_BYTES }), size, path, url, contentType, terminal))
  }
  return copied
}

async function upload(
  house: HouseClient,
  source: AsyncIterable<Uint8Array>,
  size: number | undefined,
  from: string,
  to: GsUrl,
  contentType: string | undefined,
  terminal: Terminal,
): Promise<Copied> {
  const url = `gs://${to.bucket}/${to.name}`
  const line = new TransferLine(terminal, `${url} ← ${from}`, size)
  const stored = await uploadObject(house, to, source, { contentType: contentType ?? contentTypeOf(to.name), onBytes: (bytes) => line.at(bytes) })
  line.done(Number(stored.size))
  return { from, to: url, bytes: Number(stored.size) }
}

async function down(house: HouseClient, { from, to, recursive }: CopyWish, terminal: Terminal): Promise<Copied[]> {
  const copied: Copied[] = []
  for await (const { url, name } of objectsMeant(house, from, recursive)) {
    const path = to === '-' ? '-' : await localTarget(to, name, recursive)
    const { size } = await statObject(house, url)
    const line = new TransferLine(terminal, `${path} ← gs://${url.bucket}/${url.name}`, Number(size))
    let bytes = 0
    const chunks = downloadObject(house, url, {
      onBytes(count) {
        bytes = count
        line.at(count)
      },
    })
    if (path === '-') await writeOut(chunks)
    else await writeFileWhole(path, chunks)
    line.done(bytes)
    copied.push({ from: `gs://${url.bucket}/${url.name}`, to: path, bytes })
  }
  return copied
}

/** A download that breaks off leaves what was there before. */
async function writeFileWhole(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const part = `${path}.part`
  await mkdir(dirname(path), { recursive: true })
  try {
    await pipeline(chunks, createWriteStream(part))
    await rename(part, path)
  } catch (thrown) {
    await rm(part, { force: true })
    throw thrown
  }
}

async function between(house: HouseClient, { from, to, recursive }: CopyWish, terminal: Terminal): Promise<Copied[]> {
  const target = parseGsUrl(to)
  const copied: Copied[] = []
  for await (const { url, name } of objectsMeant(house, from, recursive)) {
    const place = { bucket: target.bucket, name: joined(target.name, name, recursive) }
    const line = new TransferLine(terminal, `gs://${place.bucket}/${place.name} ← gs://${url.bucket}/${url.name}`, undefined)
    const stored = await copyObject(house, url, place)
    line.done(Number(stored.size))
    copied.push({ from: `gs://${url.bucket}/${url.name}`, to: `gs://${place.bucket}/${place.name}`, bytes: Number(stored.size) })
  }
  return copied
}

/** The files meant, each with the name it has below what was named. */
async function localFiles(from: string, recursive: boolean): Promise<{ path: string; name: string }[]> {
  const figures = await stat(from).catch(() => undefined)
  if (figures === undefined) throw new Fault('NOT_FOUND', 'notFound', `There is no file ${from}.`)
  if (!figures.isDirectory()) return [{ path: from, name: basename(from) }]
  if (!recursive) throw new Fault('INVALID_ARGUMENT', 'usage', `${from} is a folder.`, { hint: 'Add -r to copy all that is in it.' })
  const entries = await readdir(from, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const base = resolve(from)
  return paths.sort().map((path) => ({ path, name: resolve(path).slice(base.length + 1).split(sep).join('/') }))
}

async function* objectsMeant(house: HouseClient, from: string, recursive: boolean): AsyncGenerator<{ url: GsUrl; name: string }> {
  if (!recursive) {
    const url = parseObjectUrl(from)
    return yield { url, name: url.name.split('/').at(-1)! }
  }
  const { bucket, name: prefix } = parseGsUrl(from)
  const base = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
  for await (const object of listObjects(house, bucket, { prefix: base })) yield { url: { bucket, name: object.name }, name: object.name.slice(base.length) }
}

/** `gs://lake/raw/` and, with -r, `gs://lake/raw` are folders; anything else is the object's own name. */
function joined(target: string, name: string, recursive: boolean): string {
  if (target === '' || target.endsWith('/')) return target + name
  return recursive ? `${target}/${name}` : target
}

/** The one place where an object's name becomes a path: on the person's own disk, below the folder that they named, or not at all. */
async function localTarget(to: string, name: string, recursive: boolean): Promise<string> {
  const isFolder = recursive || to.endsWith(sep) || ((await stat(to).catch(() => undefined))?.isDirectory() ?? false)
  if (!isFolder) return to
  const path = resolve(to, ...name.split('/'))
  if (name !== '' && !name.endsWith('/') && path.startsWith(resolve(to) + sep)) return path
  throw new Fault('INVALID_ARGUMENT', 'usage', `The object ${JSON.stringify(name)} cannot be a file below ${to}.`, { hint: 'Copy it by itself to a file name of your choice.' })
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.txt': 'text/plain',
  '.json': 'application/json',
  '.ndjson': 'application/x-ndjson',
  '.yaml': 'application/yaml',
  '.yml': 'application/yaml',
  '.html': 'text/html',
  '.md': 'text/markdown',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.svg': 'image/svg+xml',
  '.pdf': 'application/pdf',
  '.zip': 'application/zip',
  '.gz': 'application/gzip',
}

const contentTypeOf = (name: string): string => CONTENT_TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream'

/** `gs://lake/day.csv ← day.csv   57.3 KB   0.1 s   ✓`, written over itself on a terminal, once otherwise. */
class TransferLine {
  private readonly terminal: Terminal
  private readonly words: string
  private readonly size: number | undefined
  private readonly clock = systemClock()
  private readonly started_ms = this.clock.elapsed_ms()
  private shown_ms = this.started_ms

  constructor(terminal: Terminal, words: string, size: number | undefined) {
    this.terminal = terminal
    this.words = words
    this.size = size
  }

  at(bytes: number): void {
    const now = this.clock.elapsed_ms()
    if (now - this.shown_ms < LINE_MS_MIN) return
    this.shown_ms = now
    const rate = bytes / ((now - this.started_ms) / 1000)
    const share = this.size ? ` of ${bytesText(this.size)} (${Math.floor((100 * bytes) / this.size)} %)` : ''
    this.terminal.rewrite(`${this.words}   ${bytesText(bytes)}${share}   ${bytesText(rate)}/s`)
  }

  done(bytes: number): void {
    this.terminal.settle(`${this.words}   ${bytesText(bytes)}   ${durationText(this.clock.elapsed_ms() - this.started_ms)}   ${paint('green', '✓')}`)
  }
}
