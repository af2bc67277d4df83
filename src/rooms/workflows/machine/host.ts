/** What the machine needs from outside while it runs. None of it waits: waiting is what waits (state.ts) are for. */
import type { ConnectorNames } from '../language/program.ts'
import type { Value } from '../language/values.ts'
import type { LibraryHost } from '../stdlib/library.ts'
import type { Arguments } from './http-request.ts'
import type { HttpOutcome } from './http-response.ts'
import type { ConnectorState } from './state.ts'

export interface MachineHost extends LibraryHost {
  callbackUrl(id: string): string
  connectors: ConnectorEngine
  /** Whether history entries carry the variables in view. */
  detailed: boolean
}

export interface ConnectorEngine extends ConnectorNames {
  begin(method: string, args: Arguments, host: LibraryHost): ConnectorMove
  resume(state: ConnectorState, event: HttpOutcome | 'woke', host: LibraryHost): ConnectorMove
}

export type ConnectorMove = { move: 'send'; state: ConnectorState } | { move: 'sleep'; state: ConnectorState; delay_ms: number } | { move: 'done'; value: Value }

export interface LogLine {
  at_ms: number
  severity: string
  payload: Value
  routine: string
  step: string
}
