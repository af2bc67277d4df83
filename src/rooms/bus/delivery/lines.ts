/**
 * Ordering keys. The messages of one key form a line: its head goes out first, others follow only to the same
 * taker, and when one comes back, those behind it come back too.
 */
import type { Consumer } from './delivered.ts'
import type { Entry } from './entry.ts'

export interface Line {
  readonly key: string
  /** Read and not acknowledged, in order; the first `out` of them are with `consumer`. */
  entries: Entry[]
  out: number
  consumer: Consumer | undefined
}

export class Lines {
  private readonly lines = new Map<string, Line>()
  /** Lines with a message that only waits for someone to take it. */
  private readonly waiting = new Set<Line>()

  get size(): number {
    return this.waiting.size
  }

  clear(): void {
    this.lines.clear()
    this.waiting.clear()
  }

  lineOf(key: string): Line {
    let line = this.lines.get(key)
    if (!line) this.lines.set(key, (line = { key, entries: [], out: 0, consumer: undefined }))
    return line
  }

  join(entry: Entry): void {
    entry.line!.entries.push(entry)
    this.note(entry.line!)
  }

  /** Whether this is the message of its key that may go to this consumer now. */
  mayGo(entry: Entry, consumer: Consumer): boolean {
    const line = entry.line!
    return line.entries[line.out] === entry && entry.state === 'held' && opensTo(line, consumer)
  }

  /** The messages that may go to this consumer now, of one key, in order. */
  next(consumer: Consumer, limit: number): Entry[] {
    for (const line of this.waiting) {
      if (!opensTo(line, consumer)) continue
      const found: Entry[] = []
      for (let at = line.out; at < line.entries.length && found.length < limit && line.entries[at]!.state === 'held'; at++) found.push(line.entries[at]!)
      return found
    }
    return []
  }

  wentOut(entry: Entry, consumer: Consumer): void {
    const line = entry.line!
    line.out++
    line.consumer = consumer
    this.note(line)
  }

  /** Takes a message out of its line for good. */
  leave(entry: Entry): void {
    const line = entry.line!
    const at = line.entries.indexOf(entry)
    line.entries.splice(at, 1)
    if (at < line.out) line.out--
    this.note(line)
  }

  /** A message has come back; the ones behind it that were out are given to `recall`. */
  cameBack(entry: Entry, recall: (behind: Entry) => void): void {
    const line = entry.line!
    const at = line.entries.indexOf(entry)
    for (const behind of line.entries.slice(at + 1, line.out)) recall(behind)
    line.out = Math.min(line.out, at)
    this.note(line)
  }

  note(line: Line): void {
    if (line.out === 0) line.consumer = undefined
    if (line.entries[line.out]?.state === 'held') this.waiting.add(line)
    else this.waiting.delete(line)
    if (line.entries.length === 0) this.lines.delete(line.key)
  }
}

const opensTo = (line: Line, consumer: Consumer): boolean => line.out === 0 || line.consumer === consumer
