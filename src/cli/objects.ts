/** What the object commands ask of the house: list, upload, download, copy, delete; each transfer checked by its crc32c. */
import { crc32c } from '@node-rs/crc32'
import { Fault } from '#ground/fault.ts'
import type { GsUrl } from './gs-url.ts'
import { answerOf } from './house-client.ts'
import type { HouseClient } from './house-client.ts'

export interface StoredObject {
  name: string
  bucket: string
  generation: string
  size: string
  crc32c: string
  contentType?: string
  updated: string
  timeDeleted?: string
}

export interface Listing {
  prefix?: string
  delimiter?: string
  versions?: string
  /** Told of each folder when there is a delimiter. */
  onPrefix?(prefix: string): void
}

/** Google's own use of this status: so far so good, go on. */
const RESUME_INCOMPLETE = 308

const objectPath = ({ bucket, name }: GsUrl): string => `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(name)}`

export async function* listObjects(house: HouseClient, bucket: string, { onPrefix, ...query }: Listing): AsyncGenerator<StoredObject> {
  let pageToken: string | undefined
  do {
    const page = await house.json<{ items?: StoredObject[]; prefixes?: string[]; nextPageToken?: string }>('GET', `/storage/v1/b/${encodeURIComponent(bucket)}/o`, {
      query: { ...query, pageToken },
    })
    for (const prefix of page.prefixes ?? []) onPrefix?.(prefix)
    yield* page.items ?? []
    pageToken = page.nextPageToken
  } while (pageToken !== undefined)
}

export const statObject = (house: HouseClient, url: GsUrl): Promise<StoredObject> => house.json<StoredObject>('GET', objectPath(url))

export async function deleteObject(house: HouseClient, bucket: string, name: string, generation?: string): Promise<void> {
  await house.send('DELETE', objectPath({ bucket, name }), { query: { generation } })
}

export interface Transfer {
  /** Told how many bytes have gone so far. */
  onBytes(bytes: number): void
  signal?: AbortSignal
}

/** Opens a resumable upload and sends everything in one request: of any size, also where that is not known before. */
export async function uploadObject(house: HouseClient, to: GsUrl, from: AsyncIterable<Uint8Array>, options: Transfer & { contentType: string }): Promise<StoredObject> {
  const opened = await house.send('POST', `/upload/storage/v1/b/${encodeURIComponent(to.bucket)}/o`, {
    query: { uploadType: 'resumable', name: to.name },
    json: { contentType: options.contentType },
    headers: { 'x-upload-content-type': options.contentType },
  })
  const session = new URL(opened.headers.get('location') ?? '')
  await opened.body?.cancel()
  const counted = new Counted(from, options.onBytes)
  const target = session.pathname + session.search
  const sent = await house.exchange('PUT', target, { body: ReadableStream.from(counted), ...(options.signal && { signal: options.signal }) })
  const stored = sent.status === RESUME_INCOMPLETE ? await finishUpload(house, target, counted.bytes) : await answerOf<StoredObject>(sent)
  refuseDifference(`gs://${to.bucket}/${to.name}`, stored.crc32c, counted.crc32c)
  return stored
}

/** A stream of unknown length has all arrived; now its length is known, and said. */
function finishUpload(house: HouseClient, target: string, bytes: number): Promise<StoredObject> {
  return house.json<StoredObject>('PUT', target, { headers: { 'content-range': `bytes */${bytes}` } })
}

/** Yields the bytes; when the last one has been taken, they have been checked. */
export async function* downloadObject(house: HouseClient, from: GsUrl, options: Transfer): AsyncGenerator<Uint8Array> {
  const response = await house.send('GET', objectPath(from), { query: { alt: 'media' }, ...(options.signal && { signal: options.signal }) })
  if (response.body === null) return
  const counted = new Counted(response.body, options.onBytes)
  yield* counted
  const told = /crc32c=([A-Za-z0-9+/=]+)/.exec(response.headers.get('x-goog-hash') ?? '')?.[1]
  // A gzip object that the house unpacks on the way carries the checksum of what is stored.
  const unpacked = response.headers.get('x-goog-stored-content-encoding') === 'gzip'
  if (told !== undefined && !unpacked) refuseDifference(`gs://${from.bucket}/${from.name}`, told, counted.crc32c)
}

/** Inside the house: no byte comes out and goes in again. */
export async function copyObject(house: HouseClient, from: GsUrl, to: GsUrl): Promise<StoredObject> {
  const path = `${objectPath(from)}/rewriteTo/b/${encodeURIComponent(to.bucket)}/o/${encodeURIComponent(to.name)}`
  let rewriteToken: string | undefined
  for (;;) {
    const step = await house.json<{ done: boolean; rewriteToken?: string; resource?: StoredObject }>('POST', path, { query: { rewriteToken }, json: {} })
    if (step.done && step.resource) return step.resource
    rewriteToken = step.rewriteToken
  }
}

class Counted {
  private readonly source: AsyncIterable<Uint8Array>
  private readonly onBytes: (bytes: number) => void
  private checksum = 0
  bytes = 0

  constructor(source: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void) {
    this.source = source
    this.onBytes = onBytes
  }

  /** As the cloud writes it: four bytes, big end first, in base 64. */
  get crc32c(): string {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(this.checksum)
    return bytes.toString('base64')
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.source) {
      this.checksum = crc32c(chunk, this.checksum)
      this.bytes += chunk.length
      this.onBytes(this.bytes)
      yield chunk
    }
  }
}

function refuseDifference(what: string, told: string, counted: string): void {
  if (told === counted) return
  throw new Fault('DATA_LOSS', 'checksum', `What was transferred is not what ${what} holds: crc32c ${counted} here, ${told} there.`, { hint: 'Run the command again; if it happens twice, run `potoroo doctor`.' })
}
