/** Resources as the REST API writes them. */
import { datasetEtag } from './datasets.ts'
import { datasetName, tableName } from './faults.ts'
import { fingerprint } from './fingerprint.ts'
import { ingestionColumn } from './writer.ts'
import { tableEtag } from './tables.ts'
import type { Dataset, Job, Json, Routine, RowPolicy, Table } from './types.ts'

const BASE = '/bigquery/v2'

const DEFAULT_ACCESS = [
  { role: 'WRITER', specialGroup: 'projectWriters' },
  { role: 'OWNER', specialGroup: 'projectOwners' },
  { role: 'READER', specialGroup: 'projectReaders' },
]

export function datasetResource(dataset: Dataset, origin: string): Json {
  const { projectId, datasetId, location, created_ms, updated_ms, config } = dataset
  return {
    kind: 'bigquery#dataset', etag: datasetEtag(dataset), id: datasetName(dataset), selfLink: `${origin}${BASE}/projects/${projectId}/datasets/${datasetId}`, datasetReference: { projectId, datasetId },
    access: DEFAULT_ACCESS, ...config, creationTime: String(created_ms), lastModifiedTime: String(updated_ms), location, type: 'DEFAULT',
  }
}

export function datasetItem({ projectId, datasetId, location, config }: Dataset): Json {
  return { kind: 'bigquery#dataset', id: `${projectId}:${datasetId}`, datasetReference: { projectId, datasetId }, ...pick(config, ['friendlyName', 'labels']), location }
}

export function tableResource(table: Table, location: string, origin: string): Json {
  const { projectId, datasetId, tableId, kind, rows, bytes, created_ms, updated_ms, expires_ms, fields } = table
  const { rewritten_ms: _ours, view, ...config } = table.config
  const sized = table.physical !== null
  return {
    kind: 'bigquery#table', etag: tableEtag(table), id: tableName(table), selfLink: `${origin}${BASE}/projects/${projectId}/datasets/${datasetId}/tables/${encodeURIComponent(tableId)}`,
    tableReference: { projectId, datasetId, tableId }, ...config, ...(view && { view: { query: view.query, useLegacySql: false } }),
    ...(fields.length > 0 && { schema: { fields } }), type: kind, creationTime: String(created_ms), lastModifiedTime: String(updated_ms), location,
    ...(expires_ms !== null && { expirationTime: String(expires_ms) }),
    ...(sized && {
      numRows: String(rows), numBytes: String(bytes), numLongTermBytes: '0', numTotalLogicalBytes: String(bytes), numActiveLogicalBytes: String(bytes), numLongTermLogicalBytes: '0',
      ...(ingestionColumn(table.config) !== undefined && { numPartitions: '1' }),
    }),
  }
}

export function tableItem(table: Table): Json {
  const { projectId, datasetId, tableId, kind, created_ms, expires_ms, config } = table
  return {
    kind: 'bigquery#table', id: tableName(table), tableReference: { projectId, datasetId, tableId }, type: kind, creationTime: String(created_ms), ...(expires_ms !== null && { expirationTime: String(expires_ms) }),
    ...pick(config, ['friendlyName', 'labels', 'timePartitioning', 'rangePartitioning', 'clustering']), ...(config.view && { view: { useLegacySql: false } }),
  }
}

export function routineResource(routine: Routine): Json {
  const { projectId, datasetId, routineId, version, created_ms, updated_ms, config } = routine
  return { etag: fingerprint(`${projectId}:${datasetId}.${routineId}.${created_ms}.${version}`), routineReference: { projectId, datasetId, routineId }, ...config, creationTime: String(created_ms), lastModifiedTime: String(updated_ms) }
}

export function policyResource({ projectId, datasetId, tableId, policyId, created_ms, updated_ms, filter, grantees }: RowPolicy): Json {
  return {
    etag: fingerprint(`${projectId}.${datasetId}.${tableId}.${policyId}.${updated_ms}`), rowAccessPolicyReference: { projectId, datasetId, tableId, policyId }, filterPredicate: (JSON.parse(filter) as { text: string }).text, grantees,
    creationTime: new Date(created_ms).toISOString(), lastModifiedTime: new Date(updated_ms).toISOString(),
  }
}

export function jobResource(job: Job, origin: string): Json {
  const { projectId, jobId, location, state, error, errors, user } = job
  return {
    kind: 'bigquery#job', etag: fingerprint(`${projectId}:${jobId}.${state}.${job.ended_ms}`), id: `${projectId}:${location}.${jobId}`, selfLink: selfLink(job, origin), user_email: user.slice(user.indexOf(':') + 1),
    jobReference: { projectId, jobId, location }, configuration: job.configuration, status: { state, ...(error && { errorResult: error }), ...(errors.length > 0 && { errors }) }, statistics: statisticsOf(job),
    jobCreationReason: { code: 'REQUESTED' },
  }
}

export function jobItem(job: Job, full: boolean): Json {
  const { projectId, jobId, location, state, error, errors, user, kind } = job
  return {
    kind: 'bigquery#job', id: `${projectId}:${location}.${jobId}`, jobReference: { projectId, jobId, location }, state, ...(error && { errorResult: error }), statistics: statisticsOf(job),
    configuration: full ? job.configuration : { jobType: kind }, status: { state, ...(error && { errorResult: error }), ...(errors.length > 0 && { errors }) }, user_email: user.slice(user.indexOf(':') + 1),
  }
}

function statisticsOf({ statistics, created_ms, started_ms, ended_ms, parent }: Job): Json {
  const { childIndex: _ours, ...told } = statistics
  return {
    creationTime: String(created_ms), ...(started_ms !== null && { startTime: String(started_ms) }), ...(ended_ms !== null && { endTime: String(ended_ms) }), ...(parent !== null && { parentJobId: parent }),
    ...(ended_ms !== null && started_ms !== null && { finalExecutionDurationMs: String(ended_ms - started_ms) }), ...told,
  }
}

export const selfLink = ({ projectId, jobId, location }: Job, origin: string): string => `${origin}${BASE}/projects/${projectId}/jobs/${jobId}?location=${location}`

function pick(config: Json, names: readonly string[]): Json {
  return Object.fromEntries(names.flatMap((name) => (config[name] === undefined ? [] : [[name, config[name]]])))
}
