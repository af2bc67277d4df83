/** The Cloud Functions API v1. */
import type { Call, Params, Route, Verb } from '#ground/door.ts'
import { projectResource } from './door.shared.ts'
import { PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX } from './limits.ts'
import { masked } from './masks.ts'
import { functionName, parseFullName } from './names.ts'
import { readV1 } from './resource.read.ts'
import type { Json } from './resource.read.ts'
import { operationResource, resourceV1 } from './resource.write.ts'
import type { FunctionsService } from './service.ts'
import { fullName } from './types.ts'
import type { DeployedFunction } from './types.ts'

const PARENT = '/v1/projects/{project}/locations/{location}'
const FUNCTION = `${PARENT}/functions/{function}`

export const nameOf = ({ project, location, function: id }: Params) => functionName(project!, location!, id!)
export const functionResource = (params: Params) => ({ type: 'function', name: `projects/${params['project']}/locations/${params['location']}/functions/${params['function']}`, project: params['project']! })

export function v1Routes(service: FunctionsService): Route[] {
  const { deployments, shelf } = service
  const own = async (params: Params) => service.get(nameOf(params))
  const operation = async (call: Call, started: Parameters<typeof operationResource>[0]) => call.sendJson(200, operationResource(started, await shelf.byId(started.function), call.origin))
  return [
    {
      id: 'cloudfunctions.projects.locations.functions.create', verb: 'POST', path: `${PARENT}/functions`, permission: 'cloudfunctions.functions.create', resource: projectResource,
      async handle(call) {
        const body = await call.readJson()
        const name = parseFullName(String(body['name'] ?? ''))
        await operation(call, await deployments.create(name, 1, readV1(body, name), 'v1'))
      },
    },
    {
      id: 'cloudfunctions.projects.locations.functions.list', verb: 'GET', path: `${PARENT}/functions`, permission: 'cloudfunctions.functions.list', resource: projectResource,
      async handle(call) {
        const { page, nextPageToken } = await pageOf(call, service, ({ generation }) => generation === 1)
        call.sendJson(200, { functions: page.map((found) => resourceV1(found, call.origin)), ...(nextPageToken !== undefined && { nextPageToken }) })
      },
    },
    {
      id: 'cloudfunctions.projects.locations.functions.get', verb: 'GET', path: FUNCTION, permission: 'cloudfunctions.functions.get', resource: functionResource,
      handle: async (call) => call.sendJson(200, resourceV1(await own(call.params), call.origin)),
    },
    {
      id: 'cloudfunctions.projects.locations.functions.patch', verb: 'PATCH', path: FUNCTION, permission: 'cloudfunctions.functions.update', resource: functionResource,
      async handle(call) {
        const found = await own(call.params)
        const body = await call.readJson()
        const after = masked(onlyOneOf(resourceV1(found, call.origin), body), body, call.query.get('updateMask') ?? '')
        await operation(call, await deployments.update(found, readV1(after, found.name), 'v1'))
      },
    },
    {
      id: 'cloudfunctions.projects.locations.functions.delete', verb: 'DELETE', path: FUNCTION, permission: 'cloudfunctions.functions.delete', resource: functionResource,
      handle: async (call) => operation(call, await deployments.remove(await own(call.params), 'v1')),
    },
    {
      id: 'cloudfunctions.projects.locations.functions.call', verb: 'POST', path: `${FUNCTION}:call`, permission: 'cloudfunctions.functions.call', resource: functionResource,
      async handle(call) {
        const { data } = await call.readJson()
        call.sendJson(200, await service.callByName(await own(call.params), typeof data === 'string' ? data : ''))
      },
    },
    {
      id: 'cloudfunctions.projects.locations.functions.generateUploadUrl', verb: 'POST', path: `${PARENT}/functions:generateUploadUrl`, permission: 'cloudfunctions.functions.sourceCodeSet', resource: projectResource,
      handle: async (call) => call.sendJson(200, { uploadUrl: `${call.origin}/function-uploads/${await service.newUpload()}` }),
    },
    {
      id: 'cloudfunctions.projects.locations.functions.generateDownloadUrl', verb: 'POST', path: `${FUNCTION}:generateDownloadUrl`, permission: 'cloudfunctions.functions.sourceCodeGet', resource: functionResource,
      async handle(call) {
        const found = await own(call.params)
        call.sendJson(200, { downloadUrl: `${call.origin}/v1/${fullName(found.name)}/source` })
      },
    },
    {
      id: 'potoroo.functions.source', verb: 'GET', path: `${FUNCTION}/source`, permission: 'cloudfunctions.functions.sourceCodeGet', resource: functionResource,
      handle: async (call) => service.sendSource(await own(call.params), call),
    },
    ...policyRoutes(service, FUNCTION, functionResource),
    {
      id: 'cloudfunctions.operations.get', verb: 'GET', path: '/v1/operations/{operation}', permission: null,
      async handle(call) {
        const found = await deployments.get(call.params['operation']!)
        await call.require('cloudfunctions.operations.get', { type: 'project', name: found.name.project, project: found.name.project })
        await operation(call, found)
      },
    },
    {
      id: 'cloudfunctions.operations.list', verb: 'GET', path: '/v1/operations', permission: null,
      async handle(call) {
        const filter = call.query.get('filter') ?? ''
        const [, project, location] = /project:([^,\s]+),location:([^,\s]+)/.exec(filter) ?? []
        if (project === undefined) return call.sendJson(200, { operations: [] })
        await call.require('cloudfunctions.operations.list', { type: 'project', name: project, project })
        const found = await shelf.operations(project, location!, 'v1', PAGE_SIZE_MAX)
        call.sendJson(200, { operations: await Promise.all(found.map(async (one) => operationResource(one, await shelf.byId(one.function), call.origin))) })
      },
    },
  ]
}

/** What the body names takes the place of its counterpart. */
function onlyOneOf(before: Json, body: Json): Json {
  const after = { ...before }
  for (const group of [['httpsTrigger', 'eventTrigger'], ['sourceArchiveUrl', 'sourceUploadUrl', 'sourceRepository']]) {
    if (group.some((name) => body[name] !== undefined)) for (const name of group) if (body[name] === undefined) delete after[name]
  }
  return after
}

export function policyRoutes({ policies }: FunctionsService, path: string, resource: (params: Params) => ReturnType<typeof functionResource>, prefix = 'cloudfunctions.projects.locations.functions'): Route[] {
  const read = async (call: Call) => call.sendJson(200, await policies.read(resource(call.params)))
  return [
    ...(['GET', 'POST'] as Verb[]).map((verb): Route => ({ id: `${prefix}.getIamPolicy`, verb, path: `${path}:getIamPolicy`, permission: 'cloudfunctions.functions.getIamPolicy', resource, handle: read })),
    {
      id: `${prefix}.setIamPolicy`, verb: 'POST', path: `${path}:setIamPolicy`, permission: 'cloudfunctions.functions.setIamPolicy', resource,
      async handle(call) {
        const { policy } = await call.readJson()
        call.sendJson(200, await policies.write(resource(call.params), (policy ?? {}) as Json))
      },
    },
    {
      id: `${prefix}.testIamPermissions`, verb: 'POST', path: `${path}:testIamPermissions`, permission: null,
      async handle(call) {
        const { permissions } = await call.readJson()
        const asked = Array.isArray(permissions) ? permissions.filter((one) => typeof one === 'string').slice(0, 100) : []
        const held = await Promise.all(asked.map((one) => call.may(one, resource(call.params))))
        call.sendJson(200, { permissions: asked.filter((_, index) => held[index]) })
      },
    },
  ]
}

/** A page of a project's functions; the location `-` is every one. */
export async function pageOf(call: Call, { shelf }: FunctionsService, wanted: (found: DeployedFunction) => boolean): Promise<{ page: DeployedFunction[]; nextPageToken?: string }> {
  const { project, location } = call.params
  const size = Math.min(Number(call.query.get('pageSize') ?? 0) || PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
  const from = Number(Buffer.from(call.query.get('pageToken') ?? '', 'base64url').toString()) || 0
  const all = (await shelf.list(project!, location === '-' ? undefined : location!, PAGE_SIZE_MAX)).filter(wanted)
  const page = all.slice(from, from + size)
  return { page, ...(from + size < all.length && { nextPageToken: Buffer.from(String(from + size)).toString('base64url') }) }
}
