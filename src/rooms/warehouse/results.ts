/** Results of queries that named no destination: tables of the engine that nobody promised to keep. They expire, and a new engine has none. */
import type { Clock } from '#ground/clock.ts'
import type { Engine } from './engine/engine.ts'
import { RESULT_AGE_MS, RESULTS_MAX } from './limits.ts'
import type { SqlType } from './sql/types.ts'
import type { Field, JobRef, TablePath } from './types.ts'

export interface Result {
  schema: readonly Field[]
  types: readonly SqlType[]
  /** The engine's table; its columns are o1, o2 … */
  relation: string
  rows: number
  created_ms: number
  /** The name under which clients may read it as a table. */
  path: TablePath
}

export class Results {
  private readonly engine: Engine
  private readonly clock: Clock
  private readonly byJob = new Map<string, Result>()
  private readonly byTable = new Map<string, Result>()

  constructor(engine: Engine, clock: Clock) {
    this.engine = engine
    this.clock = clock
  }

  add(job: JobRef, result: Result): void {
    this.byJob.set(keyOf(job), result)
    this.byTable.set(result.path.tableId, result)
    if (this.byJob.size > RESULTS_MAX) this.sweep(this.byJob.size - RESULTS_MAX)
  }

  /** A script's rows are those of its last query. */
  share(job: JobRef, result: Result): void {
    this.byJob.set(keyOf(job), result)
  }

  ofJob(job: JobRef): Result | undefined {
    return this.byJob.get(keyOf(job))
  }

  table({ tableId }: TablePath): Result | undefined {
    return this.byTable.get(tableId)
  }

  forget(job: JobRef): void {
    const result = this.byJob.get(keyOf(job))
    if (result) this.remove(keyOf(job), result)
  }

  clear(): void {
    this.byJob.clear()
    this.byTable.clear()
  }

  /** Drops what has expired, and the oldest `surplus` beside. */
  sweep(surplus = 0): void {
    const before_ms = this.clock.now_ms() - RESULT_AGE_MS
    for (const [key, result] of this.byJob) {
      if (result.created_ms >= before_ms && surplus-- <= 0) return
      this.remove(key, result)
    }
  }

  private remove(key: string, result: Result): void {
    this.byJob.delete(key)
    if ([...this.byJob.values()].includes(result)) return
    this.byTable.delete(result.path.tableId)
    // The engine may have gone meanwhile, and its results with it.
    this.engine.call('drop', { relations: [result.relation] }).catch(() => undefined)
  }
}

const keyOf = ({ projectId, jobId }: JobRef): string => `${projectId}:${jobId}`

/** Datasets that hold anonymous results begin with an underscore and are in no list. */
export const isAnonymous = (datasetId: string): boolean => /^_[0-9a-f]{40}$/.test(datasetId)
