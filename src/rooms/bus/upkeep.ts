/** What has to be done now and then: places written down, expired things removed, room freed that nobody needs any more. */
import type { Clock } from '#ground/clock.ts'
import type { SegmentLog } from '#ground/log.ts'
import type { Log } from '#ground/telemetry.ts'
import { floorOf } from './cursor.ts'
import { seconds } from './durations.ts'
import { UPKEEP_EVERY_MS } from './limits.ts'
import type { Logs } from './logs.ts'
import type { Registry } from './registry.ts'
import type { Seek } from './seek.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface UpkeepParts {
  registry: Registry
  logs: Logs
  subscriptions: Subscriptions
  seek: Seek
  clock: Clock
  log: Log
}

export class Upkeep {
  private readonly parts: UpkeepParts
  private cancel = () => {}
  private running: Promise<void> = Promise.resolve()
  private stopped = false

  constructor(parts: UpkeepParts) {
    this.parts = parts
  }

  start(): void {
    this.cancel = this.parts.clock.after(UPKEEP_EVERY_MS, () => {
      this.running = this.round()
        .catch((thrown) => this.parts.log.warn({ err: thrown }, 'the upkeep of the bus failed; it is tried again'))
        .then(() => {
          if (!this.stopped) this.start()
        })
    })
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.cancel()
    await this.running
  }

  async round(): Promise<void> {
    const { registry, subscriptions } = this.parts
    for (const name of [...registry.seats.keys()]) await (await subscriptions.openDelivery(name))?.tidy()
    await this.expire()
    await this.free()
  }

  private async expire(): Promise<void> {
    const { registry, subscriptions, seek, clock } = this.parts
    const now_ms = clock.now_ms()
    for (const seat of [...registry.seats.values()]) {
      const { name, config } = seat.subscription
      if ((await subscriptions.openDelivery(name))?.busy) seat.active_ms = now_ms
      const { ttl } = config.expirationPolicy
      if (ttl !== undefined && now_ms - seat.active_ms > seconds(ttl) * 1000) await subscriptions.remove(name, 'expired')
    }
    for (const { name, expire_ms } of [...registry.snapshots.values()]) if (expire_ms <= now_ms) await seek.removeSnapshot(name, 'expired')
  }

  private async free(): Promise<void> {
    const { registry, logs } = this.parts
    const inUse = registry.logsInUse()
    for (const id of await logs.onDisk()) {
      if (!inUse.has(id)) await logs.remove(id)
      else if (logs.opened().includes(id) || this.hasBacklog(id)) await this.freeLog(await logs.open(id))
    }
  }

  /** A log that nobody has opened since the start is looked at once there may be something to free. */
  private hasBacklog(id: string): boolean {
    return [...this.parts.registry.seats.values()].some(({ subscription }) => subscription.log === id)
  }

  private async freeLog(log: SegmentLog): Promise<void> {
    await log.forgetBefore(await this.neededFrom(log))
  }

  /** The first record that a subscription, a snapshot or the topic's retention still needs. */
  private async neededFrom(log: SegmentLog): Promise<number> {
    const { registry, subscriptions, seek, clock } = this.parts
    let needed = log.end
    const since = async (kept_s: number) => log.seqAt((clock.now_ms() - kept_s * 1000) * 1000)
    for (const { subscription, cursor } of registry.seats.values()) {
      if (subscription.log !== log.id || subscription.config.detached) continue
      const place = (await subscriptions.openDelivery(subscription.name))?.cursor() ?? cursor
      // The ledger's place may be behind the one in memory, and a start after a kill reads on from there.
      const waiting = Math.max(Math.min(floorOf(place), floorOf(cursor)), await since(seconds(subscription.config.messageRetentionDuration)))
      needed = Math.min(needed, waiting, (await seek.keptFrom(subscription, log)) ?? waiting)
    }
    for (const snapshot of registry.snapshots.values()) if (snapshot.log === log.id) needed = Math.min(needed, floorOf(snapshot.cursor))
    for (const topic of registry.topics.values()) {
      const kept = topic.log === log.id ? topic.config.messageRetentionDuration : undefined
      if (kept !== undefined) needed = Math.min(needed, await since(seconds(kept)))
    }
    return needed
  }
}
