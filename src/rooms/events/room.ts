/** The events room's plug: what happened, and who is told. It reads the house's facts in order and hands each to every reaction. */
import type { FactConsumer } from '#ground/facts.ts'
import type { Ground, Health, Room } from '#ground/room.ts'
import { HouseTopics } from './house-topics.ts'
import { Notifications } from './notifications.ts'
import type { NotificationPort } from './notifications.ts'
import type { Reaction, TopicPort } from './reaction.ts'
import type { Triggers } from './triggers/triggers.ts'

export interface EventPorts {
  topics: TopicPort
  storage: NotificationPort
  triggers: Triggers
}

const CONSUMER = 'events'

export interface EventsRoom extends Room {
  /** Resolves when everything that has happened before the call has been told. */
  caughtUp(): Promise<void>
}

export function openEvents({ facts, log }: Pick<Ground, 'facts' | 'log'>, { topics, storage, triggers }: EventPorts): EventsRoom {
  const reactions: Reaction[] = [new Notifications(storage, topics, log), new HouseTopics(topics), triggers]
  let health: Health = { state: 'starting' }
  let consumer: FactConsumer | undefined
  return {
    name: 'events',
    doors: [],
    async start() {
      await triggers.start()
      consumer = facts.consume(CONSUMER, 'all', async (fact) => {
        for (const reaction of reactions) await reaction.react(fact)
      })
      health = { state: 'ready' }
    },
    async stop() {
      await triggers.stop()
      await consumer?.stop()
    },
    caughtUp: async () => consumer?.caughtUp(),
    health: () => health,
  }
}
