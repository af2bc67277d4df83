/** The few methods of neighbouring APIs that `gcloud functions deploy` asks before and after: services, builds, images, and the services of Cloud Run. */
import type { Call, Params, Route } from '#ground/door.ts'
import { projectNumber } from '#ground/project-number.ts'
import { projectResource } from './door.shared.ts'
import { policyRoutes } from './door.v1.ts'
import { noFunction } from './faults.ts'
import { PAGE_SIZE_MAX } from './limits.ts'
import { serviceName } from './names.ts'
import type { Json } from './resource.read.ts'
import { callUrl } from './resource.write.ts'
import { defaultAccount } from './runtime/launcher.ts'
import type { FunctionsService } from './service.ts'
import type { DeployedFunction } from './types.ts'

const PROJECT = '/v1/projects/{project}'
const LOCATION = `${PROJECT}/locations/{location}`

/** Everything that this house answers is enabled, and nothing has to be. */
export function serviceUsageRoutes(): Route[] {
  const resource = (project: string, service: string): Json => ({
    name: `projects/${projectNumber(project)}/services/${service}`, config: { name: service, title: service }, state: 'ENABLED', parent: `projects/${projectNumber(project)}`,
  })
  const done = (call: Call, type: string, response: Json) => call.sendJson(200, { name: 'operations/noop.DONE_OPERATION', done: true, response: { '@type': `type.googleapis.com/google.api.serviceusage.v1.${type}`, ...response } })
  return [
    {
      id: 'serviceusage.services.get', verb: 'GET', path: `${PROJECT}/services/{service}`, permission: 'serviceusage.services.get', resource: projectResource,
      handle: (call) => call.sendJson(200, resource(call.params['project']!, call.params['service']!)),
    },
    {
      id: 'serviceusage.services.list', verb: 'GET', path: `${PROJECT}/services`, permission: 'serviceusage.services.list', resource: projectResource,
      handle: (call) => call.sendJson(200, { services: SERVICES.map((service) => resource(call.params['project']!, `${service}.googleapis.com`)) }),
    },
    {
      id: 'serviceusage.services.enable', verb: 'POST', path: `${PROJECT}/services/{service}:enable`, permission: 'serviceusage.services.enable', resource: projectResource,
      handle: (call) => done(call, 'EnableServiceResponse', { service: resource(call.params['project']!, call.params['service']!) }),
    },
    {
      id: 'serviceusage.services.batchEnable', verb: 'POST', path: `${PROJECT}/services:batchEnable`, permission: 'serviceusage.services.enable', resource: projectResource,
      async handle(call) {
        const { serviceIds } = await call.readJson()
        const ids = Array.isArray(serviceIds) ? serviceIds.map(String) : []
        done(call, 'BatchEnableServicesResponse', { services: ids.map((id) => resource(call.params['project']!, id)) })
      },
    },
    {
      id: 'serviceusage.services.batchGet', verb: 'GET', path: `${PROJECT}/services:batchGet`, permission: 'serviceusage.services.get', resource: projectResource,
      handle: (call) => call.sendJson(200, { services: call.query.getAll('names').map((name) => resource(call.params['project']!, name.slice(name.lastIndexOf('/') + 1))) }),
    },
  ]
}

const SERVICES = ['storage', 'bigquery', 'pubsub', 'cloudfunctions', 'run', 'cloudbuild', 'artifactregistry', 'eventarc', 'cloudscheduler', 'secretmanager', 'logging', 'workflows', 'workflowexecutions', 'iam', 'cloudresourcemanager']

export function buildRoutes(): Route[] {
  return [
    {
      id: 'cloudbuild.projects.locations.getDefaultServiceAccount', verb: 'GET', path: `${LOCATION}/defaultServiceAccount`, permission: 'cloudbuild.builds.get', resource: projectResource,
      handle(call) {
        const { project, location } = call.params
        call.sendJson(200, { name: `projects/${project}/locations/${location}/defaultServiceAccount`, serviceAccountEmail: `projects/${project}/serviceAccounts/${defaultAccount(project!, 2)}` })
      },
    },
  ]
}

export function artifactRoutes(): Route[] {
  const repository = ({ project, location, repository: id }: Params) => ({ name: `projects/${project}/locations/${location}/repositories/${id ?? 'gcf-artifacts'}`, format: 'DOCKER', description: 'Functions of this house need no images.' })
  return [
    { id: 'artifactregistry.repositories.get', verb: 'GET', path: `${LOCATION}/repositories/{repository}`, permission: 'artifactregistry.repositories.get', resource: projectResource, handle: (call) => call.sendJson(200, repository(call.params)) },
    { id: 'artifactregistry.repositories.list', verb: 'GET', path: `${LOCATION}/repositories`, permission: 'artifactregistry.repositories.list', resource: projectResource, handle: (call) => call.sendJson(200, { repositories: [repository(call.params)] }) },
  ]
}

/** Cloud Run's services, as far as functions of the second generation are some. Who may call one is the function's own policy. */
export function runRoutes(service: FunctionsService): Route[] {
  const path = `${LOCATION}/services/{service}`
  const find = async ({ project, location, service: id }: Params): Promise<DeployedFunction> => {
    const found = (await service.shelf.list(project!, location!, PAGE_SIZE_MAX)).find(({ name }) => serviceName(name.id) === id)
    if (!found) throw noFunction(`projects/${project}/locations/${location}/services/${id}`)
    return found
  }
  const show = async (call: Call) => {
    const found = await find(call.params)
    const { name } = found
    const url = callUrl(name, call.origin)
    call.sendJson(200, {
      apiVersion: 'serving.knative.dev/v1', kind: 'Service',
      metadata: { name: serviceName(name.id), namespace: projectNumber(name.project), uid: found.id, creationTimestamp: new Date(found.created_ms).toISOString(), labels: { 'cloud.googleapis.com/location': name.location, 'goog-managed-by': 'cloudfunctions' }, annotations: { 'cloudfunctions.googleapis.com/function-id': name.id } },
      spec: { traffic: found.traffic?.map(({ revision, percent }) => ({ revisionName: revision, percent })) ?? [{ latestRevision: true, percent: 100 }] },
      status: { url, address: { url }, conditions: [{ type: 'Ready', status: found.state === 'active' ? 'True' : 'Unknown' }] },
    })
  }
  return [
    { id: 'run.services.get', verb: 'GET', path, permission: 'run.services.get', resource: projectResource, handle: show },
    ...policyRoutes(service, path, ({ project, location, service: id }) => ({ type: 'function', name: service.nameOfService(project!, location!, id!), project: project! }), 'run.projects.locations.services'),
  ]
}

