/** The Workflows API v1: workflows, their revisions, operations and locations; and of our own the graph of a workflow. */
import type { Call, Params, Route } from '#ground/door.ts'
import { parentName } from './names.ts'
import { pageSize, textOf, tokenOf } from './paging.ts'
import type { WorkflowsRoomService } from './service.ts'
import { operationResource, workflowResource } from './wire.ts'

const PARENT = '/v1/projects/{project}/locations/{location}'
const WORKFLOW = `${PARENT}/workflows/{workflow}`

export const parentOf = ({ project, location }: Params): string => parentName(project!, location!)
export const workflowOf = (params: Params): string => `${parentOf(params)}/workflows/${params['workflow']!}`
const projectResource = ({ project }: Params) => ({ type: 'project', name: project!, project: project! })
export const workflowResourceOf = (params: Params) => ({ type: 'workflow', name: workflowOf(params), project: params['project']! })

/** Locations are names to us: every one is served, and this one is shown. */
const SHOWN_LOCATION = 'us-central1'

export function workflowRoutes(service: WorkflowsRoomService): Route[] {
  const { workflows } = service
  const location = (call: Call, id: string) => {
    const project = call.params['project']!
    return { name: parentName(project, id), locationId: id, labels: { 'cloud.googleapis.com/region': id } }
  }
  return [
    {
      id: 'workflows.projects.locations.workflows.create', verb: 'POST', path: `${PARENT}/workflows`, permission: 'workflows.workflows.create', resource: projectResource,
      async handle(call) {
        const { operation } = await workflows.create(parentOf(call.params), call.query.get('workflowId') ?? '', await call.readJson())
        call.sendJson(200, operationResource(operation))
      },
    },
    {
      id: 'workflows.projects.locations.workflows.list', verb: 'GET', path: `${PARENT}/workflows`, permission: 'workflows.workflows.list', resource: projectResource,
      async handle(call) {
        const limit = pageSize(call.query.get('pageSize'))
        const found = await workflows.list(parentOf(call.params), textOf(call.query.get('pageToken')), limit + 1)
        const page = found.slice(0, limit)
        call.sendJson(200, {
          workflows: page.map(({ workflow, revision }) => workflowResource(workflow, revision)),
          ...(found.length > limit && { nextPageToken: tokenOf(page.at(-1)!.workflow.name) }),
        })
      },
    },
    {
      id: 'workflows.projects.locations.workflows.listRevisions', verb: 'GET', path: `${WORKFLOW}:listRevisions`, permission: 'workflows.workflows.listRevision', resource: workflowResourceOf,
      async handle(call) {
        const limit = pageSize(call.query.get('pageSize'))
        const before = Number(textOf(call.query.get('pageToken')) || Number.MAX_SAFE_INTEGER)
        const { workflow, revisions } = await workflows.revisions(workflowOf(call.params), before, limit + 1)
        const page = revisions.slice(0, limit)
        call.sendJson(200, {
          workflows: page.map((revision) => workflowResource(workflow, revision)), ...(revisions.length > limit && { nextPageToken: tokenOf(String(page.at(-1)!.number)) }),
        })
      },
    },
    {
      id: 'potoroo.workflows.workflows.graph', verb: 'GET', path: `${WORKFLOW}:graph`, permission: 'workflows.workflows.get', resource: workflowResourceOf,
      handle: async (call) => call.sendJson(200, await service.graph(workflowOf(call.params), call.query.get('revisionId') ?? undefined)),
    },
    {
      id: 'workflows.projects.locations.workflows.get', verb: 'GET', path: WORKFLOW, permission: 'workflows.workflows.get', resource: workflowResourceOf,
      async handle(call) {
        const { workflow, revision } = await workflows.get(workflowOf(call.params), call.query.get('revisionId') ?? undefined)
        call.sendJson(200, workflowResource(workflow, revision))
      },
    },
    {
      id: 'workflows.projects.locations.workflows.patch', verb: 'PATCH', path: WORKFLOW, permission: 'workflows.workflows.update', resource: workflowResourceOf,
      async handle(call) {
        const mask = (call.query.get('updateMask') ?? '').split(',').filter(Boolean)
        const { operation } = await workflows.patch(workflowOf(call.params), await call.readJson(), mask)
        call.sendJson(200, operationResource(operation))
      },
    },
    {
      id: 'workflows.projects.locations.workflows.delete', verb: 'DELETE', path: WORKFLOW, permission: 'workflows.workflows.delete', resource: workflowResourceOf,
      handle: async (call) => call.sendJson(200, operationResource(await service.removeWorkflow(workflowOf(call.params)))),
    },
    {
      id: 'workflows.projects.locations.operations.list', verb: 'GET', path: `${PARENT}/operations`, permission: 'workflows.operations.list', resource: projectResource,
      async handle(call) {
        const limit = pageSize(call.query.get('pageSize'))
        const found = await workflows.shelf.operations(parentOf(call.params), textOf(call.query.get('pageToken')), limit + 1)
        const page = found.slice(0, limit)
        call.sendJson(200, { operations: page.map(operationResource), ...(found.length > limit && { nextPageToken: tokenOf(page.at(-1)!.name) }) })
      },
    },
    {
      id: 'workflows.projects.locations.operations.get', verb: 'GET', path: `${PARENT}/operations/{operation}`, permission: 'workflows.operations.get', resource: projectResource,
      handle: async (call) => call.sendJson(200, operationResource(await workflows.getOperation(`${parentOf(call.params)}/operations/${call.params['operation']}`))),
    },
    {
      id: 'workflows.projects.locations.operations.delete', verb: 'DELETE', path: `${PARENT}/operations/{operation}`, permission: 'workflows.operations.delete', resource: projectResource,
      async handle(call) {
        await workflows.removeOperation(`${parentOf(call.params)}/operations/${call.params['operation']}`)
        call.sendJson(200, {})
      },
    },
    {
      id: 'workflows.projects.locations.list', verb: 'GET', path: '/v1/projects/{project}/locations', permission: 'workflows.locations.list', resource: projectResource,
      handle: (call) => call.sendJson(200, { locations: [location(call, SHOWN_LOCATION)] }),
    },
    {
      id: 'workflows.projects.locations.get', verb: 'GET', path: PARENT, permission: 'workflows.locations.get', resource: projectResource,
      handle: (call) => call.sendJson(200, location(call, call.params['location']!)),
    },
  ]
}
