/** What happened, step by step, as data for `stepEntries` and the console. It keeps only the entries of the batch under way. */
import type { Position } from '../language/source.ts'

export type EntryState = 'STATE_IN_PROGRESS' | 'STATE_SUCCEEDED' | 'STATE_FAILED'

/** Written when a step begins, and again (with the same id) when it ends in a later batch. */
export interface StepRecord {
  id: number
  /** The entry it stands under, 0 for none. */
  parent: number
  thread: number
  routine: string
  step: string
  type: string
  at: Position
  state: EntryState
  opened_ms: number
  closed_ms: number | null
  /** JSON text of the error that ended it. */
  exception?: string
  /** JSON text of the variables in view when it ended, at the detailed level only. */
  variables?: string
  progress?: { number: number; expected?: number }
}

/** The end of a step whose beginning was written with an earlier batch. */
export type StepClosing = Pick<StepRecord, 'id' | 'state' | 'closed_ms' | 'exception' | 'variables'>

export class History {
  private records: StepRecord[] = []
  private closings: StepClosing[] = []
  private readonly open = new Map<number, StepRecord>()

  get size(): number {
    return this.records.length
  }

  begin(record: StepRecord): void {
    this.records.push(record)
    this.open.set(record.id, record)
  }

  end(id: number, closing: Omit<StepClosing, 'id'>): void {
    const record = this.open.get(id)
    if (!record) {
      this.closings.push({ id, ...closing })
      return
    }
    this.open.delete(id)
    Object.assign(record, closing)
  }

  take(): { records: StepRecord[]; closings: StepClosing[] } {
    const taken = { records: this.records, closings: this.closings }
    this.records = []
    this.closings = []
    this.open.clear()
    return taken
  }
}

/** Folds what `take` gave over time into entries, in the order in which they began. */
export function foldHistory(batches: Iterable<{ records: readonly StepRecord[]; closings: readonly StepClosing[] }>): StepRecord[] {
  const entries = new Map<number, StepRecord>()
  for (const { records, closings } of batches) {
    for (const record of records) entries.set(record.id, { ...record })
    for (const closing of closings) Object.assign(entries.get(closing.id) ?? {}, closing)
  }
  return [...entries.values()]
}
