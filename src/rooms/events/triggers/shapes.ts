/** What happened, as events: an object's fact and a topic's message in the exact shapes of the cloud. */
import type { Fact } from '#ground/facts.ts'
import type { ObjectEvent } from '../notifications.ts'
import type { TakenMessage, TriggerEvent } from './types.ts'

export const MESSAGE_TYPE = 'google.cloud.pubsub.topic.v1.messagePublished'
const MESSAGE_LEGACY = 'google.pubsub.topic.publish'
const MESSAGE_RESOURCE = 'type.googleapis.com/google.pubsub.v1.PubsubMessage'

/** By the fact's type: the CloudEvent's, and the background function's. */
export const OBJECT_TYPES: Readonly<Record<string, { type: string; legacy: string }>> = {
  'storage.object.finalized': { type: 'google.cloud.storage.object.v1.finalized', legacy: 'google.storage.object.finalize' },
  'storage.object.deleted': { type: 'google.cloud.storage.object.v1.deleted', legacy: 'google.storage.object.delete' },
  'storage.object.archived': { type: 'google.cloud.storage.object.v1.archived', legacy: 'google.storage.object.archive' },
  'storage.object.metadataUpdated': { type: 'google.cloud.storage.object.v1.metadataUpdated', legacy: 'google.storage.object.metadataUpdate' },
}

export function objectEvent(fact: Fact, resource: Record<string, unknown>): TriggerEvent | undefined {
  const names = OBJECT_TYPES[fact.type]
  if (!names) return undefined
  const { bucket, name } = (fact.data as ObjectEvent).object
  const time = new Date(fact.time_ms).toISOString()
  return {
    attributes: { specversion: '1.0', id: fact.id, type: names.type, time, source: `//storage.googleapis.com/projects/_/buckets/${bucket}`, subject: `objects/${name}`, datacontenttype: 'application/json' },
    data: resource,
    legacy: { context: { eventId: fact.id, timestamp: time, eventType: names.legacy, resource: { service: 'storage.googleapis.com', name: `projects/_/buckets/${bucket}/objects/${name}`, type: 'storage#object' } }, data: resource },
  }
}

export function messageEvent(topic: string, subscription: string, { messageId, publish_ms, data, attributes, orderingKey }: TakenMessage): TriggerEvent {
  const time = new Date(publish_ms).toISOString()
  const text = data.toString('base64')
  // The service writes both spellings.
  const message = { data: text, attributes, messageId, message_id: messageId, publishTime: time, publish_time: time, ...(orderingKey !== '' && { orderingKey }) }
  return {
    attributes: { specversion: '1.0', id: messageId, type: MESSAGE_TYPE, time, source: `//pubsub.googleapis.com/${topic}`, datacontenttype: 'application/json' },
    data: { message, subscription },
    legacy: { context: { eventId: messageId, timestamp: time, eventType: MESSAGE_LEGACY, resource: { service: 'pubsub.googleapis.com', name: topic, type: MESSAGE_RESOURCE } }, data: { '@type': MESSAGE_RESOURCE, data: text, attributes } },
  }
}
