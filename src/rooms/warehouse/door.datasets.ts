/** Projects and datasets over REST. */
import type { Route } from '#ground/door.ts'
import { projectNumber } from '#ground/project-number.ts'
import { required } from './faults.ts'
import { BODY, body, datasetOf, flagIn, ifMatch, listLimit, onDataset, onProject, PATH, readToken, tokenOf } from './requests.ts'
import type { WarehouseService } from './service.ts'
import { checkedPatch, DATASET } from './shapes.ts'
import { datasetItem, datasetResource } from './wire.ts'

export function datasetRoutes({ datasets, shelf }: WarehouseService): Route[] {
  const path = `${PATH}/datasets`
  const one = `${path}/{datasetId}`
  return [
    {
      id: 'bigquery.projects.list', verb: 'GET', path: '/bigquery/v2/projects', permission: 'resourcemanager.projects.get', resource: () => ({ type: 'project', name: '-' }),
      async handle(call) {
        const projects = await shelf.projects()
        call.sendJson(200, {
          kind: 'bigquery#projectList', etag: 'projects', totalItems: projects.length,
          projects: projects.map((id) => ({ kind: 'bigquery#project', id, numericId: projectNumber(id), projectReference: { projectId: id }, friendlyName: id })),
        })
      },
    },
    {
      id: 'bigquery.projects.getServiceAccount', verb: 'GET', path: `${PATH}/serviceAccount`, permission: 'resourcemanager.projects.get', resource: onProject,
      handle(call) {
        call.sendJson(200, { kind: 'bigquery#getServiceAccountResponse', email: `bq-${projectNumber(call.params['projectId']!)}@bigquery-encryption.iam.gserviceaccount.com` })
      },
    },
    {
      id: 'bigquery.datasets.list', verb: 'GET', path, permission: 'bigquery.datasets.get', resource: onProject,
      async handle(call) {
        const limit = listLimit(call)
        const found = await datasets.list(call.params['projectId']!, readToken<string>(call) ?? '', limit + 1)
        const page = found.slice(0, limit).filter((dataset) => matches(dataset.config['labels'], call.query.get('filter')))
        call.sendJson(200, { kind: 'bigquery#datasetList', etag: 'datasets', ...(found.length > limit && { nextPageToken: tokenOf(found[limit - 1]!.datasetId) }), datasets: page.map(datasetItem) })
      },
    },
    {
      id: 'bigquery.datasets.insert', verb: 'POST', path, permission: 'bigquery.datasets.create', resource: onProject, ...BODY,
      async handle(call) {
        const given = await body(call, DATASET)
        const reference = given['datasetReference'] as { projectId?: string; datasetId?: string } | undefined
        if (!reference?.datasetId) throw required('datasetReference.datasetId')
        call.sendJson(200, datasetResource(await datasets.create({ projectId: call.params['projectId']!, datasetId: reference.datasetId }, given), call.origin))
      },
    },
    { id: 'bigquery.datasets.get', verb: 'GET', path: one, permission: 'bigquery.datasets.get', resource: onDataset, handle: async (call) => call.sendJson(200, datasetResource(await datasets.get(datasetOf(call)), call.origin)) },
    {
      id: 'bigquery.datasets.patch', verb: 'PATCH', path: one, permission: 'bigquery.datasets.update', resource: onDataset, ...BODY,
      async handle(call) {
        const given = checkedPatch(await call.readJson(), DATASET)
        call.sendJson(200, datasetResource(await datasets.change(datasetOf(call), given, { replace: false, etag: ifMatch(call) }), call.origin))
      },
    },
    {
      id: 'bigquery.datasets.update', verb: 'PUT', path: one, permission: 'bigquery.datasets.update', resource: onDataset, ...BODY,
      async handle(call) {
        call.sendJson(200, datasetResource(await datasets.change(datasetOf(call), await body(call, DATASET), { replace: true, etag: ifMatch(call) }), call.origin))
      },
    },
    {
      id: 'bigquery.datasets.delete', verb: 'DELETE', path: one, permission: 'bigquery.datasets.delete', resource: onDataset,
      async handle(call) {
        await datasets.remove(datasetOf(call), flagIn(call, 'deleteContents') ?? false)
        call.send(204)
      },
    },
  ]
}

/** `labels.env:prod labels.team` */
function matches(labels: unknown, filter: string | null): boolean {
  if (filter === null || filter === '') return true
  const known = (labels ?? {}) as Record<string, string>
  return filter.split(/\s+/).every((term) => {
    const found = /^labels\.([^:]+)(?::(.*))?$/.exec(term)
    return found ? Object.hasOwn(known, found[1]!) && (found[2] === undefined || known[found[1]!] === found[2]) : true
  })
}
