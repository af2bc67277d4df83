/** Snapshots, and going back or forward: to a snapshot, to a time. */
import type { Clock } from '#ground/clock.ts'
import type { SegmentLog } from '#ground/log.ts'
import { cutBefore, floorOf } from './cursor.ts'
import { seconds, timeOf } from './durations.ts'
import { alreadyExists, invalid, notFound, tooMany } from './faults.ts'
import { labelsOf, masked, maskOf } from './json.ts'
import type { Json } from './json.ts'
import { SNAPSHOTS_MAX, SNAPSHOT_AGE_S_MAX, SNAPSHOT_AGE_S_MIN } from './limits.ts'
import type { Logs } from './logs.ts'
import { checkName, projectOf } from './names.ts'
import type { Registry } from './registry.ts'
import type { BusShelf } from './shelf.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Cursor, Snapshot, Subscription } from './types.ts'

export interface SeekParts {
  registry: Registry
  shelf: BusShelf
  logs: Logs
  subscriptions: Subscriptions
  clock: Clock
}

export class Seek {
  private readonly parts: SeekParts

  constructor(parts: SeekParts) {
    this.parts = parts
  }

  get(name: string): Snapshot {
    const snapshot = this.parts.registry.snapshots.get(checkName('snapshots', name))
    if (!snapshot) throw notFound(name)
    return snapshot
  }

  list(project: string): Snapshot[] {
    return [...this.parts.registry.snapshots.values()].filter(({ name }) => projectOf(name) === project).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  ofTopic(topic: string): Snapshot[] {
    return [...this.parts.registry.snapshots.values()].filter((snapshot) => snapshot.topic === topic)
  }

  async createSnapshot(name: string, subscriptionName: string, labels: unknown): Promise<Snapshot> {
    checkName('snapshots', name)
    const { registry, shelf, subscriptions, clock } = this.parts
    if (registry.snapshots.has(name)) throw alreadyExists(name)
    if (registry.snapshots.size >= SNAPSHOTS_MAX) throw tooMany('snapshots', SNAPSHOTS_MAX)
    const { topic, log, config } = subscriptions.get(subscriptionName)
    const delivery = await subscriptions.delivery(subscriptionName)
    const cursor = structuredClone(delivery.cursor())
    const now_ms = clock.now_ms()
    // It lives for a week less the age of the oldest message it keeps.
    const [oldest] = await delivery.log.read(Math.max(floorOf(cursor), delivery.log.start))
    const expire_ms = (oldest ? Math.min(now_ms, oldest.time_us / 1000) : now_ms) + SNAPSHOT_AGE_S_MAX * 1000
    if (expire_ms - now_ms < SNAPSHOT_AGE_S_MIN * 1000) {
      throw invalid('The oldest message that waits in the subscription is too old: the snapshot would expire within the hour.', 'Acknowledge or seek past the old messages first.')
    }
    const snapshot: Snapshot = { name, topic, log, created_ms: now_ms, expire_ms, labels: labels === undefined ? {} : labelsOf(labels), filter: config.filter ?? '', cursor }
    registry.snapshots.set(name, snapshot)
    try {
      await shelf.addSnapshot(snapshot)
    } catch (thrown) {
      registry.snapshots.delete(name)
      throw thrown
    }
    return snapshot
  }

  async changeSnapshot(name: string, given: Json, mask: unknown): Promise<Snapshot> {
    const snapshot = this.get(name)
    const before = { labels: snapshot.labels, expireTime: new Date(snapshot.expire_ms).toISOString() }
    const after = masked(before, given, maskOf(mask, 'UpdateSnapshotRequest'), ['labels', 'expireTime'], 'snapshot')
    const changed = { ...snapshot, labels: labelsOf(after['labels'] ?? {}), expire_ms: timeOf(after['expireTime'], 'expireTime') / 1000 }
    await this.parts.shelf.changeSnapshot(changed)
    this.parts.registry.snapshots.set(name, changed)
    return changed
  }

  async removeSnapshot(name: string, event: 'deleted' | 'expired' = 'deleted'): Promise<void> {
    this.get(name)
    await this.parts.shelf.removeSnapshot(name, event)
    this.parts.registry.snapshots.delete(name)
  }

  async toSnapshot(subscriptionName: string, snapshotName: string): Promise<void> {
    const { subscriptions } = this.parts
    const subscription = subscriptions.get(subscriptionName)
    const snapshot = this.get(snapshotName)
    if (snapshot.log !== subscription.log) throw invalid('The snapshot is of another topic than the subscription.')
    if (snapshot.filter !== (subscription.config.filter ?? '')) throw invalid('The snapshot was made of a subscription with another filter.')
    await (await subscriptions.delivery(subscriptionName)).moveTo(structuredClone(snapshot.cursor))
  }

  /** What was published before is acknowledged, what came after is not. What nobody kept does not come back. */
  async toTime(subscriptionName: string, time_us: number): Promise<void> {
    const { subscriptions } = this.parts
    const delivery = await subscriptions.delivery(subscriptionName)
    const at = await delivery.log.seqAt(time_us)
    const keptFrom = await this.keptFrom(subscriptions.get(subscriptionName), delivery.log)
    const cursor = delivery.cursor()
    const place: Cursor = keptFrom === undefined ? cutBefore(cursor, at) : replayFrom(cursor, at, keptFrom)
    await delivery.moveTo(place)
  }

  /** From where on acknowledged messages are still promised; undefined where none are. */
  async keptFrom({ topic, config, created_ms }: Subscription, log: SegmentLog): Promise<number | undefined> {
    const now_ms = this.parts.clock.now_ms()
    const bySubscription_s = config.retainAckedMessages ? seconds(config.messageRetentionDuration) : 0
    const byTopic = this.parts.registry.topics.get(topic)?.config.messageRetentionDuration
    const kept_s = Math.max(bySubscription_s, byTopic === undefined ? 0 : seconds(byTopic))
    if (kept_s === 0) return undefined
    // A topic keeps also what was there before the subscription.
    const since_ms = byTopic === undefined ? Math.max(created_ms, now_ms - kept_s * 1000) : now_ms - kept_s * 1000
    return Math.max(log.start, await log.seqAt(since_ms * 1000))
  }
}

/** Everything from `at` on waits again as far as it is kept; before that, only what was waiting already. */
function replayFrom(cursor: Cursor, at: number, keptFrom: number): Cursor {
  if (at >= keptFrom) return { next: at, unacked: [] }
  const unread = { first: Math.min(cursor.next, keptFrom), count: Math.max(0, keptFrom - cursor.next), attempts: 0 }
  const waiting = cutBefore({ next: keptFrom, unacked: [...cursor.unacked, unread] }, at).unacked.flatMap((run) => {
    const count = Math.min(run.count, keptFrom - run.first)
    return count > 0 ? [{ ...run, count }] : []
  })
  return { next: keptFrom, unacked: waiting }
}
