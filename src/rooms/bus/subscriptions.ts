/** Subscriptions: their settings, and the delivery of each, which is begun when somebody first takes messages. */
import type { Clock } from '#ground/clock.ts'
import type { Fault } from '#ground/fault.ts'
import type { Log } from '#ground/telemetry.ts'
import { Turns } from '#ground/turns.ts'
import { Delivery } from './delivery/delivery.ts'
import { deliverySettings } from './delivery/settings.ts'
import { alreadyExists, detached, invalid, notFound, tooMany, wrongType } from './faults.ts'
import { masked, maskOf, textOf } from './json.ts'
import type { Json } from './json.ts'
import { SUBSCRIPTIONS_MAX } from './limits.ts'
import type { Logs } from './logs.ts'
import { DELETED_TOPIC, HOUSE_PREFIX, checkName, idOf, projectOf } from './names.ts'
import type { Registry } from './registry.ts'
import type { Seat } from './registry.ts'
import type { BusShelf } from './shelf.ts'
import { SUBSCRIPTION_CHANGEABLE, addPush, readSubscriptionConfig } from './subscription-config.ts'
import { messageIdOf } from './topics.ts'
import type { Topics } from './topics.ts'
import type { Subscription, SubscriptionConfig, Topic } from './types.ts'
import { decodeMessage } from './wire/message.ts'

export interface SubscriptionParts {
  registry: Registry
  shelf: BusShelf
  logs: Logs
  topics: Topics
  clock: Clock
  log: Log
  /** Names this process in ack ids. */
  session: string
  /** Whether `potoroo.…` names a fact of the house. */
  isHouseTopic(id: string): boolean
  /** Throws where the house has nothing to deliver with. */
  checkOutlet(config: SubscriptionConfig): Promise<void>
  /** A subscription that delivers by itself is there, has changed, or is gone. */
  onOutlet(subscription: Subscription, delivery: Delivery | undefined): void
  /** It can no longer be pulled from. */
  onClosed(name: string, why: Fault): void
}

export class Subscriptions {
  private readonly parts: SubscriptionParts
  private readonly turns = new Turns()
  private readonly deliveries = new Map<string, Promise<Delivery>>()

  constructor(parts: SubscriptionParts) {
    this.parts = parts
  }

  get(name: string): Subscription {
    return this.seat(name).subscription
  }

  seat(name: string): Seat {
    const seat = this.parts.registry.seats.get(checkName('subscriptions', name))
    if (!seat) throw notFound(name)
    return seat
  }

  async create(name: string, body: Json): Promise<Subscription> {
    checkName('subscriptions', name)
    return this.turns.take(name, async () => {
      const { registry, shelf, logs, clock } = this.parts
      if (registry.seats.has(name)) throw alreadyExists(name)
      if (registry.seats.size >= SUBSCRIPTIONS_MAX) throw tooMany('subscriptions', SUBSCRIPTIONS_MAX)
      const topic = await this.topicOf(textOf(body['topic'] ?? '', 'topic'))
      const config = readSubscriptionConfig(body)
      this.checkDeadLetter(config)
      await this.parts.checkOutlet(config)
      const log = await logs.open(topic.log)
      const now_ms = clock.now_ms()
      const subscription: Subscription = { name, topic: topic.name, log: topic.log, topicSerial: topic.serial, serial: registry.nextSerial('subscription'), created_ms: now_ms, config }
      const seat: Seat = { subscription, cursor: { next: log.end, unacked: [] }, active_ms: now_ms }
      // Known before it is written, so that nothing published meanwhile is freed.
      registry.seats.set(name, seat)
      try {
        await shelf.addSubscription(seat)
      } catch (thrown) {
        registry.seats.delete(name)
        throw thrown
      }
      await this.startOutlet(subscription)
      return subscription
    })
  }

  async change(name: string, given: Json, maskGiven: unknown): Promise<Subscription> {
    const mask = maskOf(maskGiven, 'UpdateSubscriptionRequest')
    return this.reconfigure(name, ({ config }) => ({ ...readSubscriptionConfig(masked(config as unknown as Json, given, mask, SUBSCRIPTION_CHANGEABLE, 'subscription')), ...(config.detached && { detached: true }), ...kept(config) }))
  }

  /** An empty configuration makes it a pull subscription again. */
  async changePush(name: string, given: Json): Promise<void> {
    await this.reconfigure(name, ({ config }) => {
      const changed = { ...config }
      addPush(changed, given)
      if (changed.pushConfig && (changed.bigqueryConfig ?? changed.cloudStorageConfig)) throw invalid('Only one of push_config, bigquery_config and cloud_storage_config can be set on a subscription.')
      if (changed.pushConfig && changed.enableExactlyOnceDelivery) throw invalid('Exactly-once delivery is for pull subscriptions only.')
      return changed
    })
  }

  /** Its messages are dropped, and it gets no more. */
  async detach(name: string): Promise<void> {
    await this.reconfigure(name, ({ config }) => ({ ...config, detached: true }))
    this.parts.onClosed(name, detached(name))
    await this.closeDelivery(name)
    const seat = this.seat(name)
    seat.cursor = { next: (await this.parts.logs.open(seat.subscription.log)).end, unacked: [] }
    await this.parts.shelf.saveCursor(seat.subscription, seat.cursor, seat.active_ms)
  }

  list(project: string): Subscription[] {
    const found = [...this.parts.registry.seats.values()].map(({ subscription }) => subscription).filter(({ name }) => projectOf(name) === project)
    return found.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async remove(name: string, event: 'deleted' | 'expired' = 'deleted'): Promise<void> {
    await this.turns.take(name, async () => {
      const { subscription } = this.seat(name)
      this.parts.onOutlet(subscription, undefined)
      await this.parts.shelf.removeSubscription(name, event)
      this.parts.registry.seats.delete(name)
      this.parts.onClosed(name, notFound(name))
      await this.closeDelivery(name)
    })
  }

  /** For those who pull: the subscription has to be one for it. */
  async forPull(name: string): Promise<Delivery> {
    const { subscription } = this.seat(name)
    const { pushConfig, bigqueryConfig, cloudStorageConfig } = subscription.config
    if (subscription.config.detached) throw detached(name)
    if (pushConfig) throw wrongType(name, 'push')
    if (bigqueryConfig) throw wrongType(name, 'writing to a table')
    if (cloudStorageConfig) throw wrongType(name, 'writing to a bucket')
    return this.delivery(name)
  }

  async delivery(name: string): Promise<Delivery> {
    const seat = this.seat(name)
    if (seat.subscription.config.detached) throw detached(name)
    seat.active_ms = this.parts.clock.now_ms()
    let delivery = this.deliveries.get(name)
    if (!delivery) {
      delivery = this.open(seat)
      this.deliveries.set(name, delivery)
      delivery.catch(() => this.deliveries.delete(name))
    }
    return delivery
  }

  /** The one that is at work, if it is. */
  openDelivery(name: string): Promise<Delivery> | undefined {
    return this.deliveries.get(name)
  }

  /** Begins the work of those that deliver by themselves. */
  async start(): Promise<void> {
    for (const { subscription } of this.parts.registry.seats.values()) await this.startOutlet(subscription)
  }

  async stop(): Promise<void> {
    for (const name of [...this.deliveries.keys()]) await this.closeDelivery(name)
  }

  private async reconfigure(name: string, change: (subscription: Subscription) => SubscriptionConfig): Promise<Subscription> {
    return this.turns.take(name, async () => {
      const seat = this.seat(name)
      const config = change(seat.subscription)
      this.checkDeadLetter(config)
      await this.parts.checkOutlet(config)
      const changed = { ...seat.subscription, config }
      await this.parts.shelf.changeSubscription(changed)
      seat.subscription = changed
      const delivery = await this.deliveries.get(name)
      delivery?.configure(deliverySettings(config))
      if (config.detached) this.parts.onOutlet(changed, undefined)
      else if (hasOutlet(config)) {
        this.parts.onClosed(name, wrongType(name, 'itself'))
        this.parts.onOutlet(changed, await this.delivery(name))
      }
      else this.parts.onOutlet(changed, delivery)
      return changed
    })
  }

  private async startOutlet(subscription: Subscription): Promise<void> {
    if (subscription.config.detached || !hasOutlet(subscription.config)) return
    this.parts.onOutlet(subscription, await this.delivery(subscription.name))
  }

  private async topicOf(name: string): Promise<Topic> {
    checkName('topics', name)
    if (idOf(name).startsWith(HOUSE_PREFIX) && this.parts.isHouseTopic(idOf(name))) return this.parts.topics.ofHouse(name)
    return this.parts.topics.get(name)
  }

  private checkDeadLetter({ deadLetterPolicy }: SubscriptionConfig): void {
    if (deadLetterPolicy) this.parts.topics.get(deadLetterPolicy.deadLetterTopic)
  }

  private async open(seat: Seat): Promise<Delivery> {
    const { logs, clock, shelf, session } = this.parts
    const { name, serial, topicSerial, log: logId, config } = seat.subscription
    const log = await logs.open(logId)
    const delivery = new Delivery(
      {
        log, clock, name, serial, session,
        messageId: (seq) => messageIdOf(topicSerial, seq),
        save: async (cursor) => {
          await shelf.saveCursor(seat.subscription, cursor, seat.active_ms)
          seat.cursor = cursor
        },
        forward: (record, attempts) => this.forward(seat.subscription, decodeMessage(record.payload), record.time_us, attempts),
        warn: (thrown, text) => this.parts.log.warn({ subscription: name, err: thrown }, text),
      },
      deliverySettings(config),
      seat.cursor,
    )
    logs.listen(logId, delivery)
    return delivery
  }

  private async closeDelivery(name: string): Promise<void> {
    const delivery = await this.deliveries.get(name)
    this.deliveries.delete(name)
    if (!delivery) return
    this.parts.logs.unlisten(delivery.log.id, delivery)
    await delivery.stop()
  }

  /** A dead letter says where it comes from. */
  private async forward(subscription: Subscription, message: ReturnType<typeof decodeMessage>, time_us: number, attempts: number): Promise<void> {
    const policy = subscription.config.deadLetterPolicy
    if (!policy) return
    const attributes = {
      ...message.attributes,
      CloudPubSubDeadLetterSourceDeliveryCount: String(attempts),
      CloudPubSubDeadLetterSourceSubscription: idOf(subscription.name),
      CloudPubSubDeadLetterSourceSubscriptionProject: projectOf(subscription.name),
      CloudPubSubDeadLetterSourceTopicPublishTime: new Date(time_us / 1000).toISOString(),
    }
    await this.parts.topics.publishOwn(this.parts.topics.get(policy.deadLetterTopic), [{ ...message, attributes }])
  }
}

const hasOutlet = ({ pushConfig, bigqueryConfig, cloudStorageConfig }: SubscriptionConfig): boolean => (pushConfig ?? bigqueryConfig ?? cloudStorageConfig) !== undefined

/** What an update cannot touch. */
const kept = ({ filter, enableMessageOrdering }: SubscriptionConfig): Partial<SubscriptionConfig> => ({ ...(filter !== undefined && { filter }), ...(enableMessageOrdering && { enableMessageOrdering }) })

export const isOrphan = ({ topic }: Subscription): boolean => topic === DELETED_TOPIC
