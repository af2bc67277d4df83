/** The house's own methods on functions: events and their replay, runs, revisions and their builds, the split of traffic; and where sources are uploaded to. */
import type { Call, Params, Route } from '#ground/door.ts'
import { functionResource, nameOf } from './door.v1.ts'
import { invalid } from './faults.ts'
import { PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, SOURCE_BYTES_MAX } from './limits.ts'
import type { FunctionsService } from './service.ts'
import type { Delivery, DeliveryState, Revision, RunRecord } from './types.ts'

const FUNCTION = '/v1/projects/{project}/locations/{location}/functions/{function}'
const STATES = ['waiting', 'running', 'delivered', 'failed']

export function ownRoutes(service: FunctionsService): Route[] {
  const own = (params: Params) => service.get(nameOf(params))
  return [
    {
      id: 'potoroo.functions.events.list', verb: 'GET', path: `${FUNCTION}/events`, permission: 'cloudfunctions.functions.get', resource: functionResource,
      async handle(call) {
        const { id } = await own(call.params)
        const state = call.query.get('state') ?? undefined
        if (state !== undefined && !STATES.includes(state)) throw invalid(`state is one of ${STATES.join(', ')}.`)
        call.sendJson(200, { events: (await service.eventShelf.list(id, state as DeliveryState | undefined, sizeOf(call))).map(eventResource) })
      },
    },
    {
      id: 'potoroo.functions.events.replay', verb: 'POST', path: `${FUNCTION}/events/{event}:replay`, permission: 'cloudfunctions.functions.call', resource: functionResource,
      handle: async (call) => call.sendJson(200, eventResource(await service.events.replay(await own(call.params), call.params['event']!))),
    },
    {
      id: 'potoroo.functions.runs.list', verb: 'GET', path: `${FUNCTION}/runs`, permission: 'cloudfunctions.functions.get', resource: functionResource,
      async handle(call) {
        const { id } = await own(call.params)
        call.sendJson(200, { runs: (await service.eventShelf.runs(id, sizeOf(call))).map(runResource) })
      },
    },
    {
      id: 'potoroo.functions.revisions.list', verb: 'GET', path: `${FUNCTION}/revisions`, permission: 'cloudfunctions.functions.get', resource: functionResource,
      async handle(call) {
        const found = await own(call.params)
        const revisions = await service.shelf.revisions(found.id, sizeOf(call))
        call.sendJson(200, { revisions: revisions.map((revision) => revisionResource(revision, found.revision)) })
      },
    },
    {
      id: 'potoroo.functions.traffic.set', verb: 'POST', path: `${FUNCTION}:setTraffic`, permission: 'cloudfunctions.functions.update', resource: functionResource,
      async handle(call) {
        const { traffic } = await call.readJson()
        await service.setTraffic(await own(call.params), traffic)
        call.sendJson(200, {})
      },
    },
    {
      // Whoever was given the address may upload: it cannot be guessed.
      id: 'functions.uploads.put', verb: 'PUT', path: '/function-uploads/{upload}', permission: null, bodyBytesMax: SOURCE_BYTES_MAX,
      async handle(call) {
        await service.storeUpload(call.params['upload']!, call.request)
        call.send(200)
      },
    },
  ]
}

const sizeOf = (call: Call): number => Math.min(Number(call.query.get('pageSize') ?? 0) || PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
const time = (ms: number): string => new Date(ms).toISOString()

const eventResource = ({ id, event, state, attempts, received_ms, due_ms, ended_ms, error }: Delivery) => ({
  id, eventId: event.attributes.id, type: event.attributes.type, source: event.attributes.source, ...(event.attributes.subject !== undefined && { subject: event.attributes.subject }), state, attempts,
  receiveTime: time(received_ms), ...(state === 'waiting' && { nextAttemptTime: time(due_ms) }), ...(ended_ms !== null && { endTime: time(ended_ms) }), ...(error !== null && { error }), data: event.data,
})

const runResource = ({ id, revision, trigger, started_ms, duration_ms, memory_bytes, outcome, error }: RunRecord) => ({
  executionId: id, revision, trigger, startTime: time(started_ms), durationMillis: duration_ms, memoryBytes: memory_bytes, outcome, ...(error !== null && { error }),
})

const revisionResource = ({ id, number, state, kind, created_ms, log, config }: Revision, serving: string | null) => ({
  id, version: number, state, serving: id === serving, ...(kind !== null && { signature: kind }), runtime: config.runtime, createTime: time(created_ms), log,
})
