/** What the functions and the events room are given of the others: sources out of buckets, subscriptions of their own, workflows to start. */
import { Fault } from '#ground/fault.ts'
import type { BusService } from '#rooms/bus/service.ts'
import { decodeMessage } from '#rooms/bus/wire/message.ts'
import type { SubscriptionPort, TriggerEvent } from '#rooms/events/triggers/types.ts'
import type { Triggers } from '#rooms/events/triggers/triggers.ts'
import type { SourcePort, TriggerPort } from '#rooms/functions/ports.ts'
import { wholeObject } from '#rooms/storage/download.ts'
import type { StorageService } from '#rooms/storage/service.ts'

/** How long one look at a subscription waits for messages. */
const TAKE_MS = 60_000

export function functionSources({ objects, blobs }: StorageService): SourcePort {
  return {
    async read(bucket, object, generation) {
      try {
        const found = await objects.get({ bucket, name: object, ...(generation !== undefined && { generation: Number(generation) }) })
        return wholeObject(blobs, found)
      } catch (thrown) {
        if (thrown instanceof Fault && thrown.code === 'NOT_FOUND') return undefined
        throw thrown
      }
    },
  }
}

export function triggerSubscriptions(bus: () => BusService): SubscriptionPort {
  return {
    async ensure(subscription, topic) {
      const { topics, subscriptions, registry } = bus()
      if (!topics.find(topic)) await topics.create(topic, {})
      if (registry.seats.has(subscription)) {
        if (registry.seats.get(subscription)!.subscription.topic === topic) return
        await subscriptions.remove(subscription)
      }
      // It stands for as long as its trigger does.
      await subscriptions.create(subscription, { topic, ackDeadlineSeconds: 600, expirationPolicy: {} })
    },
    async remove(subscription) {
      if (bus().registry.seats.has(subscription)) await bus().subscriptions.remove(subscription)
    },
    async take(subscription, messages_max, signal) {
      const taken = await bus().pull(subscription, { messages_max, immediately: false, wait_ms: TAKE_MS, signal })
      return taken.map(({ ackId, messageId, record }) => ({ ackId, messageId, publish_ms: Math.floor(record.time_us / 1000), ...decodeMessage(record.payload) }))
    },
    done: async (subscription, ackIds) => void (await bus().acknowledge(subscription, ackIds)),
  }
}

/** The functions room's triggers, kept by the events room. */
export function functionTriggers(triggers: Triggers): TriggerPort {
  const owner = (id: string) => `function ${id}`
  return {
    async set(id, { project, location, id: name }, { type, filters, topic = null }) {
      const subscription = topic === null ? null : `projects/${project}/subscriptions/gcf-${name}-${location}-${topic.slice(topic.lastIndexOf('/') + 1)}`
      await triggers.set({ owner: owner(id), project, location, type, filters, topic, subscription, destination: { kind: 'function', id }, config: {} })
    },
    clear: (id) => triggers.remove(owner(id)),
  }
}

/** What a workflow gets as its argument: the CloudEvent with its data. */
export const workflowArgument = ({ attributes, data }: TriggerEvent): string => JSON.stringify({ ...attributes, data })

/** A binary CloudEvent. */
export const cloudEventHeaders = ({ attributes: { datacontenttype, ...attributes } }: TriggerEvent): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, String(value)])), 'content-type': datacontenttype,
})
