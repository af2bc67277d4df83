/** Subscriptions that deliver by themselves: one worker for each, replaced when its settings change. */
import type { Clock } from '#ground/clock.ts'
import { unimplemented } from '#ground/fault.ts'
import type { Ids } from '#ground/ids.ts'
import type { Log } from '#ground/telemetry.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { invalid } from '../faults.ts'
import { BATCH_BYTES_MAX, SINK_MESSAGES_MAX, TABLE_GATHER_MS } from '../limits.ts'
import type { Subscription, SubscriptionConfig } from '../types.ts'
import { objectBounds, writeObject } from './bucket.ts'
import type { BucketPort } from './bucket.ts'
import { Gatherer } from './gatherer.ts'
import { Push } from './push.ts'
import type { CourierPort, TokenPort } from './push.ts'
import { writeRows } from './table.ts'
import type { TablePort } from './table.ts'

export interface OutletPorts {
  courier: CourierPort
  tokens: TokenPort
  /** Not there in a house without the room. */
  tables?: TablePort
  buckets?: BucketPort
}

interface Worker {
  start(): void
  stop(): void
}

export class Outlets {
  private readonly ports: OutletPorts
  private readonly ground: { clock: Clock; ids: Ids; log: Log }
  private readonly workers = new Map<string, Worker>()

  constructor(ports: OutletPorts, ground: { clock: Clock; ids: Ids; log: Log }) {
    this.ports = ports
    this.ground = ground
  }

  async check({ bigqueryConfig, cloudStorageConfig }: SubscriptionConfig): Promise<void> {
    if (bigqueryConfig) {
      if (!this.ports.tables) throw unimplemented('Delivery to a BigQuery table')
      if (!(await this.ports.tables.exists(bigqueryConfig.table))) throw invalid(`The table does not exist (table=${bigqueryConfig.table}).`)
    }
    if (cloudStorageConfig) {
      if (!this.ports.buckets) throw unimplemented('Delivery to a Cloud Storage bucket')
      if (!(await this.ports.buckets.exists(cloudStorageConfig.bucket))) throw invalid(`The bucket does not exist (bucket=${cloudStorageConfig.bucket}).`)
    }
  }

  /** Without a delivery there is nothing to do for it any more. */
  set(subscription: Subscription, delivery: Delivery | undefined): void {
    this.workers.get(subscription.name)?.stop()
    this.workers.delete(subscription.name)
    const worker = delivery && this.workerOf(subscription, delivery)
    if (!worker) return
    this.workers.set(subscription.name, worker)
    worker.start()
  }

  stop(): void {
    for (const worker of this.workers.values()) worker.stop()
    this.workers.clear()
  }

  private workerOf(subscription: Subscription, delivery: Delivery): Worker | undefined {
    const { clock, ids, log } = this.ground
    const { pushConfig, bigqueryConfig, cloudStorageConfig } = subscription.config
    const { tables, buckets } = this.ports
    const common = { name: subscription.name, clock, log }
    if (pushConfig) return new Push(subscription, delivery, { courier: this.ports.courier, tokens: this.ports.tokens, clock, log })
    if (bigqueryConfig && tables) {
      const bounds = { messages: SINK_MESSAGES_MAX, bytes: BATCH_BYTES_MAX, gather_ms: TABLE_GATHER_MS }
      return new Gatherer(delivery, { ...common, bounds, write: (batch) => writeRows(tables, subscription, batch) })
    }
    if (cloudStorageConfig && buckets) {
      return new Gatherer(delivery, { ...common, bounds: objectBounds(cloudStorageConfig), write: (batch) => writeObject(buckets, cloudStorageConfig, batch, clock.now_ms(), ids.next()) })
    }
    return undefined
  }
}
