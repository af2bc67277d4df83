/** The things of the workflows room, as plain data between door, service and shelf. */
import type { TraceElement } from './machine/state.ts'

export type CallLogLevel = 'CALL_LOG_LEVEL_UNSPECIFIED' | 'LOG_ALL_CALLS' | 'LOG_ERRORS_ONLY' | 'LOG_NONE'
export type HistoryLevel = 'EXECUTION_HISTORY_LEVEL_UNSPECIFIED' | 'EXECUTION_HISTORY_BASIC' | 'EXECUTION_HISTORY_DETAILED'

/** What a revision pins: changing any of it makes a new one. */
export interface RevisionConfig {
  sourceContents: string
  serviceAccount: string
  userEnvVars: Record<string, string>
  cryptoKeyName?: string
}

/** What a workflow may change without a new revision. */
export interface WorkflowConfig {
  description: string
  labels: Record<string, string>
  tags: Record<string, string>
  callLogLevel: CallLogLevel
  executionHistoryLevel: HistoryLevel
}

export interface Workflow {
  /** `projects/P/locations/L/workflows/W` */
  name: string
  parent: string
  revision: string
  revisions: number
  created_ms: number
  updated_ms: number
  config: WorkflowConfig
}

export interface Revision {
  workflow: string
  id: string
  number: number
  created_ms: number
  config: RevisionConfig
}

export interface Operation {
  name: string
  parent: string
  created_ms: number
  verb: 'create' | 'update' | 'delete'
  target: string
  /** JSON of the response. */
  response: string
}

export type ExecutionState = 'ACTIVE' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED' | 'UNAVAILABLE' | 'QUEUED'

export interface ExecutionError {
  payload: string
  context: string
  trace: TraceElement[]
}

export interface Execution {
  /** `…/workflows/W/executions/E` */
  name: string
  workflow: string
  revision: string
  state: ExecutionState
  /** JSON texts, as on the wire. */
  argument: string | null
  result: string | null
  error: ExecutionError | null
  labels: Record<string, string>
  callLogLevel: CallLogLevel
  executionHistoryLevel: HistoryLevel
  created_ms: number
  ended_ms: number | null
  /** The caller's trace, which everything that the execution causes carries on. */
  trace: string | null
}
