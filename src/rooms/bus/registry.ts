/** The settings of everything in the bus, in memory: read at start, changed after the ledger has the change. Messages are not here. */
import type { StoredSubscription } from './shelf.ts'
import type { BusShelf } from './shelf.ts'
import type { Snapshot, Subscription, Topic } from './types.ts'

export interface Seat extends StoredSubscription {
  subscription: Subscription
}

export class Registry {
  readonly topics = new Map<string, Topic>()
  readonly seats = new Map<string, Seat>()
  readonly snapshots = new Map<string, Snapshot>()
  private serials = { topic: 0, subscription: 0 }

  async load(shelf: BusShelf): Promise<void> {
    for (const topic of await shelf.topics()) this.topics.set(topic.name, topic)
    for (const seat of await shelf.subscriptions()) this.seats.set(seat.subscription.name, seat)
    for (const snapshot of await shelf.snapshots()) this.snapshots.set(snapshot.name, snapshot)
    this.serials = await shelf.serials()
  }

  nextSerial(kind: 'topic' | 'subscription'): number {
    return ++this.serials[kind]
  }

  subscriptionsOf(topic: string): Subscription[] {
    return [...this.seats.values()].map(({ subscription }) => subscription).filter((subscription) => subscription.topic === topic)
  }

  /** Logs that a topic, a subscription or a snapshot still needs. */
  logsInUse(): Set<string> {
    const things = [...this.topics.values(), ...[...this.seats.values()].map(({ subscription }) => subscription), ...this.snapshots.values()]
    return new Set(things.map(({ log }) => log))
  }
}
