/** Jobs and queries over REST. */
import type { Call, Route } from '#ground/door.ts'
import { selectFields } from '#ground/http/fields.ts'
import { invalid, invalidParameter, noJob, required } from './faults.ts'
import { faultOfJob } from './jobs.ts'
import { LIST_PAGE_DEFAULT, LIST_PAGE_MAX, PAGE_BYTES_MAX, PAGE_ROWS_MAX, QUERY_TIMEOUT_MS_DEFAULT, QUERY_TIMEOUT_MS_MAX } from './limits.ts'
import { BODY, body, flagIn, numberIn, onProject, PATH, readToken, rowOptions, sendRows, tokenOf } from './requests.ts'
import type { Rows } from './queries.ts'
import type { WarehouseService } from './service.ts'
import { JOB, QUERY } from './shapes.ts'
import type { Job, JobRef, Json } from './types.ts'
import { jobItem, jobResource } from './wire.ts'

const jobOf = ({ params }: Call): JobRef => ({ projectId: params['projectId']!, jobId: params['jobId']! })

export function jobRoutes(service: WarehouseService): Route[] {
  const { jobs, queries } = service
  const path = `${PATH}/jobs`
  const queryPath = `${PATH}/queries`
  return [
    {
      id: 'bigquery.jobs.insert', verb: 'POST', path, permission: 'bigquery.jobs.create', resource: onProject, ...BODY,
      async handle(call) {
        const job = await service.begin(call.params['projectId']!, await body(call, JOB), call.caller.principal, undefined)
        call.sendJson(200, jobResource(job, call.origin))
      },
    },
    {
      id: 'bigquery.jobs.list', verb: 'GET', path, permission: 'bigquery.jobs.list', resource: onProject,
      async handle(call) {
        const limit = numberIn(call, 'maxResults', LIST_PAGE_MAX) || LIST_PAGE_DEFAULT
        const before = readToken<{ created_ms: number; jobId: string }>(call)
        const states = call.query.getAll('stateFilter').flatMap((each) => each.split(',')).filter(Boolean).map((each) => each.toUpperCase())
        for (const state of states) if (!['PENDING', 'RUNNING', 'DONE'].includes(state)) throw invalidParameter(`Invalid value for stateFilter: ${state.slice(0, 40)}`)
        const parent = call.query.get('parentJobId')
        const all = flagIn(call, 'allUsers') ?? true
        const min = numberIn(call, 'minCreationTime', Number.MAX_SAFE_INTEGER)
        const max = numberIn(call, 'maxCreationTime', Number.MAX_SAFE_INTEGER)
        const found = await jobs.list(call.params['projectId']!, {
          limit: limit + 1, ...(states.length > 0 && { states }), ...(parent !== null && { parent }), ...(!all && { user: call.caller.principal }), ...(before && { before }),
          ...(min !== undefined && { minCreated_ms: min }), ...(max !== undefined && { maxCreated_ms: max }),
        })
        const page = found.slice(0, limit)
        const full = call.query.get('projection') === 'full'
        const last = page.at(-1)
        call.sendJson(200, { kind: 'bigquery#jobList', etag: 'jobs', ...(found.length > limit && last && { nextPageToken: tokenOf({ created_ms: last.created_ms, jobId: last.jobId }) }), jobs: page.map((job) => jobItem(job, full)) })
      },
    },
    {
      id: 'bigquery.jobs.get', verb: 'GET', path: `${path}/{jobId}`, permission: 'bigquery.jobs.get', resource: onProject,
      async handle(call) {
        call.sendJson(200, selectFields(jobResource(await located(call, await jobs.get(jobOf(call))), call.origin), call.query.get('fields')))
      },
    },
    {
      id: 'bigquery.jobs.cancel', verb: 'POST', path: `${path}/{jobId}/cancel`, permission: 'bigquery.jobs.update', resource: onProject,
      handle: async (call) => call.sendJson(200, { kind: 'bigquery#jobCancelResponse', job: jobResource(await jobs.cancel(jobOf(call)), call.origin) }),
    },
    {
      id: 'bigquery.jobs.delete', verb: 'DELETE', path: `${path}/{jobId}/delete`, permission: 'bigquery.jobs.delete', resource: onProject,
      async handle(call) {
        await jobs.remove(jobOf(call))
        call.send(204)
      },
    },
    {
      id: 'bigquery.jobs.query', verb: 'POST', path: queryPath, permission: 'bigquery.jobs.create', resource: onProject, ...BODY,
      handle: async (call) => query(call, service),
    },
    {
      id: 'bigquery.jobs.getQueryResults', verb: 'GET', path: `${queryPath}/{jobId}`, permission: 'bigquery.jobs.get', resource: onProject,
      async handle(call) {
        const options = { ...rowOptions(call), signal: call.signal }
        const timeout_ms = numberIn(call, 'timeoutMs', QUERY_TIMEOUT_MS_MAX) ?? QUERY_TIMEOUT_MS_DEFAULT
        const job = await located(call, await jobs.wait(jobOf(call), timeout_ms, call.signal))
        if (job.kind !== 'QUERY') throw invalid(`Job ${job.projectId}:${job.jobId} is not a query job.`)
        if (job.state !== 'DONE') return call.sendJson(200, { kind: 'bigquery#getQueryResultsResponse', jobReference: referenceOf(job), jobComplete: false })
        const rows = await queries.rows(job, options)
        sendResults(call, 'bigquery#getQueryResultsResponse', job, rows)
      },
    },
  ]
}

async function located(call: Call, job: Job): Promise<Job> {
  const wanted = call.query.get('location')
  if (wanted !== null && wanted !== '' && wanted.toLowerCase() !== job.location.toLowerCase()) throw noJob(job)
  return job
}

const referenceOf = ({ projectId, jobId, location }: Job): Json => ({ projectId, jobId, location })

async function query(call: Call, { queries, jobs }: WarehouseService): Promise<void> {
  const given = await body(call, QUERY)
  const { query: text, defaultDataset, parameterMode, queryParameters, useLegacySql, useQueryCache, maximumBytesBilled, connectionProperties, createSession, destinationTable } = given
  if (typeof text !== 'string' || text === '') throw required('query')
  const parts = { query: text, defaultDataset, parameterMode, queryParameters, useLegacySql, useQueryCache, maximumBytesBilled, connectionProperties, createSession, destinationTable }
  const timestamps = (given['formatOptions'] as { useInt64Timestamp?: boolean } | undefined)?.useInt64Timestamp ? 'int64' : 'float'
  const rows_max = given['maxResults'] === undefined ? PAGE_ROWS_MAX : Math.min(Number(given['maxResults']), PAGE_ROWS_MAX)
  const page = { rows_max, bytes_max: PAGE_BYTES_MAX, timestamps } as const
  const wanted = {
    projectId: call.params['projectId']!, jobId: undefined, location: given['location'] as string | undefined, user: call.caller.principal,
    configuration: { query: Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)), ...(given['labels'] !== undefined && { labels: given['labels'] }), ...(given['jobTimeoutMs'] !== undefined && { jobTimeoutMs: given['jobTimeoutMs'] }) },
    ...(rows_max > 0 && { page }),
  }
  if (given['dryRun'] === true) {
    const job = await queries.dryRun(wanted)
    const statistics = job.statistics['query'] as Json
    return call.sendJson(200, { kind: 'bigquery#queryResponse', jobComplete: true, jobReference: { projectId: job.projectId, location: job.location }, totalBytesProcessed: statistics['totalBytesProcessed'], cacheHit: false, ...(statistics['schema'] !== undefined && { schema: statistics['schema'] }) })
  }
  const ref = await queries.beginOnce(wanted, given['requestId'] as string | undefined)
  const timeout_ms = given['timeoutMs'] === undefined ? QUERY_TIMEOUT_MS_DEFAULT : Math.min(Number(given['timeoutMs']), QUERY_TIMEOUT_MS_MAX)
  const job = await jobs.wait(ref, timeout_ms, call.signal)
  if (job.state !== 'DONE') return call.sendJson(200, { kind: 'bigquery#queryResponse', jobReference: referenceOf(job), jobComplete: false })
  const rows = await queries.rows(job, { ...page, skip: 0, after: undefined, signal: call.signal })
  sendResults(call, 'bigquery#queryResponse', job, rows)
}

function sendResults(call: Call, kind: string, job: Job, rows: Rows | undefined): void {
  const fault = faultOfJob(job)
  if (fault) throw fault
  const statistics = (job.statistics['query'] ?? {}) as Json
  const answer: Json = {
    kind, etag: `${job.jobId}.${job.ended_ms}`, ...(rows && { schema: { fields: rows.schema } }), jobReference: referenceOf(job), jobComplete: true,
    ...(rows ? { totalRows: String(rows.total), ...(rows.page.next !== undefined && { pageToken: tokenOf({ after: rows.page.next }) }) } : { totalRows: '0' }),
    totalBytesProcessed: job.statistics['totalBytesProcessed'] ?? '0', cacheHit: false, queryId: job.jobId,
    ...(statistics['numDmlAffectedRows'] !== undefined && { numDmlAffectedRows: statistics['numDmlAffectedRows'] }), ...(statistics['dmlStats'] !== undefined && { dmlStats: statistics['dmlStats'] }),
    ...(kind === 'bigquery#queryResponse' && { location: job.location, creationTime: String(job.created_ms), startTime: String(job.started_ms), endTime: String(job.ended_ms), statementType: statistics['statementType'] }),
  }
  const fields = call.query.get('fields')
  if (fields === null || fields === '*') return sendRows(call, answer, rows?.page.json)
  const wanted = selectFields({ ...answer, rows: true }, fields.replace(/\brows(?:\([^)]*\)|\/[\w/]+)?/, 'rows')) as Json
  const { rows: withRows, ...rest } = wanted
  sendRows(call, rest, withRows ? rows?.page.json : undefined)
}

