/** The logs of all topics, opened when first needed, with who listens to each. */
import type { Clock } from '#ground/clock.ts'
import type { Disk } from '#ground/disk.ts'
import type { Fault } from '#ground/fault.ts'
import { BlockCache, SegmentLog } from '#ground/log.ts'
import type { Delivery } from './delivery/delivery.ts'

export class Logs {
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly cache = new BlockCache()
  private readonly logs = new Map<string, Promise<SegmentLog>>()
  private readonly listeners = new Map<string, Set<Delivery>>()
  private readonly watched = new Set<SegmentLog>()

  constructor(disk: Disk, clock: Clock) {
    this.disk = disk
    this.clock = clock
  }

  open(id: string): Promise<SegmentLog> {
    let log = this.logs.get(id)
    if (!log) {
      log = SegmentLog.open(this.disk, ['bus', id], { clock: this.clock, cache: this.cache })
      this.logs.set(id, log)
      log.then(
        (opened) => this.watched.add(opened),
        () => this.logs.delete(id),
      )
    }
    return log
  }

  /** A log that the disk has failed takes nothing more; the others go on. */
  get failure(): Fault | undefined {
    for (const log of this.watched) if (log.failure) return log.failure
    return undefined
  }

  /** Of the opened ones only. */
  opened(): string[] {
    return [...this.logs.keys()]
  }

  listen(id: string, delivery: Delivery): void {
    let set = this.listeners.get(id)
    if (!set) this.listeners.set(id, (set = new Set()))
    set.add(delivery)
  }

  unlisten(id: string, delivery: Delivery): void {
    const set = this.listeners.get(id)
    set?.delete(delivery)
    if (set?.size === 0) this.listeners.delete(id)
  }

  /** Something was published. */
  told(id: string): void {
    for (const delivery of this.listeners.get(id) ?? []) delivery.wake()
  }

  async onDisk(): Promise<string[]> {
    return this.disk.list('bus')
  }

  async remove(id: string): Promise<void> {
    const log = await this.logs.get(id)
    this.logs.delete(id)
    if (log) {
      this.watched.delete(log)
      await log.remove()
    } else await this.disk.remove('bus', id)
  }

  async close(): Promise<void> {
    for (const log of this.logs.values()) await (await log).close()
  }
}
