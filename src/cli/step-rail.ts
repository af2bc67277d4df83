/** The steps of a run, one line each, indented under the step they belong to: what ran, how it ended, how long it took. */
import type { StepRecord } from '#rooms/workflows/machine/history.ts'
import { durationText, paint } from './terminal.ts'

const MARK = { STATE_SUCCEEDED: ['green', '✓'], STATE_FAILED: ['red', '✗'], STATE_IN_PROGRESS: ['yellow', '…'] } as const
/** A run of thousands of steps is shown by its beginning and its end. */
const LINES_MAX = 200

export function stepRail(entries: readonly StepRecord[], stream: NodeJS.WriteStream = process.stdout): string {
  const parents = new Map(entries.map(({ id, parent }) => [id, parent]))
  const depth = (id: number): number => {
    let levels = 0
    for (let at = parents.get(id); at !== undefined && at !== 0; at = parents.get(at)) levels++
    return levels
  }
  const shown = entries.length <= LINES_MAX ? entries : [...entries.slice(0, LINES_MAX / 2), ...entries.slice(-LINES_MAX / 2)]
  const labels = shown.map((entry) => `${'  '.repeat(depth(entry.id))}${entry.routine === 'main' ? '' : `${entry.routine}.`}${entry.step}`)
  const width = Math.max(0, ...labels.map((label) => label.length))
  const lines = shown.map((entry, i) => {
    const [colour, mark] = MARK[entry.state]
    const took_ms = (entry.closed_ms ?? entry.opened_ms) - entry.opened_ms
    const kind = entry.type.replace(/^STEP_/, '').toLowerCase().replaceAll('_', ' ')
    const more = [kind, ...(took_ms > 0 ? [durationText(took_ms)] : []), ...(entry.exception === undefined ? [] : [entry.exception.slice(0, 100)])].join('  ')
    return `${paint(colour, mark, stream)} ${labels[i]!.padEnd(width)}  ${paint('dim', more, stream)}`
  })
  if (shown.length < entries.length) lines.splice(LINES_MAX / 2, 0, paint('dim', `  … ${entries.length - shown.length} steps more`, stream))
  return lines.join('\n')
}
