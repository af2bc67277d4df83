/** The Cloud Functions API v2. Functions of the first generation are seen here as well, as in the cloud. */
import type { Call, Params, Route } from '#ground/door.ts'
import { projectResource } from './door.shared.ts'
import { functionResource, nameOf, pageOf, policyRoutes } from './door.v1.ts'
import { PAGE_SIZE_MAX } from './limits.ts'
import { masked } from './masks.ts'
import { functionName } from './names.ts'
import { UPLOAD_BUCKET, readResource, readV2 } from './resource.read.ts'
import { operationResource, resourceV2 } from './resource.write.ts'
import { RUNTIMES, runtimeResource } from './runtimes.ts'
import type { FunctionsService } from './service.ts'
import { resourceV1 } from './resource.write.ts'

const PARENT = '/v2/projects/{project}/locations/{location}'
const FUNCTION = `${PARENT}/functions/{function}`

export function v2Routes(service: FunctionsService): Route[] {
  const { deployments, shelf } = service
  const own = async (params: Params) => service.get(nameOf(params))
  const show = async (call: Call, params: Params) => {
    const found = await own(params)
    const serving = found.revision === null ? undefined : await shelf.revision(found.revision)
    return resourceV2(found, call.origin, serving)
  }
  const operation = async (call: Call, started: Parameters<typeof operationResource>[0]) => call.sendJson(200, operationResource(started, await shelf.byId(started.function), call.origin))
  return [
    {
      id: 'cloudfunctions.v2.projects.locations.functions.create', verb: 'POST', path: `${PARENT}/functions`, permission: 'cloudfunctions.functions.create', resource: projectResource,
      async handle(call) {
        const body = await call.readJson()
        const name = functionName(call.params['project']!, call.params['location']!, call.query.get('functionId') ?? String(body['name'] ?? '').split('/').at(-1)!)
        await operation(call, await deployments.create(name, 2, readV2(body, name), 'v2'))
      },
    },
    {
      id: 'cloudfunctions.v2.projects.locations.functions.list', verb: 'GET', path: `${PARENT}/functions`, permission: 'cloudfunctions.functions.list', resource: projectResource,
      async handle(call) {
        const wanted = /environment\s*=\s*"?GEN_([12])"?/.exec(call.query.get('filter') ?? '')?.[1]
        const { page, nextPageToken } = await pageOf(call, service, ({ generation }) => wanted === undefined || generation === Number(wanted))
        call.sendJson(200, { functions: page.map((found) => resourceV2(found, call.origin)), ...(nextPageToken !== undefined && { nextPageToken }) })
      },
    },
    {
      id: 'cloudfunctions.v2.projects.locations.functions.get', verb: 'GET', path: FUNCTION, permission: 'cloudfunctions.functions.get', resource: functionResource,
      handle: async (call) => call.sendJson(200, await show(call, call.params)),
    },
    {
      id: 'cloudfunctions.v2.projects.locations.functions.patch', verb: 'PATCH', path: FUNCTION, permission: 'cloudfunctions.functions.update', resource: functionResource,
      async handle(call) {
        const found = await own(call.params)
        const body = await call.readJson()
        const before = found.generation === 2 ? resourceV2(found, call.origin) : resourceV1(found, call.origin)
        // What this API answers and does not take back.
        if (found.generation === 2) delete (before['eventTrigger'] as Record<string, unknown> | undefined)?.['trigger']
        const after = masked(before, body, call.query.get('updateMask') ?? '')
        await operation(call, await deployments.update(found, readResource(found.generation, after, found.name), 'v2'))
      },
    },
    {
      id: 'cloudfunctions.v2.projects.locations.functions.delete', verb: 'DELETE', path: FUNCTION, permission: 'cloudfunctions.functions.delete', resource: functionResource,
      handle: async (call) => operation(call, await deployments.remove(await own(call.params), 'v2')),
    },
    {
      id: 'cloudfunctions.v2.projects.locations.functions.generateUploadUrl', verb: 'POST', path: `${PARENT}/functions:generateUploadUrl`, permission: 'cloudfunctions.functions.sourceCodeSet', resource: projectResource,
      async handle(call) {
        const id = await service.newUpload()
        call.sendJson(200, { uploadUrl: `${call.origin}/function-uploads/${id}`, storageSource: { bucket: UPLOAD_BUCKET, object: `${id}.zip` } })
      },
    },
    {
      id: 'cloudfunctions.v2.projects.locations.functions.generateDownloadUrl', verb: 'POST', path: `${FUNCTION}:generateDownloadUrl`, permission: 'cloudfunctions.functions.sourceCodeGet', resource: functionResource,
      async handle(call) {
        const { name } = await own(call.params)
        call.sendJson(200, { downloadUrl: `${call.origin}/v1/projects/${name.project}/locations/${name.location}/functions/${name.id}/source` })
      },
    },
    ...policyRoutes(service, FUNCTION, functionResource, 'cloudfunctions.v2.projects.locations.functions'),
    {
      id: 'cloudfunctions.v2.projects.locations.runtimes.list', verb: 'GET', path: `${PARENT}/runtimes`, permission: 'cloudfunctions.runtimes.list', resource: projectResource,
      handle(call) {
        const filter = call.query.get('filter') ?? ''
        const name = /name\s*=\s*"?([\w.]+)"?/.exec(filter)?.[1]
        const environment = /environment\s*=\s*"?(GEN_[12])"?/.exec(filter)?.[1]
        const found = RUNTIMES.filter((one) => name === undefined || one === name).flatMap((one) => (['GEN_1', 'GEN_2'] as const).map((generation) => runtimeResource(one, generation)))
        call.sendJson(200, { runtimes: found.filter((one) => environment === undefined || one.environment === environment) })
      },
    },
    {
      id: 'cloudfunctions.v2.projects.locations.operations.get', verb: 'GET', path: `${PARENT}/operations/{operation}`, permission: 'cloudfunctions.operations.get', resource: projectResource,
      handle: async (call) => operation(call, await deployments.get(call.params['operation']!)),
    },
    {
      id: 'cloudfunctions.v2.projects.locations.operations.list', verb: 'GET', path: `${PARENT}/operations`, permission: 'cloudfunctions.operations.list', resource: projectResource,
      async handle(call) {
        const found = await shelf.operations(call.params['project']!, call.params['location']!, 'v2', PAGE_SIZE_MAX)
        call.sendJson(200, { operations: await Promise.all(found.map(async (one) => operationResource(one, await shelf.byId(one.function), call.origin))) })
      },
    },
    {
      id: 'cloudfunctions.v2.projects.locations.list', verb: 'GET', path: '/v2/projects/{project}/locations', permission: 'cloudfunctions.locations.list', resource: projectResource,
      handle(call) {
        const { project } = call.params
        call.sendJson(200, { locations: SHOWN_LOCATIONS.map((id) => ({ name: `projects/${project}/locations/${id}`, locationId: id, displayName: id })) })
      },
    },
  ]
}

/** Locations are names to us: every one is served, and these are shown. */
const SHOWN_LOCATIONS = ['europe-west3', 'us-central1']
