/** Storage notifications: what happens to objects goes to the topics that their bucket names, with Cloud Storage's attributes and payload. */
import type { Fact } from '#ground/facts.ts'
import type { Log } from '#ground/telemetry.ts'
import type { EventMessage, Reaction, TopicPort } from './reaction.ts'

/** The object of a fact, as much of it as a notification needs; the rest is the storage room's to render. */
export interface ObjectEvent {
  object: { bucket: string; name: string; generation: number }
  overwrote?: number
  overwrittenBy?: number
}

export interface NotificationConfig {
  id: string
  /** `//pubsub.googleapis.com/projects/P/topics/T` */
  topic: string
  payloadFormat: string
  eventTypes: string[]
  objectNamePrefix: string | null
  attributes: Record<string, string>
}

export interface NotificationPort {
  notifications(bucket: string): Promise<NotificationConfig[]>
  /** The object as the JSON API shows it. */
  resource(object: ObjectEvent['object']): Record<string, unknown>
}

export const EVENT_TYPES: Readonly<Record<string, string>> = {
  'storage.object.finalized': 'OBJECT_FINALIZE',
  'storage.object.deleted': 'OBJECT_DELETE',
  'storage.object.archived': 'OBJECT_ARCHIVE',
  'storage.object.metadataUpdated': 'OBJECT_METADATA_UPDATE',
}

const TOPIC_HOST = '//pubsub.googleapis.com/'

export class Notifications implements Reaction {
  private readonly storage: NotificationPort
  private readonly topics: TopicPort
  private readonly log: Log

  constructor(storage: NotificationPort, topics: TopicPort, log: Log) {
    this.storage = storage
    this.topics = topics
    this.log = log
  }

  async react(fact: Fact): Promise<void> {
    const eventType = EVENT_TYPES[fact.type]
    if (eventType === undefined) return
    const event = fact.data as ObjectEvent
    for (const config of await this.storage.notifications(event.object.bucket)) {
      if (!wants(config, eventType, event.object.name)) continue
      const told = await this.topics.publish(config.topic.slice(TOPIC_HOST.length), [this.message(config, eventType, event, fact.time_ms)])
      if (!told) this.log.warn({ bucket: event.object.bucket, notification: config.id, topic: config.topic }, 'a notification was dropped: its topic does not exist')
    }
  }

  private message(config: NotificationConfig, eventType: string, { object, overwrote, overwrittenBy }: ObjectEvent, time_ms: number): EventMessage {
    return {
      data: config.payloadFormat === 'JSON_API_V1' ? Buffer.from(JSON.stringify(this.storage.resource(object), null, 2)) : Buffer.alloc(0),
      attributes: {
        ...config.attributes,
        notificationConfig: `projects/_/buckets/${object.bucket}/notificationConfigs/${config.id}`,
        eventType,
        payloadFormat: config.payloadFormat,
        bucketId: object.bucket,
        objectId: object.name,
        objectGeneration: String(object.generation),
        eventTime: new Date(time_ms).toISOString(),
        ...(overwrote !== undefined && { overwroteGeneration: String(overwrote) }),
        ...(overwrittenBy !== undefined && { overwrittenByGeneration: String(overwrittenBy) }),
      },
      orderingKey: '',
    }
  }
}

function wants({ eventTypes, objectNamePrefix }: NotificationConfig, eventType: string, name: string): boolean {
  return (eventTypes.length === 0 || eventTypes.includes(eventType)) && name.startsWith(objectNamePrefix ?? '')
}
