/** Sends an object's bytes: ranges, stored compression undone where the client cannot, checksums named and held to. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { crc32c } from '@node-rs/crc32'
import type { Call } from '#ground/door.ts'
import { crcText } from '#ground/hashing.ts'
import { parseRange } from '#ground/http/content-range.ts'
import { send, verified } from './blobs.ts'
import type { Blobs } from './blobs.ts'
import { damaged } from './faults.ts'
import { SMALL_BYTES_MAX } from './limits.ts'
import type { StoredObject } from './types.ts'

/** `headers` are those of the API that asks; those of the bytes themselves are added here. */
export async function sendObject(call: Call, blobs: Blobs, object: StoredObject, headers: Record<string, string>): Promise<void> {
  const { request, response } = call
  const acceptsGzip = /\bgzip\b/i.test(String(request.headers['accept-encoding'] ?? ''))
  if (object.meta.contentEncoding === 'gzip' && !acceptsGzip && !/no-transform/i.test(object.meta.cacheControl ?? '')) {
    return sendUnzipped(call, blobs, object, headers)
  }
  const all = { ...headers, ...(object.meta.contentEncoding !== undefined && { 'content-encoding': object.meta.contentEncoding }), 'accept-ranges': 'bytes' }
  const range = parseRange(request.headers.range, object.size)
  if (range === 'unsatisfiable') {
    return call.send(416, `The requested range cannot be satisfied.`, { ...headers, 'content-type': 'text/plain', 'content-range': `bytes */${object.size}` })
  }
  if (range !== 'whole') {
    response.writeHead(206, { ...all, 'content-length': range.end - range.start + 1, 'content-range': `bytes ${range.start}-${range.end}/${object.size}` })
    if (request.method === 'HEAD') return void response.end()
    await send(blobs.read(object.blob, range.start, range.end), response, call.signal)
    return void response.end()
  }
  if (request.method === 'HEAD') {
    response.writeHead(200, { ...all, 'content-length': object.size })
    return void response.end()
  }
  if (object.size <= SMALL_BYTES_MAX) {
    const bytes = blobs.readWhole(object.blob, object.size)
    if (crcText(crc32c(bytes)) !== object.crc32c) throw damaged(object.bucket, object.name)
    return call.send(200, bytes, all)
  }
  response.writeHead(200, { ...all, 'content-length': object.size })
  await send(wholeObject(blobs, object), response, call.signal)
  response.end()
}

/** All bytes of an object, ending in a Fault instead of its last piece where they are not what was stored. */
export function wholeObject(blobs: Blobs, object: StoredObject): AsyncIterable<Buffer> {
  return verified(blobs.read(object.blob, 0, object.size - 1), object.crc32c, () => damaged(object.bucket, object.name))
}

async function sendUnzipped(call: Call, blobs: Blobs, object: StoredObject, headers: Record<string, string>): Promise<void> {
  call.response.writeHead(200, { ...headers, 'accept-ranges': 'none', vary: 'Accept-Encoding' })
  if (call.request.method === 'HEAD') return void call.response.end()
  await pipeline(Readable.from(wholeObject(blobs, object), { objectMode: false }), createGunzip(), call.response, { signal: call.signal })
}

/** Headers about the object that both APIs send with its bytes. */
export function objectHeaders(object: StoredObject): Record<string, string> {
  const { meta } = object
  return {
    'content-type': meta.contentType ?? 'application/octet-stream',
    ...(meta.cacheControl !== undefined && { 'cache-control': meta.cacheControl }),
    ...(meta.contentDisposition !== undefined && { 'content-disposition': latin1(meta.contentDisposition) }),
    ...(meta.contentLanguage !== undefined && { 'content-language': latin1(meta.contentLanguage) }),
    'last-modified': new Date(object.updated_ms).toUTCString(),
    'x-goog-hash': object.md5 === null ? `crc32c=${object.crc32c}` : `crc32c=${object.crc32c},md5=${object.md5}`,
    'x-goog-generation': String(object.generation),
    'x-goog-metageneration': String(object.metageneration),
    'x-goog-stored-content-length': String(object.size),
    'x-goog-stored-content-encoding': meta.contentEncoding ?? 'identity',
    'x-goog-storage-class': object.storageClass,
    // Bytes that a user stored are never trusted by a browser: no script of theirs runs on the house's host.
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
  }
}

/** Headers carry Latin-1; anything else is sent percent-encoded rather than refused. */
function latin1(text: string): string {
  return /^[\x20-\x7e\x80-\xff]*$/.test(text) ? text : encodeURI(text)
}
