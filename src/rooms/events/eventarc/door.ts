/** The Eventarc API v1: triggers of objects and messages to workflows, functions' services and addresses. Channels and buses are not there. */
import type { Call, Params, Resource, Route } from '#ground/door.ts'
import { Fault, unimplemented } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import type { Clock } from '#ground/clock.ts'
import { MESSAGE_TYPE, OBJECT_TYPES } from '../triggers/shapes.ts'
import type { Triggers } from '../triggers/triggers.ts'
import type { Destination, EventFilter, Trigger } from '../triggers/types.ts'

type Json = Record<string, unknown>

const PARENT = '/v1/projects/{project}/locations/{location}'
const TRIGGER = `${PARENT}/triggers/{trigger}`
const TRIGGER_ID = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const TYPES = [...Object.values(OBJECT_TYPES).map(({ type }) => type), MESSAGE_TYPE]
/** The house's operations here are done when they are answered; their names say of what. */
export const OPERATION_PREFIX = 'trigger-'

const parentOf = ({ project, location }: Params): string => `projects/${project}/locations/${location}`
const nameOf = (params: Params): string => `${parentOf(params)}/triggers/${params['trigger']}`
const projectResource = ({ project }: Params): Resource => ({ type: 'project', name: project!, project: project! })

export interface EventarcParts {
  triggers: Triggers
  clock: Clock
  ids: Ids
  /** Where a Cloud Run service, as functions have one, is called. */
  serviceUrl(project: string, region: string, service: string, path: string): string
}

export function eventarcRoutes(parts: EventarcParts): Route[] {
  const { triggers, clock, ids } = parts
  const get = (params: Params): Trigger => {
    const found = triggers.get(nameOf(params))
    if (!found) throw new Fault('NOT_FOUND', 'notFound', `Trigger ${nameOf(params)} does not exist.`)
    return found
  }
  const done = (call: Call, verb: string, target: string, response: Json) => {
    const now = new Date(clock.now_ms()).toISOString()
    const type = verb === 'delete' ? 'google.protobuf.Empty' : 'google.cloud.eventarc.v1.Trigger'
    call.sendJson(200, {
      name: `${parentOf(call.params)}/operations/${OPERATION_PREFIX}${ids.next()}`,
      metadata: { '@type': 'type.googleapis.com/google.cloud.eventarc.v1.OperationMetadata', createTime: now, endTime: now, target, verb, requestedCancellation: false, apiVersion: 'v1' },
      done: true,
      response: { '@type': `type.googleapis.com/${type}`, ...response },
    })
  }
  return [
    {
      id: 'eventarc.projects.locations.triggers.create', verb: 'POST', path: `${PARENT}/triggers`, permission: 'eventarc.triggers.create', resource: projectResource,
      async handle(call) {
        const id = call.query.get('triggerId') ?? ''
        if (!TRIGGER_ID.test(id)) throw invalid('A trigger id has 1 to 63 small letters, digits and hyphens, and begins with a letter.')
        const owner = `${parentOf(call.params)}/triggers/${id}`
        if (triggers.get(owner)) throw new Fault('ALREADY_EXISTS', 'alreadyExists', `Trigger ${owner} already exists.`)
        const wanted = readTrigger(await call.readJson(), owner, call.params, parts)
        if (call.query.get('validateOnly') === 'true') return done(call, 'create', owner, triggerResource({ ...wanted, created_ms: clock.now_ms() }))
        done(call, 'create', owner, triggerResource(await triggers.set(wanted)))
      },
    },
    {
      id: 'eventarc.projects.locations.triggers.list', verb: 'GET', path: `${PARENT}/triggers`, permission: 'eventarc.triggers.list', resource: projectResource,
      handle(call) {
        const { project, location } = call.params
        const found = triggers.list((one) => one.project === project && (location === '-' || one.location === location) && one.owner.startsWith('projects/'))
        call.sendJson(200, { triggers: found.map(triggerResource) })
      },
    },
    { id: 'eventarc.projects.locations.triggers.get', verb: 'GET', path: TRIGGER, permission: 'eventarc.triggers.get', resource: projectResource, handle: (call) => call.sendJson(200, triggerResource(get(call.params))) },
    {
      id: 'eventarc.projects.locations.triggers.patch', verb: 'PATCH', path: TRIGGER, permission: 'eventarc.triggers.update', resource: projectResource,
      async handle(call) {
        const before = get(call.params)
        const body = await call.readJson()
        const mask = (call.query.get('updateMask') ?? '').split(',').map((path) => path.split('.')[0]!.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())).filter(Boolean)
        const merged: Json = triggerResource(before)
        for (const name of mask.length > 0 ? mask : Object.keys(body)) merged[name] = body[name]
        done(call, 'update', before.owner, triggerResource(await triggers.set(readTrigger(merged, before.owner, call.params, parts))))
      },
    },
    {
      id: 'eventarc.projects.locations.triggers.delete', verb: 'DELETE', path: TRIGGER, permission: 'eventarc.triggers.delete', resource: projectResource,
      async handle(call) {
        const { owner } = get(call.params)
        await triggers.remove(owner)
        done(call, 'delete', owner, {})
      },
    },
    {
      id: 'eventarc.projects.locations.operations.get', verb: 'GET', path: `${PARENT}/operations/${OPERATION_PREFIX}{operation}`, permission: 'eventarc.operations.get', resource: projectResource,
      handle: (call) => call.sendJson(200, { name: `${parentOf(call.params)}/operations/${OPERATION_PREFIX}${call.params['operation']}`, done: true, response: { '@type': 'type.googleapis.com/google.protobuf.Empty' } }),
    },
    {
      id: 'eventarc.projects.locations.providers.list', verb: 'GET', path: `${PARENT}/providers`, permission: 'eventarc.providers.list', resource: projectResource,
      handle: (call) => call.sendJson(200, { providers: providersIn(parentOf(call.params)) }),
    },
    {
      id: 'eventarc.projects.locations.providers.get', verb: 'GET', path: `${PARENT}/providers/{provider}`, permission: 'eventarc.providers.get', resource: projectResource,
      handle(call) {
        const found = providersIn(parentOf(call.params)).find(({ name }) => name.endsWith(`/${call.params['provider']}`))
        if (!found) throw new Fault('NOT_FOUND', 'notFound', `Provider ${call.params['provider']} does not exist.`)
        call.sendJson(200, found)
      },
    },
  ]
}

function providersIn(parent: string) {
  const types = (names: string[], attributes: string[]) => names.map((type) => ({ type, filteringAttributes: ['type', ...attributes].map((attribute) => ({ attribute, required: true })) }))
  return [
    { name: `${parent}/providers/storage.googleapis.com`, displayName: 'Cloud Storage', eventTypes: types(TYPES.filter((type) => type.includes('.storage.')), ['bucket']) },
    { name: `${parent}/providers/pubsub.googleapis.com`, displayName: 'Cloud Pub/Sub', eventTypes: types([MESSAGE_TYPE], []) },
  ]
}

function readTrigger(body: Json, owner: string, { project, location }: Params, parts: EventarcParts): Omit<Trigger, 'created_ms'> {
  const given = Array.isArray(body['eventFilters']) ? (body['eventFilters'] as Json[]) : []
  const filters = given.map(({ attribute, value, operator }): EventFilter => ({ attribute: String(attribute ?? ''), value: String(value ?? ''), ...(typeof operator === 'string' && operator !== '' && { operator }) }))
  const type = filters.find(({ attribute }) => attribute === 'type')?.value
  if (type === undefined) throw invalid('A trigger needs an event filter for the type.')
  if (!TYPES.includes(type)) throw new Fault('INVALID_ARGUMENT', 'invalid', `Events of the type ${type.slice(0, 120)} do not happen in this house.`, { hint: `It has ${TYPES.join(', ')}.` })
  if (type !== MESSAGE_TYPE && !filters.some(({ attribute }) => attribute === 'bucket')) throw invalid('Events of Cloud Storage need a filter for the bucket.')
  const id = owner.slice(owner.lastIndexOf('/') + 1)
  const transport = ((body['transport'] ?? {}) as { pubsub?: { topic?: string } }).pubsub
  const topic = type === MESSAGE_TYPE ? (transport?.topic ?? `projects/${project}/topics/eventarc-${location}-${id}`) : null
  return {
    owner, project: project!, location: location!, type, topic,
    filters: filters.filter(({ attribute }) => attribute !== 'type'),
    subscription: topic === null ? null : `projects/${project}/subscriptions/eventarc-${location}-${id}-sub`,
    destination: destinationOf((body['destination'] ?? {}) as Json, project!, parts),
    config: { destination: body['destination'], ...(body['labels'] !== undefined && { labels: body['labels'] }), ...(body['serviceAccount'] !== undefined && { serviceAccount: body['serviceAccount'] }) },
  }
}

function destinationOf({ workflow, cloudRun, httpEndpoint, cloudFunction, gke }: Json, project: string, { serviceUrl }: EventarcParts): Destination {
  if (typeof workflow === 'string') return { kind: 'workflow', name: workflow }
  if (cloudRun !== undefined) {
    const { service, region, path } = cloudRun as { service?: string; region?: string; path?: string }
    return { kind: 'http', uri: serviceUrl(project, String(region), String(service), path ?? '') }
  }
  if (httpEndpoint !== undefined) return { kind: 'http', uri: String((httpEndpoint as { uri?: string }).uri) }
  if (cloudFunction !== undefined) throw invalid('A function names its trigger itself: deploy it with --trigger-….')
  if (gke !== undefined) throw unimplemented('eventarc triggers with a GKE destination')
  throw invalid('A trigger needs a destination: workflow, cloudRun or httpEndpoint.')
}

function triggerResource({ owner, type, filters, topic, subscription, created_ms, config }: Trigger): Json {
  const time = new Date(created_ms).toISOString()
  return {
    name: owner, uid: owner, createTime: time, updateTime: time,
    eventFilters: [{ attribute: 'type', value: type }, ...filters],
    ...config,
    ...(topic !== null && { transport: { pubsub: { topic, subscription } } }),
    etag: String(created_ms),
  }
}

const invalid = (message: string) => new Fault('INVALID_ARGUMENT', 'invalid', message)
