/** Routines over REST. */
import type { Call, Route } from '#ground/door.ts'
import { refusePublic } from './datasets.ts'
import { conditionNotMet, invalid, noDataset, noRoutine, required } from './faults.ts'
import { BODY, body, datasetOf, ifMatch, listLimit, onDataset, PATH, readToken, tokenOf } from './requests.ts'
import { routineOf } from './routine-wire.ts'
import type { WarehouseService } from './service.ts'
import { ROUTINE } from './shapes.ts'
import type { Json, Routine } from './types.ts'
import { routineResource } from './wire.ts'

const FIXED = new Set(['etag', 'routineReference', 'creationTime', 'lastModifiedTime'])

export function routineRoutes({ shelf, clock }: WarehouseService): Route[] {
  const path = `${PATH}/datasets/{datasetId}/routines`
  const one = `${path}/{routineId}`
  const get = async (call: Call): Promise<Routine> => {
    const routine = await shelf.routine(datasetOf(call), call.params['routineId']!)
    if (routine) return routine
    if (!(await shelf.dataset(datasetOf(call)))) throw noDataset(datasetOf(call))
    throw noRoutine(datasetOf(call), call.params['routineId']!)
  }
  return [
    {
      id: 'bigquery.routines.list', verb: 'GET', path, permission: 'bigquery.routines.list', resource: onDataset,
      async handle(call) {
        if (!(await shelf.dataset(datasetOf(call)))) throw noDataset(datasetOf(call))
        const limit = listLimit(call)
        const found = await shelf.routines(datasetOf(call), readToken<string>(call) ?? '', limit + 1)
        call.sendJson(200, { ...(found.length > limit && { nextPageToken: tokenOf(found[limit - 1]!.routineId) }), routines: found.slice(0, limit).map(routineResource) })
      },
    },
    {
      id: 'bigquery.routines.insert', verb: 'POST', path, permission: 'bigquery.routines.create', resource: onDataset, ...BODY,
      async handle(call) {
        const ref = datasetOf(call)
        refusePublic(ref.projectId)
        const given = await body(call, ROUTINE)
        const routineId = (given['routineReference'] as { routineId?: string } | undefined)?.routineId
        if (!routineId) throw required('routineReference.routineId')
        if (!/^\w{1,256}$/.test(routineId)) throw invalid(`Invalid routine ID "${routineId.slice(0, 100)}".`)
        const now_ms = clock.now_ms()
        const routine: Routine = { ...ref, routineId, version: 1, created_ms: now_ms, updated_ms: now_ms, config: configOf(given) }
        routineOf(routine)
        await shelf.write([shelf.datasetThere(ref), shelf.addRoutine(routine)], [])
        call.sendJson(200, routineResource(routine))
      },
    },
    { id: 'bigquery.routines.get', verb: 'GET', path: one, permission: 'bigquery.routines.get', resource: onDataset, handle: async (call) => call.sendJson(200, routineResource(await get(call))) },
    {
      id: 'bigquery.routines.update', verb: 'PUT', path: one, permission: 'bigquery.routines.update', resource: onDataset, ...BODY,
      async handle(call) {
        const before = await get(call)
        const etag = ifMatch(call)
        if (etag !== undefined && etag !== routineResource(before)['etag']) throw conditionNotMet()
        const after: Routine = { ...before, version: before.version + 1, updated_ms: clock.now_ms(), config: configOf(await body(call, ROUTINE)) }
        routineOf(after)
        await shelf.write([shelf.changeRoutine(before, after)], [])
        call.sendJson(200, routineResource(after))
      },
    },
    {
      id: 'bigquery.routines.delete', verb: 'DELETE', path: one, permission: 'bigquery.routines.delete', resource: onDataset,
      async handle(call) {
        await shelf.write([shelf.removeRoutine(await get(call))], [])
        call.send(204)
      },
    },
  ]
}

const configOf = (given: Json): Json => Object.fromEntries(Object.entries(given).filter(([key]) => !FIXED.has(key)))
