/** The pools of all functions: which revision serves a call, how many instances the house has room for, who makes room. */
import type { Clock } from '#ground/clock.ts'
import type { Dice } from '#ground/dice.ts'
import type { Log } from '#ground/telemetry.ts'
import { notServing } from './faults.ts'
import { INSTANCES_DEFAULT, INSTANCES_HOUSE_MAX } from './limits.ts'
import type { Instance } from './runtime/instance.ts'
import type { Launcher } from './runtime/launcher.ts'
import { Pool } from './runtime/pool.ts'
import type { FunctionShelf } from './shelf.ts'
import { fullName } from './types.ts'
import type { DeployedFunction, FunctionConfig, Revision } from './types.ts'

export interface FleetParts {
  shelf: FunctionShelf
  launcher: Launcher
  clock: Clock
  dice: Dice
  log: Log
}

interface Seat {
  revision: Revision
  pool: Pool
}

export const instancesMax = ({ instances_max, instances_min }: FunctionConfig): number => Math.max(1, instances_min, instances_max ?? INSTANCES_DEFAULT)

export class Fleet {
  private readonly parts: FleetParts
  /** By revision. */
  private readonly seats = new Map<string, Seat>()
  private readonly opening = new Map<string, Promise<Seat>>()
  private instances = 0

  constructor(parts: FleetParts) {
    this.parts = parts
  }

  get size(): number {
    return this.instances
  }

  /** The revision that takes this call, with its instances. */
  async serving(found: DeployedFunction): Promise<Seat> {
    const id = this.choose(found)
    if (id === null) throw notServing(fullName(found.name))
    const seat = this.seats.get(id)
    if (seat) return seat
    let opening = this.opening.get(id)
    if (!opening) {
      opening = this.open(found, id).finally(() => this.opening.delete(id))
      this.opening.set(id, opening)
    }
    return opening
  }

  /** A revision begins to serve, with the instance that its code was tried in. */
  adopt(found: DeployedFunction, revision: Revision, instance: Instance): void {
    const pool = this.pool(found, revision)
    this.seats.set(revision.id, { revision, pool })
    pool.adopt(instance)
    pool.warm()
  }

  /** Its calls under way end; it takes no new ones. */
  async retire(revision: string, options = { now: false }): Promise<void> {
    const seat = this.seats.get(revision)
    this.seats.delete(revision)
    await seat?.pool.close(options)
  }

  figures(revision: string): { instances: number; waiting: number } {
    const seat = this.seats.get(revision)
    return { instances: seat?.pool.size ?? 0, waiting: seat?.pool.waiting ?? 0 }
  }

  async close(): Promise<void> {
    await Promise.all([...this.seats.keys()].map((revision) => this.retire(revision, { now: true })))
  }

  private choose({ revision, traffic }: DeployedFunction): string | null {
    if (traffic === null || traffic.length === 0) return revision
    let at = this.parts.dice.roll() * 100
    for (const share of traffic) {
      at -= share.percent
      if (at < 0) return share.revision
    }
    return traffic.at(-1)!.revision
  }

  private async open(found: DeployedFunction, id: string): Promise<Seat> {
    const revision = await this.parts.shelf.revision(id)
    if (!revision) throw notServing(fullName(found.name))
    const seat = { revision, pool: this.pool(found, revision) }
    this.seats.set(id, seat)
    seat.pool.warm()
    return seat
  }

  private pool(found: DeployedFunction, revision: Revision): Pool {
    const { clock, log, launcher } = this.parts
    const { config } = revision
    return new Pool({
      name: fullName(found.name),
      instances_min: config.instances_min,
      instances_max: instancesMax(config),
      concurrency: config.concurrency,
      clock,
      log,
      start: () => launcher.launch(found, revision),
      admit: (anyway = false) => this.admit(anyway),
      released: () => {
        this.instances--
        for (const { pool } of this.seats.values()) if (pool.waiting > 0) pool.retry()
      },
    })
  }

  private admit(anyway: boolean): boolean {
    if (!anyway && this.instances >= INSTANCES_HOUSE_MAX && ![...this.seats.values()].some(({ pool }) => pool.evictIdle())) return false
    this.instances++
    return true
  }
}
