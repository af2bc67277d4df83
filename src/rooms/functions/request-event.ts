/** An event that came as a request: a binary or structured CloudEvent, a background function's body, or plain data. */
import { toLegacyType } from './event-types.ts'
import { invalid } from './faults.ts'
import type { FunctionEvent } from './types.ts'

type Headers = readonly (readonly [string, string])[]
type Json = Record<string, unknown>

export function eventOf(headers: Headers, body: Uint8Array, id: string, now_ms: number): FunctionEvent {
  const given = Object.fromEntries(headers)
  const data = jsonOf(body)
  const now = new Date(now_ms).toISOString()
  const attributes = Object.fromEntries(headers.filter(([name]) => name.startsWith('ce-')).map(([name, value]) => [name.slice(3), value]))
  if (attributes['type'] !== undefined) return withLegacy({ ...attributes, id: attributes['id'] ?? id, time: attributes['time'] ?? now, source: attributes['source'] ?? '' }, data)
  const object = isObject(data) ? data : {}
  if (given['content-type']?.startsWith('application/cloudevents+json') || typeof object['specversion'] === 'string') {
    const { data: inner, data_base64: _, ...rest } = object
    return withLegacy({ ...(rest as Record<string, string>), id: String(rest['id'] ?? id), time: String(rest['time'] ?? now), source: String(rest['source'] ?? '') }, inner)
  }
  if (isObject(object['context']) && 'data' in object) {
    const context = object['context'] as Json
    const legacy = { context: { eventId: String(context['eventId'] ?? id), timestamp: String(context['timestamp'] ?? now), eventType: String(context['eventType'] ?? ''), resource: (context['resource'] ?? '') as string | Record<string, string> }, data: object['data'] }
    return { attributes: { id: legacy.context.eventId, type: legacy.context.eventType, source: '', time: legacy.context.timestamp, specversion: '1.0', datacontenttype: 'application/json' }, data: object['data'], legacy }
  }
  return withLegacy({ id, type: 'google.cloud.functions.call', source: '//cloudfunctions.googleapis.com', time: now }, data)
}

function withLegacy(given: Record<string, string>, data: unknown): FunctionEvent {
  const { id = '', type = '', source = '', time = '', subject } = given
  const attributes = { ...given, id, type, source, time, specversion: '1.0' as const, datacontenttype: 'application/json' }
  const service = source.startsWith('//') ? source.slice(2).split('/')[0]! : ''
  const path = source.startsWith('//') ? source.slice(service.length + 3) : source
  const message = type.includes('.pubsub.') && isObject(data) && isObject(data['message']) ? (data['message'] as Json) : undefined
  const resource = { service, name: subject === undefined ? path : `${path}/${subject}`, type: type.includes('.storage.') ? 'storage#object' : MESSAGE }
  return {
    attributes, data,
    legacy: {
      context: { eventId: id, timestamp: time, eventType: toLegacyType(type), resource },
      data: message ? { '@type': MESSAGE, data: message['data'] ?? '', attributes: message['attributes'] ?? {} } : data,
    },
  }
}

const MESSAGE = 'type.googleapis.com/google.pubsub.v1.PubsubMessage'

function jsonOf(body: Uint8Array): unknown {
  if (body.length === 0) return {}
  const text = Buffer.from(body).toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('The event is no JSON.')
  }
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
