/** Topics and what is published to them. */
import type { Clock } from '#ground/clock.ts'
import type { Ids } from '#ground/ids.ts'
import { Turns } from '#ground/turns.ts'
import { alreadyExists, invalid, notFound, tooLarge, tooMany } from './faults.ts'
import { masked, maskOf } from './json.ts'
import type { Json } from './json.ts'
import { PUBLISH_BYTES_MAX, PUBLISH_MESSAGES_MAX, TOPICS_MAX } from './limits.ts'
import type { Logs } from './logs.ts'
import { DELETED_TOPIC, HOUSE_PREFIX, checkName, idOf } from './names.ts'
import type { Registry } from './registry.ts'
import type { Schemas } from './schemas/schemas.ts'
import type { BusShelf } from './shelf.ts'
import { TOPIC_CHANGEABLE, readTopicConfig } from './topic-config.ts'
import type { Message, Topic } from './types.ts'
import { acceptMessage, encodeMessage } from './wire/message.ts'

export interface TopicParts {
  registry: Registry
  shelf: BusShelf
  logs: Logs
  schemas: Schemas
  clock: Clock
  ids: Ids
}

export class Topics {
  private readonly parts: TopicParts
  private readonly turns = new Turns()

  constructor(parts: TopicParts) {
    this.parts = parts
  }

  get(name: string): Topic {
    const topic = this.parts.registry.topics.get(checkName('topics', name))
    if (!topic) throw notFound(name)
    return topic
  }

  find(name: string): Topic | undefined {
    return this.parts.registry.topics.get(name)
  }

  create(name: string, body: Json): Promise<Topic> {
    checkName('topics', name)
    if (idOf(name).startsWith(HOUSE_PREFIX)) throw invalid(`Topics that begin with ${HOUSE_PREFIX} are the house's own facts; they are there once somebody subscribes.`)
    return this.add(name, body)
  }

  /** A topic of the house's own, there as soon as somebody asks for it. */
  async ofHouse(name: string): Promise<Topic> {
    return this.find(name) ?? this.add(name, {}).catch((thrown) => this.find(name) ?? Promise.reject(thrown))
  }

  async change(name: string, given: Json, maskGiven: unknown): Promise<Topic> {
    return this.turns.take(name, async () => {
      const topic = this.get(name)
      const mask = maskOf(maskGiven, 'UpdateTopicRequest')
      const config = readTopicConfig(masked(topic.config as Json, given, mask, TOPIC_CHANGEABLE, 'topic'))
      if (config.schemaSettings) await this.parts.schemas.checkSettings(config.schemaSettings)
      const changed = { ...topic, config }
      await this.parts.shelf.changeTopic(changed)
      this.parts.registry.topics.set(name, changed)
      return changed
    })
  }

  /** Sorted by name. */
  list(project: string): Topic[] {
    return [...this.parts.registry.topics.values()].filter(({ name }) => name.startsWith(`projects/${project}/`)).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Of any project, by their last part: for facts of the house. */
  withId(id: string): Topic[] {
    return [...this.parts.registry.topics.values()].filter(({ name }) => idOf(name) === id)
  }

  async remove(name: string): Promise<void> {
    return this.turns.take(name, async () => {
      this.get(name)
      const { registry, shelf } = this.parts
      await shelf.removeTopic(name, DELETED_TOPIC)
      registry.topics.delete(name)
      for (const subscription of registry.subscriptionsOf(name)) subscription.topic = DELETED_TOPIC
      for (const snapshot of registry.snapshots.values()) if (snapshot.topic === name) snapshot.topic = DELETED_TOPIC
    })
  }

  /** Messages as a client sent them; their ids once they are on disk. */
  async publish(name: string, payloads: Buffer[], bytes = payloads.reduce((sum, { length }) => sum + length, 0)): Promise<string[]> {
    const topic = this.get(name)
    if (idOf(name).startsWith(HOUSE_PREFIX)) throw invalid(`Only the house itself publishes to topics that begin with ${HOUSE_PREFIX}.`)
    if (payloads.length === 0) throw invalid('The value for message_count is too small. You passed 0 in the request, but the minimum value is 1.')
    if (payloads.length > PUBLISH_MESSAGES_MAX) throw tooLarge('message_count', payloads.length, PUBLISH_MESSAGES_MAX)
    const accepted = payloads.map((payload) => acceptMessage(payload))
    if (bytes > PUBLISH_BYTES_MAX + payloads.length * FRAME_BYTES) throw tooLarge('request_size', bytes, PUBLISH_BYTES_MAX)
    const { schemaSettings } = topic.config
    if (schemaSettings) {
      const stamped = await Promise.all(accepted.map(({ message }) => this.parts.schemas.stamp(schemaSettings, message)))
      return this.append(topic, stamped.map(encodeMessage))
    }
    return this.append(topic, accepted.map(({ stored }) => stored))
  }

  /** A message of the house's own: a notification, a fact, a dead letter. Its bounds are the house's business. */
  async publishOwn(topic: Topic, messages: Message[]): Promise<string[]> {
    return this.append(topic, messages.map(encodeMessage))
  }

  private async append(topic: Topic, stored: Buffer[]): Promise<string[]> {
    const { logs } = this.parts
    const log = await logs.open(topic.log)
    const { first } = await log.append(stored)
    logs.told(topic.log)
    return stored.map((_, index) => messageIdOf(topic.serial, first + index))
  }

  private add(name: string, body: Json): Promise<Topic> {
    return this.turns.take(name, async () => {
      const { registry, shelf, ids, clock, schemas } = this.parts
      if (registry.topics.has(name)) throw alreadyExists(name)
      if (registry.topics.size >= TOPICS_MAX) throw tooMany('topics', TOPICS_MAX)
      const config = readTopicConfig(body)
      if (config.schemaSettings) await schemas.checkSettings(config.schemaSettings)
      const topic: Topic = { name, log: ids.next(), serial: registry.nextSerial('topic'), created_ms: clock.now_ms(), config }
      await shelf.addTopic(topic)
      registry.topics.set(name, topic)
      return topic
    })
  }
}

/** What the messages of a request have around them on the wire. */
const FRAME_BYTES = 16

/** Digits only, as the service's are; unique in the whole house. */
export const messageIdOf = (topicSerial: number, seq: number): string => `${topicSerial}${String(seq + 1).padStart(13, '0')}`
