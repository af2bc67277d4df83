/** The bus room's meaning as one thing: what its doors call, and what other rooms are given through their ports. */
import type { Fault } from '#ground/fault.ts'
import type { Ground } from '#ground/room.ts'
import { waitingIn } from './cursor.ts'
import type { Delivered } from './delivery/delivered.ts'
import { pull } from './delivery/pull-waiter.ts'
import { ACK_DEADLINE_S_MAX, PULL_MESSAGES_MAX, PULL_WAIT_MS } from './limits.ts'
import { invalid, streamEnded, tooLarge, tooSmall } from './faults.ts'
import { Logs } from './logs.ts'
import { Outlets } from './outlets/outlets.ts'
import type { OutletPorts } from './outlets/outlets.ts'
import { Registry } from './registry.ts'
import { Schemas } from './schemas/schemas.ts'
import { Seek } from './seek.ts'
import { BusShelf } from './shelf.ts'
import { Subscriptions } from './subscriptions.ts'
import { Topics } from './topics.ts'
import { Upkeep } from './upkeep.ts'

export interface BusOptions {
  /** Whether `potoroo.…` names a fact of the house. */
  isHouseTopic(id: string): boolean
}

export interface Backlog {
  messages: number
  /** Since the oldest that waits was published. */
  age_s: number
}

export class BusService {
  readonly registry = new Registry()
  readonly shelf: BusShelf
  readonly logs: Logs
  readonly schemas: Schemas
  readonly topics: Topics
  readonly subscriptions: Subscriptions
  readonly seek: Seek
  readonly outlets: Outlets
  readonly upkeep: Upkeep
  /** Streams that are open. */
  readonly streams = new Set<{ readonly subscription: string; close(why: Fault): void }>()
  private readonly ground: Pick<Ground, 'ledger' | 'facts' | 'disk' | 'ids' | 'clock' | 'log'>

  constructor(ground: Pick<Ground, 'ledger' | 'facts' | 'disk' | 'ids' | 'clock' | 'log'>, ports: OutletPorts, options: BusOptions) {
    this.ground = ground
    const { ledger, facts, disk, ids, clock, log } = ground
    const { registry } = this
    this.shelf = new BusShelf(ledger, facts)
    this.logs = new Logs(disk, clock)
    this.outlets = new Outlets(ports, { clock, ids, log })
    this.schemas = new Schemas({ shelf: this.shelf, clock, ids })
    this.topics = new Topics({ registry, shelf: this.shelf, logs: this.logs, schemas: this.schemas, clock, ids })
    this.subscriptions = new Subscriptions({
      registry, shelf: this.shelf, logs: this.logs, topics: this.topics, clock, log,
      session: clock.now_ms().toString(36),
      isHouseTopic: options.isHouseTopic,
      checkOutlet: (config) => this.outlets.check(config),
      onOutlet: (subscription, delivery) => this.outlets.set(subscription, delivery),
      onClosed: (name, why) => {
        for (const stream of [...this.streams]) if (stream.subscription === name) stream.close(why)
      },
    })
    this.seek = new Seek({ registry, shelf: this.shelf, logs: this.logs, subscriptions: this.subscriptions, clock })
    this.upkeep = new Upkeep({ registry, logs: this.logs, subscriptions: this.subscriptions, seek: this.seek, clock, log })
  }

  async start(): Promise<void> {
    await this.registry.load(this.shelf)
    await this.subscriptions.start()
    this.upkeep.start()
  }

  async stop(): Promise<void> {
    for (const stream of [...this.streams]) stream.close(streamEnded())
    this.outlets.stop()
    await this.upkeep.stop()
    await this.subscriptions.stop()
    await this.logs.close()
  }

  async pull(name: string, options: { messages_max: number; immediately: boolean; wait_ms?: number; signal?: AbortSignal }): Promise<Delivered[]> {
    if (options.messages_max < 1) throw tooSmall('max_messages', options.messages_max, 1)
    const delivery = await this.subscriptions.forPull(name)
    const wait_ms = Math.max(0, Math.min(PULL_WAIT_MS, options.wait_ms ?? PULL_WAIT_MS))
    return pull(delivery, this.ground.clock, { messages_max: Math.min(options.messages_max, PULL_MESSAGES_MAX), wait_ms, immediately: options.immediately, signal: options.signal })
  }

  /** The ack ids that no longer count, for subscriptions that want to know. */
  async acknowledge(name: string, ackIds: string[]): Promise<{ invalid: string[] }> {
    if (ackIds.length === 0) throw invalid('No ack ids specified.')
    const delivery = await this.subscriptions.delivery(name)
    const outcomes = await delivery.acknowledge(ackIds)
    return { invalid: delivery.settings.exactlyOnce ? ackIds.filter((_, index) => outcomes[index] === 'invalid') : [] }
  }

  async modifyDeadline(name: string, ackIds: string[], deadline_s: number): Promise<{ invalid: string[] }> {
    if (ackIds.length === 0) throw invalid('No ack ids specified.')
    if (deadline_s < 0) throw tooSmall('ack_deadline_seconds', deadline_s, 0)
    if (deadline_s > ACK_DEADLINE_S_MAX) throw tooLarge('ack_deadline_seconds', deadline_s, ACK_DEADLINE_S_MAX)
    const delivery = await this.subscriptions.delivery(name)
    const outcomes = delivery.modify(ackIds, deadline_s)
    return { invalid: delivery.settings.exactlyOnce ? ackIds.filter((_, index) => outcomes[index] === 'invalid') : [] }
  }

  /** What waits in each subscription: for metrics. Only filters make it more than there is. */
  async backlogs(): Promise<Map<string, Backlog>> {
    const found = new Map<string, Backlog>()
    const now_us = this.ground.clock.now_ms() * 1000
    for (const { subscription, cursor: stored } of this.registry.seats.values()) {
      const log = await this.logs.open(subscription.log)
      const cursor = (await this.subscriptions.openDelivery(subscription.name))?.cursor() ?? stored
      const messages = waitingIn({ next: Math.max(cursor.next, log.start), unacked: cursor.unacked }, log.end)
      const [oldest] = messages > 0 ? await log.read(Math.max(log.start, cursor.unacked[0]?.first ?? cursor.next)) : []
      found.set(subscription.name, { messages, age_s: oldest ? Math.max(0, (now_us - oldest.time_us) / 1e6) : 0 })
    }
    return found
  }
}
