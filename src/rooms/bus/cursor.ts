/** A subscription's place as text, small enough to be written with every acknowledgement: runs as gaps and lengths, in base 36. */
import type { Cursor, Run } from './types.ts'

export function encodeRuns(runs: Iterable<Run>): string {
  let text = ''
  let at = 0
  for (const { first, count, attempts } of runs) {
    text += `${text === '' ? '' : ' '}${(first - at).toString(36)}`
    if (count > 1 || attempts > 0) text += `.${count.toString(36)}`
    if (attempts > 0) text += `.${attempts.toString(36)}`
    at = first + count
  }
  return text
}

export function decodeRuns(text: string): Run[] {
  const runs: Run[] = []
  let at = 0
  for (const part of text === '' ? [] : text.split(' ')) {
    const [gap, count = '1', attempts = '0'] = part.split('.')
    const first = at + Number.parseInt(gap!, 36)
    const run = { first, count: Number.parseInt(count, 36), attempts: Number.parseInt(attempts, 36) }
    runs.push(run)
    at = first + run.count
  }
  return runs
}

/** The first record that the cursor still needs. */
export const floorOf = ({ next, unacked }: Cursor): number => unacked[0]?.first ?? next

export const waitingIn = ({ next, unacked }: Cursor, end: number): number => Math.max(0, end - next) + unacked.reduce((sum, { count }) => sum + count, 0)

/** Only what lies at or after `seq`. */
export function cutBefore({ next, unacked }: Cursor, seq: number): Cursor {
  const kept = unacked.flatMap((run) => {
    const first = Math.max(run.first, seq)
    const count = run.first + run.count - first
    return count > 0 ? [{ ...run, first, count }] : []
  })
  return { next: Math.max(next, seq), unacked: kept }
}
