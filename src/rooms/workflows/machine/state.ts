/**
 * Everything an execution is, as plain data: no closures, no promises. It can be written down between any two steps and
 * taken up again by another process. How it moves is machine.ts; how it is written down is state-json.ts.
 */
import type { Bytes, NewMap, Value, ValueMap } from '../language/values.ts'

export const STATE_VERSION = 1

export interface MachineState {
  version: typeof STATE_VERSION
  /** By id; the main thread has the id 1. */
  threads: Record<string, Thread>
  joins: Record<string, Join>
  callbacks: Record<string, Callback>
  /** The next id for a thread, a join, a wait, a callback or a history entry. */
  next_id: number
  steps_run: number
  memory_bytes: number
  outcome: Outcome | null
}

export interface Thread {
  id: number
  /** The innermost call last. */
  frames: Frame[]
  /** The parallel step it belongs to; null for the main thread. */
  join: number | null
  branch: number
  /** Calls and parallel steps around its first frame. */
  outer_calls: number
  parallel_depth: number
  wait: Wait | null
}

export interface Frame {
  routine: string
  /** The node that runs, or runs next. */
  at: number
  /** Entries of the current assign, or conditions of the current switch, that are done. */
  progress: number
  vars: NewMap
  blocks: Block[]
  /** Results of calls inside the current expression, by call site; null when there are none. */
  called: Record<string, Value> | null
  /** What this frame waits for from the frame above it, or from a wait. */
  awaits: Awaited
  /** The history entry of the current step, 0 before it begins. */
  entry: number
  /** The history entry that everything in this frame stands under. */
  under: number
}

export type Awaited = null | { what: 'call' } | { what: 'site'; site: number } | { what: 'predicate' }

export type Block = ForBlock | TryBlock | ExceptBlock

export interface ForBlock {
  kind: 'for'
  node: number
  vars: NewMap
  source: IterationSource
  done: number
  entry: number
}

/** What is iterated: a list, or `count` numbers from `first` on. */
export type IterationSource = { items: readonly Value[] } | { first: Value; count: number }

export interface TryBlock {
  kind: 'try'
  node: number
  retries: number
  phase: 'body' | 'predicate' | 'backoff'
  /** The error that the predicate is being asked about. */
  failure: Failure | null
  entry: number
}

export interface ExceptBlock {
  kind: 'except'
  node: number
  vars: NewMap
  entry: number
}

export interface Failure {
  value: Value
  trace: TraceElement[]
}

export interface TraceElement {
  step: string
  routine: string
  line: number
  column: number
  length: number
}

export type Wait = HttpWait | TimerWait | CallbackWait | JoinWait

export interface HttpWait {
  kind: 'http'
  id: number
  request: HttpRequest
  connector: ConnectorState | null
}

export interface TimerWait {
  kind: 'timer'
  id: number
  due_ms: number
  connector: ConnectorState | null
}

export interface CallbackWait {
  kind: 'callback'
  id: number
  callback: string
  due_ms: number
}

export interface JoinWait {
  kind: 'join'
  id: number
  join: number
}

export interface HttpRequest {
  method: string
  url: string
  headers: Record<string, string>
  body: string | Bytes | null
  timeout_s: number
  auth: HttpAuth | null
}

export interface HttpAuth {
  type: 'OAuth2' | 'OIDC'
  scopes: string[]
  /** For OIDC: who the token is for; the URL when nothing was said. */
  audience: string
}

/** Where a connector call stands: sending, waiting to send again, polling an operation. */
export interface ConnectorState {
  method: string
  phase: 'send' | 'poll'
  request: HttpRequest
  /** Failed sends of the current phase. */
  retries: number
  polls: number
  deadline_ms: number
  policy: { initial_delay_s: number; multiplier: number; max_delay_s: number }
  skip_polling: boolean
  /** The operation as it was last seen. */
  operation: Value
}

export interface Join {
  id: number
  thread: number
  node: number
  total: number
  /** Branches begun and ended. */
  begun: number
  ended: number
  limit: number
  source: IterationSource | null
  errors: BranchError[]
  truncated: boolean
}

export interface BranchError {
  id: string
  context: string
  payload: string
  tags: string[]
}

export interface Callback {
  method: string
  /** A request that arrived before anyone awaited it. */
  arrived: ValueMap | null
}

export type Outcome =
  | { state: 'SUCCEEDED'; result: Value }
  | { state: 'FAILED'; error: Value; context: string; trace: TraceElement[] }
  | { state: 'CANCELLED' }
