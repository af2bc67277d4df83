/** The API's description of itself, made from its routes: the `bq` tool builds its client from it. Names and places only; no schemas of bodies. */
import type { Route } from '#ground/door.ts'
import type { Json } from './types.ts'

const BASE = '/bigquery/v2/'

/** What a method may be asked beside its path. Clients refuse a parameter that is not named here. */
const QUERY: Record<string, Json> = Object.fromEntries(
  Object.entries({
    maxResults: 'integer', pageToken: 'string', startIndex: 'string', timeoutMs: 'integer', location: 'string', projection: 'string', filter: 'string', all: 'boolean', allUsers: 'boolean', deleteContents: 'boolean', selectedFields: 'string',
    parentJobId: 'string', minCreationTime: 'string', maxCreationTime: 'string', accessPolicyVersion: 'integer', datasetView: 'string', view: 'string', readMask: 'string', updateMode: 'string', autodetect_schema: 'boolean',
    'formatOptions.useInt64Timestamp': 'boolean', 'formatOptions.timestampOutputFormat': 'string', force: 'boolean',
  }).map(([name, type]) => [name, { type, location: 'query' }]),
)
const LISTS: Record<string, Json> = { stateFilter: { type: 'string', location: 'query', repeated: true } }

export function discoveryRoute(routes: readonly Route[]): Route[] {
  return ['/$discovery/rest', '/discovery/v1/apis/bigquery/v2/rest'].map((path) => ({
    id: 'discovery.apis.getRest', verb: 'GET', path, permission: null,
    handle: (call) => call.sendJson(200, discoveryDocument(routes, call.origin)),
  }))
}

export function discoveryDocument(routes: readonly Route[], origin: string): Json {
  const resources: Record<string, { methods: Record<string, Json> }> = {}
  for (const route of routes) {
    const [api, resource, method] = route.id.split('.')
    if (api !== 'bigquery' || !resource || !method || !route.path.startsWith(BASE)) continue
    const path = route.path.slice(BASE.length)
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
    const parameters = { ...QUERY, ...LISTS, ...Object.fromEntries(names.map((name) => [name, { type: 'string', location: 'path', required: true }])) }
    const withBody = route.verb === 'POST' || route.verb === 'PUT' || route.verb === 'PATCH'
    const upload = route.id === 'bigquery.jobs.insert' ? { supportsMediaUpload: true, mediaUpload: { accept: ['*/*'], protocols: { simple: { multipart: true, path: '/upload/bigquery/v2/projects/{projectId}/jobs' }, resumable: { multipart: true, path: '/resumable/upload/bigquery/v2/projects/{projectId}/jobs' } } } } : {}
    ;(resources[resource] ??= { methods: {} }).methods[method] = {
      id: route.id, path, flatPath: path, httpMethod: route.verb, parameters, parameterOrder: names, ...(withBody && { request: { $ref: 'Any' } }), ...(route.verb !== 'DELETE' && { response: { $ref: 'Any' } }), ...upload,
    }
  }
  return {
    kind: 'discovery#restDescription', discoveryVersion: 'v1', id: 'bigquery:v2', name: 'bigquery', version: 'v2', title: 'BigQuery API', protocol: 'rest', rootUrl: `${origin}/`, servicePath: BASE.slice(1), baseUrl: `${origin}${BASE}`,
    basePath: BASE, batchPath: 'batch/bigquery/v2', parameters: { alt: { type: 'string', location: 'query' }, fields: { type: 'string', location: 'query' }, prettyPrint: { type: 'boolean', location: 'query' }, key: { type: 'string', location: 'query' }, quotaUser: { type: 'string', location: 'query' } },
    schemas: { Any: { id: 'Any', type: 'object', properties: {} } }, resources,
  }
}
