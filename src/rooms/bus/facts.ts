/** What the bus room announces. Messages are not facts: they have their own log. */
import type { NewFact } from '#ground/facts.ts'

export type BusEvent = 'created' | 'updated' | 'deleted' | 'expired'

export const BUS_FACTS = [
  'bus.topic.created', 'bus.topic.updated', 'bus.topic.deleted',
  'bus.subscription.created', 'bus.subscription.updated', 'bus.subscription.deleted', 'bus.subscription.expired',
  'bus.snapshot.created', 'bus.snapshot.updated', 'bus.snapshot.deleted', 'bus.snapshot.expired',
  'bus.schema.created', 'bus.schema.updated', 'bus.schema.deleted',
] as const

export const busFact = (thing: 'topic' | 'subscription' | 'snapshot' | 'schema', event: BusEvent, name: string): NewFact => ({
  type: `bus.${thing}.${event}`, subject: name, data: { [thing]: name, project: name.split('/')[1] ?? '' },
})
