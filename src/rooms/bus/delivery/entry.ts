/** A message that was read and is not acknowledged: what memory holds of it. */
import type { Consumer } from './delivered.ts'
import type { Line } from './lines.ts'

export type EntryState =
  /** Out with a subscriber until `due_ms`. */
  | 'leased'
  /** Not again before `due_ms`: the retry policy's back-off. */
  | 'waiting'
  /** To be delivered as soon as someone takes it. */
  | 'ready'
  /** Waiting for its turn among the messages of its ordering key. */
  | 'held'
  /** On its way to the dead-letter topic. */
  | 'leaving'

export interface Entry {
  readonly seq: number
  readonly bytes: number
  state: EntryState
  due_ms: number
  /** Counts leases, so that an ack id names one of them. */
  lease: number
  /** Tries begun. */
  attempts: number
  consumer: Consumer | undefined
  readonly line: Line | undefined
}
