/** Load jobs with the client's own bytes: job and bytes in one body, or the resumable protocol. */
import type { Call, Route } from '#ground/door.ts'
import { parseContentRange } from '#ground/http/content-range.ts'
import { boundaryOf, collect, readMultipart } from '#ground/http/multipart.ts'
import { invalid, required } from './faults.ts'
import { JOB_METADATA_BYTES_MAX } from './limits.ts'
import { onProject } from './requests.ts'
import type { WarehouseService } from './service.ts'
import { checked, JOB } from './shapes.ts'
import type { Json } from './types.ts'
import { jobResource } from './wire.ts'

const STATUS_RESUME = 308
const STATUS_CANCELLED = 499

export function uploadRoutes(service: WarehouseService): Route[] {
  const session = { permission: null, resource: onProject }
  return ['/upload/bigquery/v2/projects/{projectId}/jobs', '/resumable/upload/bigquery/v2/projects/{projectId}/jobs'].flatMap((path): Route[] => [
    { id: 'bigquery.jobs.insert', verb: 'POST', path, permission: 'bigquery.jobs.create', resource: onProject, handle: (call) => begin(call, service) },
    // The upload id is the key to its session: whoever holds it may go on with it.
    { id: 'bigquery.jobs.insert.resume', verb: 'PUT', path, ...session, handle: (call) => resume(call, service) },
    {
      id: 'bigquery.jobs.insert.cancel', verb: 'DELETE', path, ...session,
      async handle(call) {
        await service.uploads.cancel(uploadId(call))
        call.response.writeHead(STATUS_CANCELLED, 'Client Closed Request', { 'content-length': 0 }).end()
      },
    },
  ])
}

async function begin(call: Call, service: WarehouseService): Promise<void> {
  const type = call.query.get('uploadType') ?? header(call, 'x-goog-upload-protocol')
  const projectId = call.params['projectId']!
  if (type === 'multipart') return multipart(call, service)
  if (type !== 'resumable') throw invalid(`Invalid uploadType: ${JSON.stringify(type)?.slice(0, 40)}; multipart and resumable are known.`)
  if (call.query.get('upload_id') !== null) return resume(call, service)
  const job = checked(await call.readJson(), JOB)
  service.checkUpload(job)
  const id = await service.uploads.begin(projectId, job, call.caller.principal)
  const query = new URLSearchParams(call.query)
  query.set('uploadType', 'resumable')
  query.set('upload_id', id)
  call.send(200, '', { location: `${call.origin}/upload/bigquery/v2/projects/${encodeURIComponent(projectId)}/jobs?${query}`, 'x-guploader-uploadid': id })
}

async function multipart(call: Call, service: WarehouseService): Promise<void> {
  const parts = readMultipart(call.request, boundaryOf(header(call, 'content-type')))
  const first = (await parts.next()).value
  if (!first) throw invalid('The multipart body has no part with the job.')
  const job = checked(parseJob(await collect(first.body, JOB_METADATA_BYTES_MAX)), JOB)
  service.checkUpload(job)
  const second = (await parts.next()).value
  if (!second) throw invalid('The multipart body has no part with the bytes.')
  const file = await service.files.receive(second.body)
  const begun = await service.begin(call.params['projectId']!, job, call.caller.principal, file)
  call.sendJson(200, jobResource(begun, call.origin))
}

function parseJob(bytes: Buffer): Json {
  try {
    const value = JSON.parse(bytes.toString('utf8') || '{}')
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Falls through to the same answer as JSON that is no object.
  }
  throw invalid('The first part has to be the job as a JSON object.')
}

async function resume(call: Call, service: WarehouseService): Promise<void> {
  const size = Number(call.request.headers['content-length'] ?? NaN)
  const range = parseContentRange(header(call, 'content-range')) ?? { start: 0, end: undefined, total: Number.isNaN(size) ? undefined : size }
  const progress = await service.uploads.advance(uploadId(call), range, call.request, ({ projectId, job, user }, file) => service.begin(projectId, job, user, file))
  if ('done' in progress) return call.sendJson(200, jobResource(progress.done, call.origin))
  call.response.writeHead(STATUS_RESUME, 'Resume Incomplete', { 'content-length': 0, ...(progress.stored > 0 && { range: `bytes=0-${progress.stored - 1}` }) })
  call.response.end()
}

function uploadId(call: Call): string {
  const id = call.query.get('upload_id')
  if (id === null) throw required('upload_id')
  return id
}

function header(call: Call, name: string): string | undefined {
  const value = call.request.headers[name]
  return Array.isArray(value) ? value[0] : value
}
