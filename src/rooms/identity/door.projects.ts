/** Projects over Google's Resource Manager API, v1 and v3. */
import type { Call, Door, Params, Resource, Route } from '#ground/door.ts'
import { unimplemented } from '#ground/fault.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import { projectNumber } from '#ground/project-number.ts'
import { invalid } from './faults.ts'
import { PROJECTS_MAX } from './limits.ts'
import type { ProjectRow } from './migrations.ts'
import { HOUSE } from './policies.ts'
import { policyRoutes } from './policy-routes.ts'
import type { IdentityService } from './service.ts'

export function projectsDoor(identity: IdentityService): Door {
  const resource = (params: Params): Resource => {
    const project = identity.projects.idOf(params['project']!)
    return { type: 'project', name: project, project }
  }
  return {
    name: 'cloudresourcemanager',
    hosts: ['cloudresourcemanager.googleapis.com'],
    renderFault: sendGoogleFault,
    routes: (['v1', 'v3'] as const).flatMap((version) => [
      ...projectRoutes(identity, version, resource),
      ...policyRoutes(identity, { id: 'cloudresourcemanager.projects', path: `/${version}/projects/{project}`, permission: 'resourcemanager.projects', resource }),
    ]),
  }
}

function projectRoutes({ projects }: IdentityService, version: 'v1' | 'v3', resource: (params: Params) => Resource): Route[] {
  const shown = (row: ProjectRow): Record<string, unknown> => (version === 'v1' ? projectV1(row) : projectV3(row))
  /** Only those that the caller may see, as the cloud does. */
  const list = async (call: Call) => {
    const visible: ProjectRow[] = []
    for (const row of await projects.list('', PROJECTS_MAX)) {
      if (await call.may('resourcemanager.projects.get', { type: 'project', name: row.id, project: row.id })) visible.push(row)
    }
    call.sendJson(200, { projects: visible.map(shown) })
  }
  return [
    {
      id: 'cloudresourcemanager.projects.get', verb: 'GET', path: `/${version}/projects/{project}`, permission: 'resourcemanager.projects.get', resource,
      handle: async (call) => call.sendJson(200, shown(await projects.get(call.params['project']!))),
    },
    { id: 'cloudresourcemanager.projects.list', verb: 'GET', path: `/${version}/projects`, permission: null, handle: list },
    ...(version === 'v3' ? [{ id: 'cloudresourcemanager.projects.search', verb: 'GET' as const, path: '/v3/projects:search', permission: null, handle: list }] : []),
    {
      id: 'cloudresourcemanager.projects.create', verb: 'POST', path: `/${version}/projects`, permission: 'resourcemanager.projects.create', resource: () => HOUSE,
      async handle(call) {
        const body = await call.readJson()
        const { projectId, name, displayName, labels } = body
        if (typeof projectId !== 'string') throw invalid('projectId is required.')
        const row = await projects.create(projectId, String(name ?? displayName ?? projectId), readLabels(labels))
        const response = { '@type': `type.googleapis.com/google.cloud.resourcemanager.${version}.Project`, ...shown(row) }
        call.sendJson(200, { name: `operations/cp.${projectNumber(row.id)}`, done: true, response })
      },
    },
    {
      id: 'cloudresourcemanager.projects.delete', verb: 'DELETE', path: `/${version}/projects/{project}`, permission: 'resourcemanager.projects.delete', resource,
      handle() {
        throw unimplemented('cloudresourcemanager.projects.delete')
      },
    },
  ]
}

function projectV1({ id, name, labels, created_ms }: ProjectRow) {
  return { projectNumber: projectNumber(id), projectId: id, lifecycleState: 'ACTIVE', name, createTime: new Date(created_ms).toISOString(), ...labelsOf(labels) }
}

function projectV3({ id, name, labels, created_ms }: ProjectRow) {
  const createTime = new Date(created_ms).toISOString()
  return { name: `projects/${projectNumber(id)}`, projectId: id, state: 'ACTIVE', displayName: name, createTime, etag: 'W/"1"', ...labelsOf(labels) }
}

function labelsOf(text: string) {
  const labels = JSON.parse(text) as Record<string, string>
  return Object.keys(labels).length > 0 ? { labels } : {}
}

function readLabels(given: unknown): Record<string, string> {
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null || !Object.values(given).every((value) => typeof value === 'string')) throw invalid('labels are pairs of text.')
  return given as Record<string, string>
}
