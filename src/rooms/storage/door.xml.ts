/** The XML API where clients use it: plain and signed URLs, uploads in numbered parts, lists. Bucket and object stand in the path. */
import type { Call, Door, Route } from '#ground/door.ts'
import { noMethod } from '#ground/fault.ts'
import type { Fault } from '#ground/fault.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import { parseContentRange } from '#ground/http/content-range.ts'
import { corsRule } from './cors.ts'
import { bucketOf } from './door.buckets.ts'
import { sendProgress } from './door.upload.ts'
import { objectHeaders, sendObject } from './download.ts'
import { invalid, required } from './faults.ts'
import { listObjects } from './listing.ts'
import { checkObjectName } from './names.ts'
import { wholeNumber } from './preconditions.ts'
import { bodySize, digestsFromHeaders, generationOf, header, maxResults, refuseCustomerKeys } from './requests.ts'
import type { SignerPort, StorageService } from './service.ts'
import { checkSignedUrl } from './signed-urls.ts'
import type { ObjectMeta, Preconditions, StoredObject } from './types.ts'
import type { Put } from './objects.ts'
import { decodeXml, element, xml } from './xml.ts'

/** What the house's JSON APIs begin with. */
const API_PATH = /^\/(storage\/v1|upload\/(storage|bigquery)|download\/storage|resumable\/upload|batch|bigquery\/v2|compute\/metadata|computeMetadata|potoroo|v[12](beta\d?|alpha\d?)?)(\/|\?|$)/

const PARTS_BODY_BYTES_MAX = 4 * 1024 * 1024

export function xmlDoor(storage: StorageService, signers: SignerPort, now_ms: () => number): Door {
  const O = '/{bucket}/{object=**}'
  /** A signed URL carries its own permission; anything else needs the caller's. */
  const admit = async (call: Call, permission: string) => {
    if ((await checkSignedUrl(call, signers, now_ms())) === undefined) await call.require(permission, bucketOf(call.params))
    refuseCustomerKeys(call.request)
  }
  const route = (id: string, verb: Route['verb'], path: string, permission: string, handle: (call: Call) => Promise<void>): Route => ({
    id,
    verb,
    path,
    permission: null,
    resource: bucketOf,
    bodyBytesMax: PARTS_BODY_BYTES_MAX,
    async handle(call) {
      // A path of another API that no method answers comes here last: it is no bucket of that name.
      if (API_PATH.test(call.request.url ?? '')) return sendGoogleFault(noMethod(call.request.method, (call.request.url ?? '').split('?')[0]!), call)
      await admit(call, permission)
      await handle(call)
    },
  })

  return {
    name: 'storage.xml',
    hosts: ['*.storage.googleapis.com', '*.commondatastorage.googleapis.com'],
    // `bucket.storage.googleapis.com/object`: the bucket stands in the host.
    rewrite: (host, path) => `/${host.replace(/\.(storage|commondatastorage)\.googleapis\.com$/, '')}${path}`,
    renderFault: sendXmlFault,
    cors: (call, origin, verb) => corsRule(storage, call, origin, verb),
    routes: [
      route('storage.xml.listObjects', 'GET', '/{bucket}', 'storage.objects.list', (call) => list(call, storage)),
      route('storage.xml.listObjects', 'GET', '/{bucket}/', 'storage.objects.list', (call) => list(call, storage)),
      route('storage.xml.getObject', 'GET', O, 'storage.objects.get', async (call) => {
        if (nameOf(call) === '') return list(call, storage)
        if (call.query.has('uploadId')) return listParts(call, storage)
        const object = await storage.objects.get({ bucket: call.params['bucket']!, name: nameOf(call), generation: generationOf(call.query) }, readXmlConditions(call))
        await sendObject(call, storage.blobs, object, { ...objectHeaders(object), ...metaHeaders(object), etag: xmlEtag(object) })
      }),
      route('storage.xml.putObject', 'PUT', O, 'storage.objects.create', (call) => put(call, storage)),
      route('storage.xml.postObject', 'POST', O, 'storage.objects.create', (call) => post(call, storage)),
      route('storage.xml.deleteObject', 'DELETE', O, 'storage.objects.delete', async (call) => {
        const uploadId = call.query.get('uploadId')
        if (uploadId !== null) await storage.uploads.cancel(uploadId)
        else await storage.objects.remove({ bucket: call.params['bucket']!, name: nameOf(call), generation: generationOf(call.query) }, readXmlConditions(call))
        call.send(204)
      }),
    ],
  }
}

const nameOf = (call: Call) => call.params['object']!

async function put(call: Call, storage: StorageService): Promise<void> {
  const partNumber = call.query.get('partNumber')
  const uploadId = call.query.get('uploadId')
  if (partNumber !== null && uploadId !== null) {
    const part = await storage.uploads.part(uploadId, wholeNumber(partNumber, 'partNumber'), call.request, bodySize(call.request), digestsFromHeaders(call.request))
    const etag = Buffer.from(part.md5!, 'base64').toString('hex')
    return call.send(200, '', { etag: `"${etag}"`, 'x-goog-hash': `crc32c=${part.crc32c},md5=${part.md5}` })
  }
  const session = call.query.get('upload_id')
  if (session !== null) return resume(call, storage, session)
  const copySource = header(call.request, 'x-goog-copy-source') ?? header(call.request, 'x-amz-copy-source')
  if (copySource !== undefined) return copy(call, storage, copySource)
  const object = await storage.uploads.simple(readPut(call), call.request, bodySize(call.request), digestsFromHeaders(call.request))
  stored(call, object)
}

async function post(call: Call, storage: StorageService): Promise<void> {
  if (call.query.has('uploads')) {
    const upload = await storage.uploads.begin(readPut(call), undefined, {})
    return sendXml(call, 200, xml('InitiateMultipartUploadResult', { Bucket: upload.bucket, Key: upload.name, UploadId: upload.id }))
  }
  const uploadId = call.query.get('uploadId')
  if (uploadId !== null) {
    const { object, etag } = await storage.uploads.complete(uploadId, readParts((await call.readBody()).toString('utf8')))
    const location = `${call.origin}/${object.bucket}/${encodeURIComponent(object.name)}`
    return sendXml(call, 200, xml('CompleteMultipartUploadResult', { Location: location, Bucket: object.bucket, Key: object.name, ETag: etag }), generationHeaders(object))
  }
  if (header(call.request, 'x-goog-resumable') === 'start') {
    const upload = await storage.uploads.begin(readPut(call), undefined, {})
    const query = new URLSearchParams([...call.query, ['upload_id', upload.id]])
    return call.send(201, '', { location: `${call.origin}${(call.request.url ?? '').split('?')[0]}?${query}` })
  }
  throw invalid('A POST begins or completes an upload: ?uploads, ?uploadId=, or x-goog-resumable: start.')
}

async function resume(call: Call, storage: StorageService, session: string): Promise<void> {
  const range = parseContentRange(header(call.request, 'content-range')) ?? { start: 0, end: undefined, total: bodySize(call.request) }
  const progress = await storage.uploads.advance(session, { ...range, digests: digestsFromHeaders(call.request) }, call.request)
  sendProgress(call, progress, (object) => stored(call, object))
}

async function copy(call: Call, storage: StorageService, source: string): Promise<void> {
  const [bucket, ...name] = decodeURIComponent(source).replace(/^\//, '').split('/')
  await call.require('storage.objects.get', { type: 'bucket', name: bucket! })
  const generation = header(call.request, 'x-goog-copy-source-generation')
  const object = await storage.objects.copy(
    { bucket: bucket!, name: name.join('/'), generation: generation === undefined ? undefined : wholeNumber(generation, 'generation') },
    {},
    readPut(call),
    undefined,
  )
  sendXml(call, 200, xml('CopyObjectResult', { LastModified: new Date(object.updated_ms).toISOString(), ETag: xmlEtag(object) }), generationHeaders(object))
}

async function list(call: Call, storage: StorageService): Promise<void> {
  const bucket = await storage.buckets.get(call.params['bucket']!)
  if (call.query.has('uploads')) return listUploads(call, storage, bucket.name)
  const second = call.query.get('list-type') === '2'
  const limit = call.query.get('max-keys')
  const page = await listObjects(storage.shelf, bucket.name, {
    prefix: call.query.get('prefix') ?? '',
    delimiter: call.query.get('delimiter') ?? '',
    startOffset: (second ? call.query.get('start-after') : call.query.get('marker')) ?? '',
    endOffset: '',
    matchGlob: '',
    includeTrailingDelimiter: false,
    versions: false,
    maxResults: limit === null ? maxResults(call.query) : wholeNumber(limit, 'max-keys'),
    pageToken: (second ? call.query.get('continuation-token') : null) ?? '',
  })
  const contents = page.items.map((object) => ({
    Key: object.name,
    Generation: String(object.generation),
    MetaGeneration: String(object.metageneration),
    LastModified: new Date(object.updated_ms).toISOString(),
    ETag: xmlEtag(object),
    Size: String(object.size),
  }))
  const body = {
    Name: bucket.name,
    Prefix: call.query.get('prefix') ?? '',
    ...(second ? { KeyCount: String(page.items.length) } : { Marker: call.query.get('marker') ?? '' }),
    ...(page.nextPageToken !== undefined && (second ? { NextContinuationToken: page.nextPageToken } : { NextMarker: page.items.at(-1)?.name ?? '' })),
    IsTruncated: String(page.nextPageToken !== undefined),
    Contents: contents,
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: prefix })),
  }
  sendXml(call, 200, xml('ListBucketResult', body))
}

async function listUploads(call: Call, storage: StorageService, bucket: string): Promise<void> {
  const uploads = (await storage.uploadShelf.ofBucket(bucket)).filter(({ finished }) => finished === null)
  const body = { Bucket: bucket, IsTruncated: 'false', Upload: uploads.map(({ name, id, started_ms }) => ({ Key: name, UploadId: id, Initiated: new Date(started_ms).toISOString() })) }
  sendXml(call, 200, xml('ListMultipartUploadsResult', body))
}

async function listParts(call: Call, storage: StorageService): Promise<void> {
  const { upload, parts } = await storage.uploads.parts(call.query.get('uploadId')!)
  const body = {
    Bucket: upload.bucket,
    Key: upload.name,
    UploadId: upload.id,
    IsTruncated: 'false',
    Part: parts.map(({ number, md5, size, updated_ms }) => ({ PartNumber: String(number), LastModified: new Date(updated_ms).toISOString(), ETag: `"${md5}"`, Size: String(size) })),
  }
  sendXml(call, 200, xml('ListPartsResult', body))
}

function readParts(body: string): { number: number; etag: string }[] {
  return [...body.matchAll(/<Part>(.*?)<\/Part>/gs)].map((part) => {
    const number = /<PartNumber>\s*(\d{1,5})\s*<\/PartNumber>/.exec(part[1]!)?.[1]
    const etag = /<ETag>(.*?)<\/ETag>/s.exec(part[1]!)?.[1]
    if (number === undefined || etag === undefined) throw invalid('Each Part has a PartNumber and an ETag.', 'MalformedXML')
    return { number: Number(number), etag: decodeXml(etag.trim()) }
  })
}

function readPut(call: Call): Put {
  const { request } = call
  const metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) if (name.startsWith('x-goog-meta-')) metadata[name.slice('x-goog-meta-'.length)] = String(value)
  const meta: ObjectMeta = {
    ...field(request.headers['content-type'], 'contentType'),
    ...field(request.headers['content-encoding'], 'contentEncoding'),
    ...field(request.headers['content-disposition'], 'contentDisposition'),
    ...field(request.headers['content-language'], 'contentLanguage'),
    ...field(request.headers['cache-control'], 'cacheControl'),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  }
  return { bucket: call.params['bucket']!, name: checkObjectName(nameOf(call)), meta, storageClass: header(request, 'x-goog-storage-class') ?? null, conditions: readXmlConditions(call) }
}

function field(value: string | undefined, key: keyof ObjectMeta): ObjectMeta {
  return value === undefined ? {} : { [key]: value }
}

function readXmlConditions({ request }: Call): Preconditions {
  const conditions: Preconditions = {}
  const generation = header(request, 'x-goog-if-generation-match')
  const metageneration = header(request, 'x-goog-if-metageneration-match')
  if (generation !== undefined) conditions.generation = wholeNumber(generation, 'x-goog-if-generation-match')
  if (metageneration !== undefined) conditions.metageneration = wholeNumber(metageneration, 'x-goog-if-metageneration-match')
  return conditions
}

function metaHeaders(object: StoredObject): Record<string, string> {
  return Object.fromEntries(Object.entries(object.meta.metadata ?? {}).filter(([key]) => /^[\w!#$%&'*+.^`|~-]+$/.test(key)).map(([key, value]) => [`x-goog-meta-${key.toLowerCase()}`, encodeHeader(value)]))
}

const encodeHeader = (value: string) => (/^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value))

function xmlEtag(object: StoredObject): string {
  return object.md5 === null ? `"-${object.generation}"` : `"${Buffer.from(object.md5, 'base64').toString('hex')}"`
}

function stored(call: Call, object: StoredObject): void {
  call.send(200, '', { ...generationHeaders(object), etag: xmlEtag(object), 'x-goog-hash': objectHeaders(object)['x-goog-hash']! })
}

function generationHeaders(object: StoredObject): Record<string, string> {
  return { 'x-goog-generation': String(object.generation), 'x-goog-metageneration': String(object.metageneration) }
}

function sendXml(call: Call, status: number, body: string, headers: Record<string, string> = {}): void {
  call.send(status, body, { ...headers, 'content-type': 'application/xml; charset=UTF-8' })
}

/** Which of the API's codes a Fault is, where its thrower did not say. */
const XML_CODES: Record<string, string> = { NOT_FOUND: 'NoSuchKey', PERMISSION_DENIED: 'AccessDenied', UNAUTHENTICATED: 'AccessDenied', UNAVAILABLE: 'ServiceUnavailable', INTERNAL: 'InternalError', UNIMPLEMENTED: 'NotImplemented' }

function sendXmlFault(fault: Fault, call: Call): void {
  if (fault.httpStatus === 304) return void call.response.writeHead(304).end()
  const code = String(fault.details['xmlCode'] ?? XML_CODES[fault.code] ?? 'InvalidArgument')
  const details: Record<string, string> = fault.hint === undefined ? {} : { Details: fault.hint }
  sendXml(call, fault.httpStatus, `<?xml version='1.0' encoding='UTF-8'?>${element('Error', { Code: code, Message: fault.message, ...details })}`)
}
