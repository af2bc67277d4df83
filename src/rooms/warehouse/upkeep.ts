/** What the warehouse does when nobody asks: tables that expire, versions that nobody may read any more, notes and results of long ago. */
import type { Clock } from '#ground/clock.ts'
import type { Engine } from './engine/engine.ts'
import { APPLIED_KEPT_MS, JOB_AGE_MS_MAX, TIME_TRAVEL_MS, VERSIONS_KEPT_MAX } from './limits.ts'
import type { Results } from './results.ts'
import type { JobShelf } from './shelf.jobs.ts'
import type { WarehouseShelf } from './shelf.ts'
import type { Writer } from './writer.ts'

const BATCH = 500

export class Upkeep {
  private readonly shelf: WarehouseShelf
  private readonly jobShelf: JobShelf
  private readonly engine: Engine
  private readonly writer: Writer
  private readonly results: Results
  private readonly clock: Clock

  constructor(parts: { shelf: WarehouseShelf; jobShelf: JobShelf; engine: Engine; writer: Writer; results: Results; clock: Clock }) {
    this.shelf = parts.shelf
    this.jobShelf = parts.jobShelf
    this.engine = parts.engine
    this.writer = parts.writer
    this.results = parts.results
    this.clock = parts.clock
  }

  async run(): Promise<void> {
    const now_ms = this.clock.now_ms()
    for (const table of await this.shelf.expired(now_ms, BATCH)) {
      await this.writer.alone(table, async () => {
        const current = await this.shelf.table(table)
        if (current?.expires_ms != null && current.expires_ms <= now_ms) await this.writer.drop(current, '')
      })
    }
    const retired = await this.shelf.retiredBefore(now_ms - TIME_TRAVEL_MS, BATCH)
    const surplus = await this.shelf.retiredBeyond(VERSIONS_KEPT_MAX)
    const gone = [...new Set([...retired, ...surplus])]
    // The engine first: a table that is gone there and still named here is only looked for in vain.
    if (gone.length > 0) await this.engine.call('drop', { relations: gone })
    await this.shelf.write([...gone.map((physical) => this.shelf.forgetVersions(physical)), this.shelf.pruneVersions(now_ms - TIME_TRAVEL_MS)], [])
    await this.engine.call('forget', { before_us: (now_ms - APPLIED_KEPT_MS) * 1000 })
    await this.jobShelf.prune(now_ms - JOB_AGE_MS_MAX)
    this.results.sweep()
  }
}
