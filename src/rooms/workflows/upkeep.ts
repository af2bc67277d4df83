/** What the room forgets: ended executions and their histories after the time the cloud keeps them, and old operations. */
import type { Clock } from '#ground/clock.ts'
import { EXECUTIONS_KEPT_MS, PRUNE_BATCH } from './limits.ts'
import type { ExecutionShelf } from './shelf.executions.ts'
import type { WorkflowShelf } from './shelf.ts'

export class Upkeep {
  private readonly executions: ExecutionShelf
  private readonly workflows: WorkflowShelf
  private readonly clock: Clock

  constructor(parts: { executions: ExecutionShelf; workflows: WorkflowShelf; clock: Clock }) {
    this.executions = parts.executions
    this.workflows = parts.workflows
    this.clock = parts.clock
  }

  async prune(): Promise<void> {
    const before_ms = this.clock.now_ms() - EXECUTIONS_KEPT_MS
    await this.workflows.pruneOperations(before_ms)
    // A batch at a time: the ledger's one writer serves others in between.
    while ((await this.executions.prune(before_ms, PRUNE_BATCH)) === PRUNE_BATCH);
  }
}
