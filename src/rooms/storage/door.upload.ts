/** Uploads over the JSON API: the bytes alone, metadata and bytes in one body, or the resumable protocol. */
import type { Call, Route } from '#ground/door.ts'
import { selectFields } from '#ground/http/fields.ts'
import { parseContentRange } from '#ground/http/content-range.ts'
import { boundaryOf, collect, readMultipart } from '#ground/http/multipart.ts'
import { bucketOf } from './door.buckets.ts'
import { invalid, required } from './faults.ts'
import { BATCH_BYTES_MAX } from './limits.ts'
import { readMeta } from './meta.ts'
import type { Put } from './objects.ts'
import { readPreconditions } from './preconditions.ts'
import { bodySize, digestsFromBody, digestsFromHeaders, header, refuseCustomerKeys, textField } from './requests.ts'
import type { StorageService } from './service.ts'
import type { StoredObject } from './types.ts'
import type { Progress } from './uploads.ts'
import { objectResource } from './wire.ts'

export const STATUS_RESUME = 308
const STATUS_CANCELLED = 499

export function uploadRoutes(storage: StorageService): Route[] {
  const insert = {
    permission: 'storage.objects.create',
    resource: bucketOf,
    handle: (call: Call) => begin(call, storage),
  }
  const session = { permission: null, resource: bucketOf }
  return ['/upload/storage/v1/b/{bucket}/o', '/resumable/upload/storage/v1/b/{bucket}/o'].flatMap((path): Route[] => [
    { id: 'storage.objects.insert', verb: 'POST', path, ...insert },
    // The upload id is the key to its session: whoever holds it may go on with it.
    { id: 'storage.objects.insert.resume', verb: 'PUT', path, ...session, handle: (call) => resume(call, storage) },
    {
      id: 'storage.objects.insert.cancel',
      verb: 'DELETE',
      path,
      ...session,
      async handle(call) {
        await storage.uploads.cancel(uploadId(call))
        call.response.writeHead(STATUS_CANCELLED, 'Client Closed Request', { 'content-length': 0 }).end()
      },
    },
  ])
}

async function begin(call: Call, storage: StorageService): Promise<void> {
  refuseCustomerKeys(call.request)
  const type = call.query.get('uploadType') ?? header(call.request, 'x-goog-upload-protocol')
  switch (type) {
    case 'media':
      return simple(call, storage)
    case 'multipart':
      return multipart(call, storage)
    case 'resumable':
      // Some clients POST their chunks to the session as well.
      return call.query.get('upload_id') === null ? start(call, storage) : resume(call, storage)
    default:
      throw invalid(`Invalid uploadType: ${JSON.stringify(type)?.slice(0, 40)}; media, multipart and resumable are known.`, 'badRequest')
  }
}

async function simple(call: Call, storage: StorageService): Promise<void> {
  const put = readPut(call, {}, header(call.request, 'content-type'))
  const object = await storage.uploads.simple(put, call.request, bodySize(call.request), digestsFromHeaders(call.request))
  answer(call, object)
}

async function multipart(call: Call, storage: StorageService): Promise<void> {
  const parts = readMultipart(call.request, boundaryOf(header(call.request, 'content-type')))
  const first = (await parts.next()).value
  if (!first) throw invalid('The multipart body has no metadata part.', 'badRequest')
  const metadata = parseMetadata(await collect(first.body, BATCH_BYTES_MAX))
  const second = (await parts.next()).value
  if (!second) throw invalid('The multipart body has no part with the bytes.', 'badRequest')
  const digests = { ...digestsFromHeaders(call.request), ...digestsFromBody(metadata) }
  const whole = bodySize(call.request)
  // The body's length bounds that of the object; a short one is hashed where it is.
  const object = await storage.uploads.simpleOfAtMost(readPut(call, metadata, mediaType(second.headers.get('content-type'))), second.body, whole, digests)
  answer(call, object)
}

/** `*\/*` is what a client sends that leaves the type to the metadata. */
function mediaType(given: string | undefined): string | undefined {
  return given === undefined || given === '*/*' ? undefined : given
}

function parseMetadata(bytes: Buffer): Record<string, unknown> {
  try {
    const value = JSON.parse(bytes.toString('utf8') || '{}')
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Falls through to the same answer as JSON that is no object.
  }
  throw invalid('The metadata part has to be a JSON object.', 'parseError')
}

async function start(call: Call, storage: StorageService): Promise<void> {
  const metadata = await call.readJson()
  const put = readPut(call, metadata, mediaType(header(call.request, 'x-upload-content-type')))
  const announced = header(call.request, 'x-upload-content-length')
  if (announced !== undefined && !/^\d{1,15}$/.test(announced)) throw invalid('Invalid X-Upload-Content-Length.')
  const upload = await storage.uploads.begin(put, announced === undefined ? undefined : Number(announced), digestsFromBody(metadata))
  const query = new URLSearchParams(call.query)
  query.set('uploadType', 'resumable')
  query.set('upload_id', upload.id)
  if (call.query.get('name') === null) query.set('name', upload.name)
  call.send(200, '', { location: `${call.origin}/upload/storage/v1/b/${encodeURIComponent(upload.bucket)}/o?${query}`, 'x-guploader-uploadid': upload.id })
}

async function resume(call: Call, storage: StorageService): Promise<void> {
  const size = bodySize(call.request)
  const range = parseContentRange(header(call.request, 'content-range')) ?? { start: 0, end: undefined, total: size }
  const progress = await storage.uploads.advance(uploadId(call), { ...range, digests: digestsFromHeaders(call.request) }, call.request)
  sendProgress(call, progress, (object) => answer(call, object))
}

export function sendProgress(call: Call, progress: Progress, done: (object: StoredObject) => void): void {
  if ('done' in progress) return done(progress.done)
  call.response.writeHead(STATUS_RESUME, 'Resume Incomplete', {
    'content-length': 0,
    ...(progress.stored > 0 && { range: `bytes=0-${progress.stored - 1}` }),
  })
  call.response.end()
}

function readPut(call: Call, metadata: Record<string, unknown>, contentType: string | undefined): Put {
  const name = call.query.get('name') ?? textField(metadata, 'name')
  if (name === undefined) throw required('name')
  const encoding = call.query.get('contentEncoding')
  return {
    bucket: call.params['bucket']!,
    name,
    meta: { ...(contentType !== undefined && { contentType }), ...(encoding !== null && { contentEncoding: encoding }), ...readMeta(metadata) },
    storageClass: textField(metadata, 'storageClass') ?? null,
    conditions: readPreconditions(call.query),
  }
}

function uploadId(call: Call): string {
  const id = call.query.get('upload_id')
  if (id === null) throw required('upload_id')
  return id
}

function answer(call: Call, object: StoredObject): void {
  const body = objectResource(object, call.origin, call.query.get('projection'))
  const hash = object.md5 === null ? `crc32c=${object.crc32c}` : `crc32c=${object.crc32c},md5=${object.md5}`
  call.sendJson(200, selectFields(body, call.query.get('fields')), { 'x-goog-hash': hash, 'x-goog-stored-content-length': String(object.size) })
}
