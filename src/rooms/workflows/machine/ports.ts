/** What drives a machine needs: time, a place to write, and somebody who sends requests. */
import type { StepClosing, StepRecord } from './history.ts'
import type { LogLine } from './host.ts'
import type { HttpOutcome } from './http-response.ts'
import type { HttpRequest, Outcome } from './state.ts'

export interface HttpCaller {
  /** Never rejects: what went wrong is an outcome. `key` is the same each time this step's request is sent. */
  send(request: HttpRequest, key: string, signal: AbortSignal): Promise<HttpOutcome>
}

/** What one blocking point writes, in one transaction and before any of its waits is acted upon. */
export interface Batch {
  /** The whole state; null once the execution has ended well or was cancelled. */
  state: string | null
  outcome: Outcome | null
  records: StepRecord[]
  closings: StepClosing[]
  logs: LogLine[]
  /** When the execution must be looked at again; at once while it has a request under way, null while only a callback can move it. */
  wake_at_ms: number | null
}

export interface Journal {
  append(batch: Batch): Promise<void>
}
