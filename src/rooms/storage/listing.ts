/** Pages of objects: prefix, delimiter, glob, offsets, versions. Every page seeks to its place, so the thousandth costs what the first does. */
import { invalid } from './faults.ts'
import { LIST_PAGE_MAX, LIST_SCAN_MAX } from './limits.ts'
import type { Scan, StorageShelf } from './shelf.ts'
import type { StoredObject } from './types.ts'

export interface ListQuery {
  prefix: string
  delimiter: string
  startOffset: string
  endOffset: string
  matchGlob: string
  includeTrailingDelimiter: boolean
  versions: boolean
  maxResults: number
  pageToken: string
}

export interface Page {
  items: StoredObject[]
  prefixes: string[]
  nextPageToken: string | undefined
}

/** How far a listing has come: past this name (among versions, past this generation of it), and past all that lies `under` a common prefix. */
interface Cursor {
  name: string
  generation?: number
  under?: string
}

/** Sorts after nearly every name that continues a prefix; what little sorts higher is passed over by `under`. */
const HIGHEST = '\u{10ffff}'

export async function listObjects(shelf: Pick<StorageShelf, 'scan'>, bucket: string, query: ListQuery): Promise<Page> {
  const limit = Math.min(query.maxResults, LIST_PAGE_MAX)
  const glob = query.matchGlob === '' ? undefined : globPattern(query.matchGlob)
  const page: Page = { items: [], prefixes: [], nextPageToken: undefined }
  const count = () => page.items.length + page.prefixes.length
  let cursor = query.pageToken === '' ? undefined : readToken(query.pageToken)

  for (let scanned = 0; scanned < LIST_SCAN_MAX; ) {
    const batch = await shelf.scan(bucket, window(query, cursor, limit - count() + 1))
    if (batch.length === 0) return page
    scanned += batch.length
    for (const object of batch) {
      if (!object.name.startsWith(query.prefix)) return page
      const here = query.versions ? { name: object.name, generation: object.generation } : { name: object.name }
      if (cursor?.under !== undefined && object.name.startsWith(cursor.under)) {
        cursor = { ...here, under: cursor.under }
        continue
      }
      const common = commonPrefix(object.name, query)
      if (common === undefined && glob && !glob.test(object.name)) {
        cursor = here
        continue
      }
      if (count() >= limit) return { ...page, nextPageToken: cursor && writeToken(cursor) }
      if (common === undefined) {
        page.items.push(object)
        cursor = here
        continue
      }
      page.prefixes.push(common)
      if (query.includeTrailingDelimiter && object.name === common) page.items.push(object)
      cursor = { name: common + HIGHEST, under: common }
      break // The rest of the batch may lie under it: seek past.
    }
  }
  return { ...page, nextPageToken: cursor && writeToken(cursor) }
}

function window(query: ListQuery, cursor: Cursor | undefined, limit: number): Scan {
  return {
    from: [query.prefix, query.startOffset].filter((bound) => bound !== ''),
    versions: query.versions,
    limit,
    ...(query.endOffset !== '' && { before: query.endOffset }),
    ...(cursor && { after: cursor }),
  }
}

function commonPrefix(name: string, { prefix, delimiter }: ListQuery): string | undefined {
  if (delimiter === '') return undefined
  const at = name.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : name.slice(0, at + delimiter.length)
}

function writeToken(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url')
}

function readToken(token: string): Cursor {
  try {
    const cursor = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    const wellFormed =
      typeof cursor?.name === 'string' &&
      (cursor.generation === undefined || Number.isSafeInteger(cursor.generation)) &&
      (cursor.under === undefined || typeof cursor.under === 'string')
    if (wellFormed) return cursor
  } catch {
    // Falls through to the same answer as any other token that is not ours.
  }
  throw invalid('Invalid value for pageToken.')
}

const GLOB_CHARS_MAX = 1024

/** `*` within a folder, `**` across, `?`, `[a-z]`, `{a,b}`; anchored at both ends. */
export function globPattern(glob: string): RegExp {
  if (glob.length > GLOB_CHARS_MAX) throw invalid('matchGlob is too long.')
  let source = ''
  let braces = 0
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at]!
    if (char === '*') {
      const deep = glob[at + 1] === '*'
      if (deep) at++
      // `**/` also matches no folder at all.
      if (deep && glob[at + 1] === '/') {
        source += '(?:.*/)?'
        at++
      } else source += deep ? '.*' : '[^/]*'
    } else if (char === '?') source += '[^/]'
    else if (char === '[') {
      const end = glob.indexOf(']', at + 2)
      if (end < 0) throw invalid('matchGlob has a [ without its ].')
      const inner = glob.slice(at + 1, end).replace(/^[!^]/, '^').replace(/[\\[\]&~|]/g, '\\$&')
      source += `[${inner}]`
      at = end
    } else if (char === '{') {
      braces++
      source += '(?:'
    } else if (char === '}' && braces > 0) {
      braces--
      source += ')'
    } else if (char === ',' && braces > 0) source += '|'
    else if (char === '\\' && at + 1 < glob.length) source += escape(glob[++at]!)
    else source += escape(char)
  }
  if (braces > 0) throw invalid('matchGlob has a { without its }.')
  try {
    return new RegExp(`^${source}$`, 'su')
  } catch (cause) {
    throw invalid(`matchGlob cannot be read: ${(cause as Error).message}`)
  }
}

function escape(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&')
}
