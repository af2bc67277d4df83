/** What the doors read out of requests, the same way everywhere: conditions, digests, sizes, list parameters. */
import type { IncomingMessage } from 'node:http'
import { unimplemented } from '#ground/fault.ts'
import type { Call } from '#ground/door.ts'
import type { ListQuery } from './listing.ts'
import { invalid } from './faults.ts'
import { LIST_PAGE_MAX } from './limits.ts'
import { wholeNumber } from './preconditions.ts'
import type { Digests } from './types.ts'

export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

export function generationOf(query: URLSearchParams, name = 'generation'): number | undefined {
  const text = query.get(name)
  return text === null || text === '' ? undefined : wholeNumber(text, name)
}

/** Python clients write `True`. */
function flag(query: URLSearchParams, name: string): boolean {
  return query.get(name)?.toLowerCase() === 'true'
}

/** The announced length of the body; undefined for chunked ones. */
export function bodySize(request: IncomingMessage): number | undefined {
  const length = header(request, 'content-length')
  return length === undefined ? undefined : Number(length)
}

export function maxResults(query: URLSearchParams): number {
  const text = query.get('maxResults')
  if (text === null || text === '') return LIST_PAGE_MAX
  const wanted = wholeNumber(text, 'maxResults')
  return wanted === 0 ? LIST_PAGE_MAX : Math.min(wanted, LIST_PAGE_MAX)
}

export function listQuery(query: URLSearchParams): ListQuery {
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    startOffset: query.get('startOffset') ?? '',
    endOffset: query.get('endOffset') ?? '',
    matchGlob: query.get('matchGlob') ?? '',
    includeTrailingDelimiter: flag(query, 'includeTrailingDelimiter'),
    versions: flag(query, 'versions'),
    maxResults: maxResults(query),
    pageToken: query.get('pageToken') ?? '',
  }
}

/** `x-goog-hash: crc32c=…,md5=…` and `Content-MD5`. */
export function digestsFromHeaders(request: IncomingMessage): Digests {
  const digests: Digests = {}
  for (const entry of (header(request, 'x-goog-hash') ?? '').split(',')) {
    const at = entry.indexOf('=')
    const kind = entry.slice(0, at).trim().toLowerCase()
    if (kind === 'crc32c' || kind === 'md5') digests[kind] = checkDigest(kind, entry.slice(at + 1).trim())
  }
  const md5 = header(request, 'content-md5')
  return md5 === undefined ? digests : { ...digests, md5: checkDigest('md5', md5) }
}

export function digestsFromBody(body: Record<string, unknown>): Digests {
  const digests: Digests = {}
  if (body['crc32c'] !== undefined && body['crc32c'] !== null) digests.crc32c = checkDigest('crc32c', body['crc32c'])
  if (body['md5Hash'] !== undefined && body['md5Hash'] !== null) digests.md5 = checkDigest('md5', body['md5Hash'])
  return digests
}

const DIGEST_BYTES = { crc32c: 4, md5: 16 }

function checkDigest(kind: 'crc32c' | 'md5', value: unknown): string {
  if (typeof value !== 'string' || Buffer.from(value, 'base64').length !== DIGEST_BYTES[kind]) throw invalid(`Invalid ${kind} value: ${JSON.stringify(value)?.slice(0, 60)}`)
  return value
}

/** Bytes that the client wants sealed with a key of its own are not stored in the clear behind its back. */
export function refuseCustomerKeys(request: IncomingMessage): void {
  for (const name of ['x-goog-encryption-key', 'x-goog-copy-source-encryption-key']) {
    if (request.headers[name] !== undefined) throw unimplemented('Customer-supplied encryption keys')
  }
}

export function textField(body: Record<string, unknown>, key: string): string | undefined {
  const value = body[key]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw invalid(`Invalid value for ${key}: a text is wanted.`)
  return value
}

/** A body that is JSON when it says so; uploads by other clients leave it out. */
export function isJson(call: Call): boolean {
  return /json/i.test(header(call.request, 'content-type') ?? '')
}
