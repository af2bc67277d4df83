/**
 * A checked program: each routine a flat list of nodes that name each other by number. Numbers follow the order of the
 * source, so that a journal written for a revision still fits the program built from it after a restart.
 */
import type { Compiled } from './expressions/compile.ts'
import type { Position } from './source.ts'
import type { Parameter, LibraryFunction } from '../stdlib/library.ts'
import type { PredicateName } from '../stdlib/retry.ts'
import type { Value } from './values.ts'

export interface Program {
  routines: ReadonlyMap<string, Routine>
}

export interface Routine {
  name: string
  params: RoutineParameter[]
  nodes: Node[]
}

export interface RoutineParameter {
  name: string
  default?: Template
}

/** Where control goes: the number of a node, known once that node is built. */
export interface Label {
  id: number
}

export interface Node {
  id: number
  /** The step's name; what a switch entry or a `try` holds inline carries the name of its step. */
  name: string
  at: Position
  /** How many blocks (for, try, except) are open around it: a jump here closes all deeper ones. */
  depth: number
  /** Where control goes when it is done. */
  after: Label
  /** Undefined for the unnamed ends of blocks, which are no steps and are not counted as such. */
  type?: StepType
  operation: Operation
}

export type StepType =
  | 'STEP_ASSIGN' | 'STEP_STD_LIB_CALL' | 'STEP_CONNECTOR_CALL' | 'STEP_SUBWORKFLOW_CALL' | 'STEP_SWITCH' | 'STEP_FOR'
  | 'STEP_PARALLEL_FOR' | 'STEP_PARALLEL_BRANCH' | 'STEP_TRY_RETRY_EXCEPT' | 'STEP_RETURN' | 'STEP_RAISE' | 'STEP_GOTO'

export type Operation =
  | { op: 'assign'; entries: Assignment[] }
  | { op: 'call'; target: CallTarget; args: CallArguments; result?: string }
  | { op: 'switch'; cases: { condition: Template; then: Label }[] }
  | ({ op: 'for'; body: Label; next: Label } & Iteration)
  | { op: 'forNext' }
  | { op: 'parallel'; shared: string[]; limit?: Template; branches?: { name: string; body: Label }[]; loop?: Iteration & { body: Label } }
  | { op: 'try'; body: Label; retry?: RetryPlan; except?: { as?: string; body: Label } }
  | { op: 'tryEnd' }
  | { op: 'exceptEnd' }
  | { op: 'branchEnd' }
  | { op: 'routineEnd' }
  | { op: 'raise'; value: Template }
  | { op: 'return'; value: Template }
  | { op: 'enter'; body: Label }
  | { op: 'jump' }

export interface Iteration {
  value: string
  index?: string
  items?: Template
  range?: Template
}

export interface Assignment {
  name: string
  path: Compiled[]
  value: Template
}

/** A place of the source where a value stands: known at once, or evaluated each time. */
export interface Template {
  constant?: Value
  run: Compiled
}

export type CallTarget =
  | { kind: 'library'; name: string; fn: LibraryFunction }
  | { kind: 'blocking'; name: string; params: readonly Parameter[] }
  | { kind: 'routine'; name: string }
  | { kind: 'connector'; name: string }

/** Library arguments stand in parameter order, the others under their names. */
export type CallArguments = { ordered: Template[] } | { named: Record<string, Template> }

export interface RetryPlan {
  predicate: { library: PredicateName } | { routine: string }
  max_retries: Template
  initial_delay: Template
  max_delay: Template
  multiplier: Template
}

/** What the checker must know of connectors; connectors/ implements it. */
export interface ConnectorNames {
  /** The parameters of a method by position, or undefined when there is no such method. */
  parameters(name: string): readonly string[] | undefined
  /** Whether the method may stand inside an expression, as `…versions.accessString` may. */
  callableInExpression(name: string): boolean
}
