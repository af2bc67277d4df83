/** What the doors read from requests: paging, query options, callers; and the gateway's resources for permissions. */
import type { Call, Params, Resource } from '#ground/door.ts'
import type { PageOptions } from './engine/messages.ts'
import { invalid, invalidParameter } from './faults.ts'
import { LIST_PAGE_DEFAULT, LIST_PAGE_MAX, PAGE_BYTES_MAX, PAGE_ROWS_MAX, REQUEST_BYTES_MAX } from './limits.ts'
import { checked, type Shape } from './shapes.ts'
import type { DatasetRef, Json, TablePath } from './types.ts'

export const PATH = '/bigquery/v2/projects/{projectId}'
export const BODY = { bodyBytesMax: REQUEST_BYTES_MAX }

export const onProject = ({ projectId }: Params): Resource => ({ type: 'project', name: projectId!, project: projectId! })
export const onDataset = ({ projectId, datasetId }: Params): Resource => ({ type: 'dataset', name: `projects/${projectId}/datasets/${datasetId}`, project: projectId! })
export const onTable = ({ projectId, datasetId, tableId }: Params): Resource => ({ type: 'table', name: `projects/${projectId}/datasets/${datasetId}/tables/${tableId}`, project: projectId! })

export const datasetOf = ({ params }: Call): DatasetRef => ({ projectId: params['projectId']!, datasetId: params['datasetId']! })
export const tableOf = (call: Call): TablePath => ({ ...datasetOf(call), tableId: call.params['tableId']! })

export const body = async (call: Call, shape: Shape): Promise<Json> => checked(await call.readJson(), shape)

export const ifMatch = ({ request }: Call): string | undefined => {
  const given = request.headers['if-match']
  return given === undefined || given === '*' ? undefined : given.replace(/^W\//, '').replace(/^"(.*)"$/, '$1')
}

/** Numbers in the query string; `name` may come as text from any client. */
export function numberIn(call: Call, name: string, max: number): number | undefined {
  const given = call.query.get(name)
  if (given === null || given === '') return undefined
  if (!/^\d{1,16}$/.test(given)) throw invalidParameter(`Invalid value for ${name}: ${given.slice(0, 60)}`)
  return Math.min(Number(given), max)
}

export function flagIn(call: Call, name: string): boolean | undefined {
  const given = call.query.get(name)
  if (given === null || given === '') return undefined
  if (/^(?:true|false)$/i.test(given)) return given.toLowerCase() === 'true'
  throw invalidParameter(`Invalid value for ${name}: ${given.slice(0, 60)}`)
}

export const listLimit = (call: Call): number => numberIn(call, 'maxResults', LIST_PAGE_MAX) || LIST_PAGE_DEFAULT

/** Page tokens carry where the page before ended; clients hand them back untouched. */
export const tokenOf = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

export function readToken<T>(call: Call): T | undefined {
  const given = call.query.get('pageToken')
  if (given === null || given === '') return undefined
  try {
    return JSON.parse(Buffer.from(given, 'base64url').toString('utf8')) as T
  } catch {
    throw invalid('Invalid page token.', 'pageToken')
  }
}

/** Where a page of rows begins, and how long it may be. */
export function rowOptions(call: Call): PageOptions & { skip: number; after: number | undefined } {
  const token = readToken<{ after?: unknown }>(call)
  const after = token?.after
  if (token && (typeof after !== 'number' || !Number.isSafeInteger(after))) throw invalid('Invalid page token.', 'pageToken')
  const int64 = flagIn(call, 'formatOptions.useInt64Timestamp') ?? false
  return {
    rows_max: numberIn(call, 'maxResults', PAGE_ROWS_MAX) ?? PAGE_ROWS_MAX, bytes_max: PAGE_BYTES_MAX, timestamps: int64 ? 'int64' : 'float',
    skip: token ? 0 : (numberIn(call, 'startIndex', Number.MAX_SAFE_INTEGER) ?? 0), after: after as number | undefined,
  }
}

/** JSON whose `rows` were already written as text, by the engine. */
export function sendRows(call: Call, answer: Json, rows: Uint8Array | undefined): void {
  const text = JSON.stringify(answer)
  if (rows === undefined || rows.length === 0) return call.send(200, text, JSON_HEADERS)
  const head = Buffer.from(`${text.slice(0, -1)}${text === '{}' ? '' : ','}"rows":[`)
  call.response.writeHead(200, { ...JSON_HEADERS, 'content-length': head.length + rows.length + 2 })
  call.response.write(head)
  call.response.write(rows)
  call.response.end(']}')
}

const JSON_HEADERS = { 'content-type': 'application/json; charset=UTF-8' }
