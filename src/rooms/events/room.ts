/** The events room's plug: what happened, and who is told. It reads the house's facts in order and hands each to every reaction. */
import type { FactConsumer } from '#ground/facts.ts'
import { sendGoogleFault } from '#ground/google-errors.ts'
import type { Ground, Health, Room } from '#ground/room.ts'
import { eventarcRoutes } from './eventarc/door.ts'
import { HouseTopics } from './house-topics.ts'
import { Notifications } from './notifications.ts'
import type { NotificationPort } from './notifications.ts'
import type { Reaction, TopicPort } from './reaction.ts'
import { scheduleRoutes } from './scheduler/door.ts'
import { Scheduler } from './scheduler/scheduler.ts'
import type { SchedulePorts } from './scheduler/scheduler.ts'
import { scheduleMigrations } from './scheduler/shelf.ts'
import type { Triggers } from './triggers/triggers.ts'

export interface EventPorts {
  topics: TopicPort
  storage: NotificationPort
  triggers: Triggers
  schedules: SchedulePorts
  /** Where a Cloud Run service, as functions have one, is called. */
  serviceUrl(project: string, region: string, service: string, path: string): string
}

const CONSUMER = 'events'

export interface EventsRoom extends Room {
  /** Resolves when everything that has happened before the call has been told. */
  caughtUp(): Promise<void>
  /** Begins to run schedules, once the house has an address. */
  begin(): void
}

export function openEvents(ground: Ground, { topics, storage, triggers, schedules, serviceUrl }: EventPorts): EventsRoom {
  const { facts, log, ledger, jobs, clock, ids } = ground
  const scheduler = new Scheduler({ ledger, jobs, clock, log, ports: schedules })
  const reactions: Reaction[] = [new Notifications(storage, topics, log), new HouseTopics(topics), triggers]
  let health: Health = { state: 'starting' }
  let consumer: FactConsumer | undefined
  return {
    name: 'events',
    doors: [
      { name: 'eventarc', hosts: ['eventarc.googleapis.com'], routes: eventarcRoutes({ triggers, clock, ids, serviceUrl }), renderFault: sendGoogleFault },
      { name: 'cloudscheduler', hosts: ['cloudscheduler.googleapis.com'], routes: scheduleRoutes(scheduler, clock), renderFault: sendGoogleFault },
    ],
    async start() {
      await ledger.migrate('schedules', scheduleMigrations)
      await triggers.start()
      consumer = facts.consume(CONSUMER, 'all', async (fact) => {
        for (const reaction of reactions) await reaction.react(fact)
      })
      health = { state: 'ready' }
    },
    begin: () => scheduler.begin(),
    async stop() {
      await scheduler.stop()
      await triggers.stop()
      await consumer?.stop()
    },
    caughtUp: async () => consumer?.caughtUp(),
    health: () => health,
  }
}
