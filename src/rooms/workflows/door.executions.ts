/** The Workflow Executions API v1, with the callback endpoints and two methods of our own: logs and resume. */
import type { Call, Params, Route, Verb } from '#ground/door.ts'
import { invalid, noStepEntry } from './faults.ts'
import { responseBody } from './machine/http-response.ts'
import { mapOf, newMap, type Value } from './language/values.ts'
import { pageSize, textOf, tokenOf } from './paging.ts'
import type { WorkflowsRoomService } from './service.ts'
import { stepEntryResources } from './step-entries.ts'
import { workflowOf, workflowResourceOf } from './door.workflows.ts'
import { executionResource, type View } from './wire.ts'

const WORKFLOW = '/v1/projects/{project}/locations/{location}/workflows/{workflow}'
const EXECUTION = `${WORKFLOW}/executions/{execution}`
const CALLBACK_VERBS: Verb[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const CALLBACK_BYTES_MAX = 512 * 1024

const executionOf = (params: Params): string => `${workflowOf(params)}/executions/${params['execution']!}`
const executionResourceOf = (params: Params) => ({ type: 'execution', name: executionOf(params), project: params['project']! })

function viewOf(call: Call, fallback: View): View {
  const view = call.query.get('view') ?? fallback
  if (view === 'BASIC' || view === 'FULL') return view
  if (view === 'EXECUTION_VIEW_UNSPECIFIED') return fallback
  throw invalid(`Not a view: ${view.slice(0, 40)}`, 'Views are BASIC and FULL.')
}

export function executionRoutes({ executions }: WorkflowsRoomService): Route[] {
  const one = { resource: executionResourceOf }
  return [
    {
      id: 'workflowexecutions.projects.locations.workflows.executions.create', verb: 'POST', path: `${WORKFLOW}/executions`, permission: 'workflows.executions.create', resource: workflowResourceOf,
      handle: async (call) => call.sendJson(200, executionResource(await executions.create(workflowOf(call.params), await call.readJson()), 'FULL', [])),
    },
    {
      id: 'workflowexecutions.projects.locations.workflows.executions.list', verb: 'GET', path: `${WORKFLOW}/executions`, permission: 'workflows.executions.list', resource: workflowResourceOf,
      async handle(call) {
        const view = viewOf(call, 'BASIC')
        const order = call.query.get('orderBy') ?? ''
        if (order !== '' && !/^(create|start)Time(\s+desc)?$/i.test(order)) throw invalid(`Executions are not ordered by ${order.slice(0, 60)}.`, 'They come by createTime desc.')
        const options = { filter: call.query.get('filter') ?? '', cursor: call.query.get('pageToken') ?? '', limit: pageSize(call.query.get('pageSize')) }
        const { page, cursor } = await executions.list(workflowOf(call.params), options)
        call.sendJson(200, { executions: page.map((execution) => executionResource(execution, view)), ...(cursor !== undefined && { nextPageToken: cursor }) })
      },
    },
    {
      id: 'workflowexecutions.projects.locations.workflows.triggerPubsubExecution', verb: 'POST', path: `${WORKFLOW}:triggerPubsubExecution`, permission: 'workflows.executions.create', resource: workflowResourceOf,
      handle: async (call) => call.sendJson(200, executionResource(await executions.triggerByPubsub(workflowOf(call.params), await call.readJson()), 'FULL', [])),
    },
    {
      id: 'workflowexecutions.projects.locations.workflows.executions.cancel', verb: 'POST', path: `${EXECUTION}:cancel`, permission: 'workflows.executions.cancel', ...one,
      handle: async (call) => call.sendJson(200, executionResource(await executions.cancel(executionOf(call.params)), 'FULL')),
    },
    {
      id: 'workflowexecutions.projects.locations.workflows.executions.exportData', verb: 'GET', path: `${EXECUTION}:exportData`, permission: 'workflows.executions.get', ...one,
      async handle(call) {
        const { execution, steps } = await executions.get(executionOf(call.params))
        const entries = stepEntryResources(execution.name, await executions.history(execution.name))
        call.sendJson(200, { data: JSON.stringify({ execution: executionResource(execution, 'FULL', steps), stepEntries: entries }) })
      },
    },
    {
      id: 'workflowexecutions.projects.locations.workflows.executions.deleteExecutionHistory', verb: 'POST', path: `${EXECUTION}:deleteExecutionHistory`, permission: 'workflows.executions.delete', ...one,
      async handle(call) {
        await executions.removeHistory(executionOf(call.params))
        call.sendJson(200, {})
      },
    },
    {
      id: 'potoroo.workflows.executions.logs', verb: 'GET', path: `${EXECUTION}:logs`, permission: 'workflows.executions.get', ...one,
      async handle(call) {
        const batches = await executions.history(executionOf(call.params))
        call.sendJson(200, { entries: batches.flatMap(({ logs }) => logs).map(({ at_ms, payload, ...line }) => ({ ...line, timestamp: new Date(at_ms).toISOString(), payload: JSON.parse(payload) as unknown })) })
      },
    },
    {
      id: 'potoroo.workflows.executions.resume', verb: 'POST', path: `${EXECUTION}:resume`, permission: 'workflows.executions.create', ...one,
      async handle(call) {
        const { step } = await call.readJson()
        if (typeof step !== 'string') throw invalid('The body must name a step.')
        call.sendJson(200, executionResource(await executions.resume(executionOf(call.params), step), 'FULL', []))
      },
    },
    {
      id: 'workflowexecutions.projects.locations.workflows.executions.get', verb: 'GET', path: EXECUTION, permission: 'workflows.executions.get', ...one,
      async handle(call) {
        const { execution, steps } = await executions.get(executionOf(call.params))
        call.sendJson(200, executionResource(execution, viewOf(call, 'FULL'), steps))
      },
    },
    {
      id: 'workflowexecutions.projects.locations.workflows.executions.stepEntries.list', verb: 'GET', path: `${EXECUTION}/stepEntries`, permission: 'workflows.stepEntries.list', ...one,
      async handle(call) {
        const name = executionOf(call.params)
        const entries = stepEntryResources(name, await executions.history(name))
        const limit = pageSize(call.query.get('pageSize'))
        const from = Number(textOf(call.query.get('pageToken')) || 0)
        const more = from + limit < entries.length
        call.sendJson(200, { stepEntries: entries.slice(from, from + limit), ...(more && { nextPageToken: tokenOf(String(from + limit)) }), totalSize: entries.length })
      },
    },
    {
      id: 'workflowexecutions.projects.locations.workflows.executions.stepEntries.get', verb: 'GET', path: `${EXECUTION}/stepEntries/{entry}`, permission: 'workflows.stepEntries.get', ...one,
      async handle(call) {
        const name = executionOf(call.params)
        const wanted = `${name}/stepEntries/${call.params['entry']!}`
        const entry = stepEntryResources(name, await executions.history(name)).find((known) => known['name'] === wanted)
        if (!entry) throw noStepEntry(wanted)
        call.sendJson(200, entry)
      },
    },
    {
      id: 'workflowexecutions.projects.locations.workflows.executions.callbacks.list', verb: 'GET', path: `${EXECUTION}/callbacks`, permission: 'workflows.callbacks.list', ...one,
      async handle(call) {
        const name = executionOf(call.params)
        const callbacks = (await executions.callbacks(name)).map(({ id, callback, waiting }) => ({
          name: `${name}/callbacks/${id}`, method: callback.method, ...(waiting && { waiters: '1' }), ...(callback.arrived && { availablePayloads: [JSON.stringify(callback.arrived)] }),
        }))
        call.sendJson(200, { callbacks })
      },
    },
    ...CALLBACK_VERBS.map((verb): Route => ({
      id: `workflowexecutions.callbacks.${verb.toLowerCase()}`, verb, path: `${EXECUTION}/callbacks/{callback}`, permission: 'workflows.callbacks.send', ...one, bodyBytesMax: CALLBACK_BYTES_MAX,
      async handle(call) {
        const body = await call.readBody()
        await executions.callBack(executionOf(call.params), call.params['callback']!, verb, mapOf({
          http_request: mapOf({ body: callbackBody(call, body), headers: headersOf(call), method: verb, query: queryOf(call), url: `${call.origin}${call.request.url ?? ''}` }),
          type: 'HTTP',
        }))
        call.sendJson(200, {})
      },
    })),
  ]
}

function callbackBody(call: Call, body: Buffer): Value {
  return body.length === 0 ? null : responseBody(new Uint8Array(body), call.request.headers['content-type'])
}

/** Names in canonical form; credentials stay outside of variables and their history. */
function headersOf(call: Call): Value {
  const headers = newMap()
  for (const [name, value] of Object.entries(call.request.headers)) {
    if (value === undefined || name === 'authorization' || name === 'cookie') continue
    headers[name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

function queryOf(call: Call): Value {
  const query = newMap()
  for (const [name, value] of call.query) query[name] = value
  return query
}

