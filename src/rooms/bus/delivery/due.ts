/** When which message has to be looked at again: a heap of times. Entries that no longer hold are dropped when they come up. */

export class DueTimes {
  private times: number[] = []
  private seqs: number[] = []

  get size(): number {
    return this.times.length
  }

  /** The earliest time. */
  get first_ms(): number | undefined {
    return this.times[0]
  }

  clear(): void {
    this.times = []
    this.seqs = []
  }

  add(due_ms: number, seq: number): void {
    let at = this.times.length
    this.times.push(due_ms)
    this.seqs.push(seq)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.times[parent]! <= due_ms) break
      this.move(parent, at)
      at = parent
    }
    this.times[at] = due_ms
    this.seqs[at] = seq
  }

  /** The earliest that is due by now, taken out. */
  take(now_ms: number): number | undefined {
    if (this.times.length === 0 || this.times[0]! > now_ms) return undefined
    const seq = this.seqs[0]!
    const lastTime = this.times.pop()!
    const lastSeq = this.seqs.pop()!
    if (this.times.length > 0) this.sink(lastTime, lastSeq)
    return seq
  }

  private sink(time: number, seq: number): void {
    const count = this.times.length
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= count) break
      if (child + 1 < count && this.times[child + 1]! < this.times[child]!) child++
      if (this.times[child]! >= time) break
      this.move(child, at)
      at = child
    }
    this.times[at] = time
    this.seqs[at] = seq
  }

  private move(from: number, to: number): void {
    this.times[to] = this.times[from]!
    this.seqs[to] = this.seqs[from]!
  }
}
