/** What the warehouse's commands share: projects, names of tables, jobs that are waited for with a line of progress, and rows on paper. */
import { setTimeout as pause } from 'node:timers/promises'
import { Fault } from '#ground/fault.ts'
import type { CommonOptions } from './command.ts'
import type { HouseClient } from './house-client.ts'
import { readStatus } from './status.ts'
import { durationText, table, type Terminal } from './terminal.ts'

export interface ProjectOptions extends CommonOptions {
  project?: string
}

export interface TableName {
  projectId: string
  datasetId: string
  tableId: string
}

interface Job {
  jobReference: { projectId: string; jobId: string; location?: string }
  status: { state: string; errorResult?: { reason: string; message: string }; errors?: { message: string }[] }
  statistics: Record<string, any>
}

interface Field {
  name: string
  type: string
  mode?: string
  fields?: Field[]
}

export interface Results {
  schema?: { fields: Field[] }
  rows?: { f: { v: unknown }[] }[]
  totalRows?: string
  pageToken?: string
  jobComplete: boolean
  numDmlAffectedRows?: string
  jobReference: { projectId: string; jobId: string; location?: string }
}

const POLL_MS = 250
const QUERY_WAIT_MS = '10000'

export const API = '/bigquery/v2'

export async function projectOf(house: HouseClient, { project }: ProjectOptions): Promise<string> {
  return project ?? (process.env['GOOGLE_CLOUD_PROJECT'] || (await readStatus(house)).project)
}

/** `dataset.table`, `project.dataset.table` or `project:dataset.table`. */
export function tableNameIn(given: string, project: string): TableName {
  const parts = given.replace(':', '.').split('.')
  if (parts.length === 2) return { projectId: project, datasetId: parts[0]!, tableId: parts[1]! }
  if (parts.length === 3) return { projectId: parts[0]!, datasetId: parts[1]!, tableId: parts[2]! }
  throw new Fault('INVALID_ARGUMENT', 'usage', `${JSON.stringify(given)} is not a table.`, { hint: 'A table is written DATASET.TABLE or PROJECT.DATASET.TABLE.' })
}

export const tablePath = ({ projectId, datasetId, tableId }: TableName): string => `${API}/projects/${projectId}/datasets/${datasetId}/tables/${encodeURIComponent(tableId)}`

/** The job at its end; what it says is wrong is thrown. */
export async function ended(house: HouseClient, job: Job, terminal: Terminal, what: string): Promise<Job> {
  const begun_ms = performance.now()
  const { projectId, jobId, location } = job.jobReference
  while (job.status.state !== 'DONE') {
    terminal.rewrite(`${what} … ${durationText(performance.now() - begun_ms)}`)
    await pause(POLL_MS)
    job = await house.json<Job>('GET', `${API}/projects/${projectId}/jobs/${jobId}`, { query: { location } })
  }
  const { errorResult, errors = [] } = job.status
  if (errorResult) {
    terminal.settle('')
    throw new Fault('FAILED_PRECONDITION', errorResult.reason, errorResult.message, errors.length > 1 ? { hint: errors.slice(1, 4).map(({ message }) => message).join('\n  ') } : {})
  }
  terminal.settle(`${what} took ${durationText(performance.now() - begun_ms)}`)
  return job
}

export async function runQuery(house: HouseClient, project: string, text: string, terminal: Terminal): Promise<Results> {
  const begun_ms = performance.now()
  let answer = await house.json<Results>('POST', `${API}/projects/${project}/queries`, { json: { query: text, useLegacySql: false, timeoutMs: QUERY_WAIT_MS, formatOptions: { useInt64Timestamp: true } } })
  while (!answer.jobComplete) {
    terminal.rewrite(`query … ${durationText(performance.now() - begun_ms)}`)
    answer = await nextPage(house, answer, undefined)
  }
  terminal.settle(`query took ${durationText(performance.now() - begun_ms)}`)
  return answer
}

export function nextPage(house: HouseClient, { jobReference: { projectId, jobId, location } }: Results, pageToken: string | undefined): Promise<Results> {
  return house.json<Results>('GET', `${API}/projects/${projectId}/queries/${jobId}`, { query: { location, pageToken, timeoutMs: QUERY_WAIT_MS, 'formatOptions.useInt64Timestamp': 'true' } })
}

export type Format = 'pretty' | 'json' | 'csv'

export function formatIn(given: string | undefined, json: boolean | undefined): Format {
  if (given === undefined) return json ? 'json' : 'pretty'
  if (given === 'pretty' || given === 'json' || given === 'csv') return given
  throw new Fault('INVALID_ARGUMENT', 'usage', `--format is pretty, json or csv, not ${JSON.stringify(given)}.`)
}

/** A page of rows as text. CSV has its head on the first page only. */
export function rowsText(fields: Field[], rows: { f: { v: unknown }[] }[], format: Format, first: boolean): string {
  const plain = rows.map(({ f }) => f.map(({ v }, index) => valueOf(v, fields[index]!)))
  if (format === 'json') return plain.map((row) => JSON.stringify(Object.fromEntries(row.map((value, index) => [fields[index]!.name, value])))).join('\n')
  const cells = plain.map((row) => row.map((value) => (value === null ? (format === 'csv' ? '' : 'NULL') : typeof value === 'object' ? JSON.stringify(value) : String(value))))
  const head = fields.map(({ name }) => name)
  if (format === 'csv') return [...(first ? [head] : []), ...cells].map((row) => row.map(csvCell).join(',')).join('\n')
  return rows.length === 0 && !first ? '' : table(head, cells)
}

function valueOf(value: unknown, field: Field): unknown {
  if (value === null || value === undefined) return null
  if (field.mode === 'REPEATED') return (value as { v: unknown }[]).map(({ v }) => valueOf(v, { ...field, mode: 'NULLABLE' }))
  if (field.type === 'RECORD') return Object.fromEntries((value as { f: { v: unknown }[] }).f.map(({ v }, index) => [field.fields![index]!.name, valueOf(v, field.fields![index]!)]))
  if (field.type === 'TIMESTAMP') return new Date(Number(BigInt(value as string) / 1000n)).toISOString()
  if (field.type === 'BOOLEAN') return value === 'true'
  if (field.type === 'INTEGER') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (field.type === 'FLOAT') return Number.isFinite(Number(value)) ? Number(value) : value
  return value
}

const csvCell = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

export type { Job as WarehouseJob, Field as WarehouseField }
